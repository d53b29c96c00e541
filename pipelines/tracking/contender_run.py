"""A contender's artifacts as a run of MLflow's, with a child run for each of its trials.

A run is known by the contender it shows and by a hash of the files it shows. It counts once it is tagged
as complete; what a killed process left is removed the next time.
"""

import csv
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import Failure
from pipelines.tracking.model import Column, Graph, log_model
from pipelines.tracking.store import Store

LAYOUT = "1"  # of a run; raised when runs show other things than before, so that all are made again
CONTENDER, INPUTS, COMPLETE, CURRENT = "bakeoff.contender", "bakeoff.inputs", "bakeoff.complete", "bakeoff.current"
PARENT = "mlflow.parentRunId"  # MLflow's own tag of a child run

STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}  # a trial's state -> MLflow's word
TRIAL_COLUMNS = ("number", "state", "score", "epochs", "reason")  # of trials.csv; the others are settings
METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100  # MLflow takes no more in one call


class Evidence(NamedTuple):
    """Where a contender's artifacts are, and what else is known about how they were made."""

    problem: str
    contender: str
    data: Path  # the split: schema.json, valid/
    tune: Path
    train: Path
    evaluate: Path
    durations: Mapping[str, Path]  # stage -> the file that says how long it took; it may be missing
    commit: Mapping[str, str]  # tags about the code; empty where there is no git


class _Entry(NamedTuple):
    name: str
    value: float
    step: int = 0


def show(store: Store, evidence: Evidence) -> bool:
    """Bring MLflow in line with a contender's artifacts; tells whether anything had to be done.

    Raises:
        Failure: if the artifacts change while they are read, or are not all there.
    """
    experiment = store.experiment(evidence.problem)
    inputs = _hash(evidence)
    runs = runs_of(store, experiment, evidence.contender)
    parents = [run for run in runs if PARENT not in run.data.tags]
    fitting = [run for run in parents if _shows(run, inputs, store)]
    if fitting:
        kept = fitting[0].info.run_id
        _remove(store, experiment, [run for run in runs if kept not in (run.info.run_id, run.data.tags.get(PARENT))])
        return False
    new = _log(store, experiment, evidence, inputs)
    if _hash(evidence) != inputs:
        raise Failure(f"the artifacts of {evidence.contender} changed while they were read; run `make track`")
    store.client.set_tag(new, COMPLETE, "true")
    _remove(store, experiment, runs)
    return True


def runs_of(store: Store, experiment: str, contender: str | None = None) -> list[Any]:
    """Every run, trials included, of one contender or of all; the newest first."""
    query = f"tags.`{CONTENDER}` = '{contender}'" if contender else f"tags.`{CONTENDER}` LIKE '%'"
    runs: list[Any] = []
    token = None
    while True:
        page = store.client.search_runs([experiment], query, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _shows(run: Any, inputs: str, store: Store) -> bool:
    """Tell whether a run is complete, shows these very files, and still has its own."""
    tags = run.data.tags
    files = Path(run.info.artifact_uri.removeprefix("file://"))
    return (
        tags.get(COMPLETE) == "true"
        and tags.get(INPUTS) == inputs
        and (store.artifacts is None or files.is_dir())  # mlruns/ may have been deleted alone
    )


def _remove(store: Store, experiment: str, runs: Sequence[Any]) -> None:
    """Put runs and their models into MLflow's bin, which `mlflow gc` empties."""
    for run in runs:
        if PARENT not in run.data.tags:
            for model in store.client.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'"):
                store.client.delete_logged_model(model.model_id)
        store.client.delete_run(run.info.run_id)


def _hash(evidence: Evidence) -> str:
    """A hash of all files that a run shows, by name and content."""
    digest = hashlib.sha256(f"layout {LAYOUT}\n".encode())
    for folder in (evidence.tune, evidence.train, evidence.evaluate):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder.parent.parent).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _log(store: Store, experiment: str, evidence: Evidence, inputs: str) -> str:
    """Make the whole run but for the tag that says it is; returns its id."""
    facts = read_json(evidence.train / "model.json")
    with TemporaryDirectory() as folder:
        graph = _graph(evidence, facts, Path(folder, "model.onnx"))  # takes longest, so it comes before there is a run
        return _log_around(store, experiment, evidence, inputs, facts, graph)


def _log_around(
    store: Store, experiment: str, evidence: Evidence, inputs: str, facts: Mapping[str, Any], graph: Graph
) -> str:
    best = read_json(evidence.tune / "best.json")
    scores = read_json(evidence.evaluate / "metrics.json")
    seconds = {stage: float(read_json(path)["seconds"]) for stage, path in evidence.durations.items() if path.exists()}
    now = int(time.time() * 1000)
    start = now - int(1000 * sum(seconds.values()))
    tags = {
        CONTENDER: evidence.contender,
        INPUTS: inputs,
        CURRENT: "true",
        "bakeoff.device": facts["device"],
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "pipelines.tracking",
        "mlflow.note.content": _note(evidence, facts, best),
        **evidence.commit,
    }
    created = store.client.create_run(experiment, start_time=start, tags=tags, run_name=evidence.contender)
    run = str(created.info.run_id)
    model = log_model(store, experiment, evidence.contender, graph, run=run, tags={CONTENDER: evidence.contender})
    took = [_Entry(f"seconds_{stage}", value) for stage, value in seconds.items()]
    _log_values(store, run, now, _parameters(facts, scores), [*_scores(scores), *took], model)
    _log_values(store, run, now, {}, list(_curves(evidence.train / "history.csv")))
    _log_trials(store, experiment, run, evidence, best, start)
    for folder, place in ((evidence.evaluate, "evaluation"), (evidence.tune, "search")):
        for picture in sorted(folder.rglob("*.png")):
            store.client.log_artifact(run, str(picture), place)
    store.client.set_terminated(run, "FINISHED", end_time=now)
    return run


def _log_values(
    store: Store, run: str, now: int, parameters: Mapping[str, Any], metrics: Sequence[_Entry], model: str | None = None
) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    for start in range(0, len(params), PARAMETERS_AT_ONCE):
        store.client.log_batch(run, params=params[start : start + PARAMETERS_AT_ONCE])
    entries = [
        Metric(one.name, one.value, now, one.step, model_id=model, run_id=run)
        for one in metrics
        if math.isfinite(one.value)
    ]
    for start in range(0, len(entries), METRICS_AT_ONCE):
        store.client.log_batch(run, metrics=entries[start : start + METRICS_AT_ONCE])


def _log_trials(
    store: Store, experiment: str, parent: str, evidence: Evidence, best: Mapping[str, Any], start: int
) -> None:
    for row in _rows(evidence.tune / "trials.csv"):
        number = int(row["number"])
        tags = {PARENT: parent, CONTENDER: evidence.contender, "bakeoff.state": row["state"]}
        if row["reason"]:
            tags["bakeoff.reason"] = row["reason"][:5000]
        if number == best["trial"]:
            tags["bakeoff.chosen"] = "true"
        moment = start + 1 + number  # milliseconds that keep the trials in order, below their parent
        child = store.client.create_run(experiment, start_time=moment, tags=tags, run_name=f"trial {number}")
        settings = {name: value for name, value in row.items() if name not in TRIAL_COLUMNS and value}
        metrics = [
            _Entry(name, float(row[column]))
            for name, column in ((f"valid_{best['goal']}", "score"), ("epochs", "epochs"))
            if row[column]
        ]
        _log_values(store, child.info.run_id, moment, settings, metrics)
        store.client.set_terminated(child.info.run_id, STATUS[row["state"]], end_time=moment)


def _graph(evidence: Evidence, facts: Mapping[str, Any], path: Path) -> Graph:
    """Rebuild the trained model from its weights, as one graph from raw columns to the reply, in the file `path`."""
    from pipelines.data.parts import read_part
    from pipelines.data.schema import read_schema
    from pipelines.exporting.export_files import export_onnx, reply_shape
    from pipelines.tasks import stored, task
    from pipelines.tasks.model_inputs import asked
    from pipelines.training import weights

    schema = read_schema(evidence.data / "schema.json")
    learned = task(stored(facts["task"]), schema, facts["goal"])
    example = [np.array(values[:2]) for values in asked(learned, read_part(evidence.data / "valid", schema))]
    chosen = evidence.train / "weights" / f"seed-{facts['best_seed']}"
    model = weights.load(facts["architecture"], learned, facts["settings"], chosen)
    export_onnx(model, learned, schema, example, path)
    reply = reply_shape(model, learned, example)
    return Graph(
        path,
        [
            Column(field.name, str(values.dtype), values.shape[1:])
            for field, values in zip(learned.asked, example, strict=True)
        ],
        [Column(learned.output, "float32", reply)],
        {field.name: values for field, values in zip(learned.asked, example, strict=True)},
    )


def _note(evidence: Evidence, facts: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    return (
        f"**{evidence.contender}**: architecture `{facts['architecture']}`, entered for `{evidence.problem}`. "
        f"Settings of trial {best['trial']}, trained from {len(facts['seeds'])} seeds; the model is that of seed "
        f"{facts['best_seed']}, the best on validation. `_low` and `_high` bound 95 % intervals. "
        "Child runs are the trials of the search. Everything here is made from the artifacts, and can be made again."
    )


def _parameters(facts: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Any]:
    named = ("architecture", "goal", "device", "best_seed", "parameters", "flops")
    rows = {name: scores[name] for name in ("valid_rows", "test_rows") if name in scores}
    return {**facts["settings"], **{name: facts[name] for name in named}, "seeds": len(facts["seeds"]), **rows}


def _scores(scores: Mapping[str, Any]) -> Iterator[_Entry]:
    """valid_accuracy, test_accuracy, test_accuracy_low, test_accuracy_high, ..."""
    for block, ending in (("valid", ""), ("test", ""), ("test_low", "_low"), ("test_high", "_high")):
        for metric, value in scores.get(block, {}).items():
            if value is not None:
                yield _Entry(f"{block.removesuffix(ending)}_{metric}{ending}", float(value))


def _curves(path: Path) -> Iterator[_Entry]:
    """What was measured after every epoch, a curve per seed: seed_0/train_loss, ..."""
    for row in _rows(path):
        for name, value in row.items():
            if name not in ("seed", "epoch") and value:
                yield _Entry(f"seed_{row['seed']}/{name}", float(value), int(row["epoch"]))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)

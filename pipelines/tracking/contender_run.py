"""A contender's artifacts as an MLflow run, with a child run for each of its trials.

A run is known by the contender it shows and by a hash of the files it shows. It counts once it is tagged
as complete; what a killed process left is removed the next time.
"""

import csv
import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipelines.data.parts import read_part
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.settings.trained_task import load_trained_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tracking.model import OnnxFile, TensorInfo, log_model
from pipelines.tracking.store import TrackingStore

LAYOUT_VERSION = "2"  # of a run; raised when runs show other things than before, so that all are made again
CONTENDER_TAG, ARTIFACTS_HASH_TAG, COMPLETE_TAG, CURRENT_TAG = (
    "bakeoff.contender",
    "bakeoff.inputs",
    "bakeoff.complete",
    "bakeoff.current",
)
NOTE_TAG = "mlflow.note.content"  # MLflow's own tag: what its page shows as the description
PARENT_RUN_TAG = "mlflow.parentRunId"  # MLflow's own tag of a child run

RUN_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}  # a trial's state -> MLflow's word
TRIAL_COLUMNS = ("number", "state", "score", "epochs", "best_epoch", "reason")  # of trials.csv; the others are settings
MAX_METRICS_PER_CALL, MAX_PARAMETERS_PER_CALL = 1000, 100  # MLflow takes no more in one call


class ContenderArtifacts(NamedTuple):
    """Where a contender's artifacts are, and what else is known about how they were made."""

    problem: str
    contender: str
    split: Path  # the split: schema.json, valid/
    tune: Path
    train: Path
    evaluate: Path
    durations: Mapping[str, Path]  # stage -> the file that says how long it took; it may be missing
    commit: Mapping[str, str]  # tags about the code; empty where there is no git


class _MetricValue(NamedTuple):
    name: str
    value: float
    step: int = 0


def log_contender(store: TrackingStore, artifacts: ContenderArtifacts) -> bool:
    """Bring MLflow in line with a contender's artifacts; tells whether anything had to be done.

    Raises:
        UserError: if the artifacts change while they are read, or are not all there.
    """
    experiment = store.get_or_create_experiment(artifacts.problem)
    artifacts_hash = _hash_artifacts(artifacts)
    runs = find_runs(store, experiment, artifacts.contender)
    parents = [run for run in runs if PARENT_RUN_TAG not in run.data.tags]
    up_to_date = [run for run in parents if _is_up_to_date(run, artifacts_hash, store)]
    if up_to_date:
        kept_id = up_to_date[0].info.run_id
        _delete_runs(
            store,
            experiment,
            [run for run in runs if kept_id not in (run.info.run_id, run.data.tags.get(PARENT_RUN_TAG))],
        )
        return False
    new_id = _log_run(store, experiment, artifacts, artifacts_hash)
    if _hash_artifacts(artifacts) != artifacts_hash:
        raise UserError(f"the artifacts of {artifacts.contender} changed while they were read; run `make track`")
    store.client.set_tag(new_id, COMPLETE_TAG, "true")
    _delete_runs(store, experiment, runs)
    return True


def find_runs(store: TrackingStore, experiment: str, contender: str | None = None) -> list[Any]:
    """Every run, trials included, of one contender or of all; the newest first."""
    query = f"tags.`{CONTENDER_TAG}` = '{contender}'" if contender else f"tags.`{CONTENDER_TAG}` LIKE '%'"
    runs: list[Any] = []
    token = None
    while True:
        page = store.client.search_runs([experiment], query, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _is_up_to_date(run: Any, artifacts_hash: str, store: TrackingStore) -> bool:
    """Tell whether a run is complete, shows these very files, and still has its own."""
    tags = run.data.tags
    artifact_folder = Path(run.info.artifact_uri.removeprefix("file://"))
    return (
        tags.get(COMPLETE_TAG) == "true"
        and tags.get(ARTIFACTS_HASH_TAG) == artifacts_hash
        and (store.artifacts is None or artifact_folder.is_dir())  # mlruns/ may have been deleted alone
    )


def _delete_runs(store: TrackingStore, experiment: str, runs: Sequence[Any]) -> None:
    """Put runs and their models into MLflow's bin, which `mlflow gc` empties."""
    for run in runs:
        if PARENT_RUN_TAG not in run.data.tags:
            for model in store.client.search_logged_models([experiment], f"source_run_id = '{run.info.run_id}'"):
                store.client.delete_logged_model(model.model_id)
        store.client.delete_run(run.info.run_id)


def _hash_artifacts(artifacts: ContenderArtifacts) -> str:
    """A hash of all files that a run shows, by name and content."""
    digest = hashlib.sha256(f"layout {LAYOUT_VERSION}\n".encode())
    for folder in (artifacts.tune, artifacts.train, artifacts.evaluate):
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            with path.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder.parent.parent).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _log_run(store: TrackingStore, experiment: str, artifacts: ContenderArtifacts, artifacts_hash: str) -> str:
    """Make the whole run but for the tag that says it is; returns its id."""
    record = read_json(artifacts.train / "model.json")
    best = read_json(artifacts.tune / "best.json")
    scores = read_json(artifacts.evaluate / "metrics.json")
    seconds = {stage: float(read_json(path)["seconds"]) for stage, path in artifacts.durations.items() if path.exists()}
    now = int(time.time() * 1000)
    start = now - int(1000 * sum(seconds.values()))
    tags = {
        CONTENDER_TAG: artifacts.contender,
        ARTIFACTS_HASH_TAG: artifacts_hash,
        CURRENT_TAG: "true",
        "bakeoff.device": record["device"],
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": "pipelines.tracking",
        NOTE_TAG: _describe_run(artifacts, record, best),
        **artifacts.commit,
    }
    created = store.client.create_run(experiment, start_time=start, tags=tags, run_name=artifacts.contender)
    run = str(created.info.run_id)
    onnx_file = _evaluated_onnx_file(artifacts)
    model = log_model(
        store, experiment, artifacts.contender, onnx_file, run=run, tags={CONTENDER_TAG: artifacts.contender}
    )
    durations = [_MetricValue(f"seconds_{stage}", value) for stage, value in seconds.items()]
    _log_parameters_and_metrics(
        store, run, now, _run_parameters(record, scores), [*_score_metrics(scores), *durations], model
    )
    _log_parameters_and_metrics(store, run, now, {}, list(_learning_curves(artifacts.train / "history.csv")))
    _log_trials(store, experiment, run, artifacts, best, start)
    for folder, artifact_path in ((artifacts.evaluate, "evaluation"), (artifacts.tune, "search")):
        for picture in sorted(folder.rglob("*.png")):
            store.client.log_artifact(run, str(picture), artifact_path)
    store.client.set_terminated(run, "FINISHED", end_time=now)
    return run


def _log_parameters_and_metrics(
    store: TrackingStore,
    run: str,
    now: int,
    parameters: Mapping[str, Any],
    metrics: Sequence[_MetricValue],
    model: str | None = None,
) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(name, str(value)) for name, value in parameters.items()]
    for start in range(0, len(params), MAX_PARAMETERS_PER_CALL):
        store.client.log_batch(run, params=params[start : start + MAX_PARAMETERS_PER_CALL])
    entries = [
        Metric(one.name, one.value, now, one.step, model_id=model, run_id=run)
        for one in metrics
        if math.isfinite(one.value)
    ]
    for start in range(0, len(entries), MAX_METRICS_PER_CALL):
        store.client.log_batch(run, metrics=entries[start : start + MAX_METRICS_PER_CALL])


def _log_trials(
    store: TrackingStore,
    experiment: str,
    parent: str,
    artifacts: ContenderArtifacts,
    best: Mapping[str, Any],
    start: int,
) -> None:
    for row in _read_csv_rows(artifacts.tune / "trials.csv"):
        number = int(row["number"])
        tags = {PARENT_RUN_TAG: parent, CONTENDER_TAG: artifacts.contender, "bakeoff.state": row["state"]}
        if row["reason"]:
            tags["bakeoff.reason"] = row["reason"][:5000]
        if number == best["trial"]:
            tags["bakeoff.chosen"] = "true"
        timestamp = start + 1 + number  # milliseconds that keep the trials in order, below their parent
        child = store.client.create_run(experiment, start_time=timestamp, tags=tags, run_name=f"trial {number}")
        settings = {name: value for name, value in row.items() if name not in TRIAL_COLUMNS and value}
        metrics = [
            _MetricValue(name, float(row[column]))
            for name, column in ((f"valid_{best['goal']}", "score"), ("epochs", "epochs"))
            if row[column]
        ]
        _log_parameters_and_metrics(store, child.info.run_id, timestamp, settings, metrics)
        store.client.set_terminated(child.info.run_id, RUN_STATUS[row["state"]], end_time=timestamp)


def _evaluated_onnx_file(artifacts: ContenderArtifacts) -> OnnxFile:
    """The model as the evaluation wrote it, with two validation rows as an example."""
    task, schema, _ = load_trained_task(artifacts.problem, artifacts.contender)
    example = [np.array(values[:2]) for values in model_inputs(task, read_part(artifacts.split / "valid", schema))]
    with np.load(artifacts.evaluate / "predictions.npz", allow_pickle=False) as arrays:
        output_shape = arrays["valid_predictions"].shape[1:]
    return OnnxFile(
        artifacts.evaluate / "model.onnx",
        [
            TensorInfo(field.name, str(values.dtype), values.shape[1:])
            for field, values in zip(task.input_fields, example, strict=True)
        ],
        [TensorInfo(task.output_name, "float32", output_shape)],
        {field.name: values for field, values in zip(task.input_fields, example, strict=True)},
    )


def _describe_run(artifacts: ContenderArtifacts, record: Mapping[str, Any], best: Mapping[str, Any]) -> str:
    return (
        f"**{artifacts.contender}**: architecture `{record['architecture']}`, entered for `{artifacts.problem}`. "
        f"Settings of trial {best['trial']}, trained {len(record['members'])} times; {_describe_shipped(record)}. "
        "`_low` and `_high` bound 95 % intervals. "
        "Child runs are the trials of the search. Everything here is made from the artifacts, and can be made again."
    )


def _describe_shipped(record: Mapping[str, Any]) -> str:
    if record["ship"] == "refit":
        return f"the model was then trained on the rows of all {record['folds']} folds"
    if len(record["shipped"]) > 1:
        return f"the model is the average of {', '.join(record['shipped'])}"
    return f"the model is {record['shipped'][0]}, the best on validation"


def _run_parameters(record: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Any]:
    logged_keys = ("architecture", "goal", "device", "best_member", "ship", "parameters", "flops", "bytes")
    rows = {name: scores[name] for name in ("valid_rows", "test_rows") if name in scores}
    return {
        **record["settings"],
        **{name: record[name] for name in logged_keys},
        "members": len(record["members"]),
        "shipped": ", ".join(record["shipped"]),
        **rows,
    }


def _score_metrics(scores: Mapping[str, Any]) -> Iterator[_MetricValue]:
    """valid_accuracy, test_accuracy, test_accuracy_low, test_accuracy_high, ..."""
    for block, ending in (("valid", ""), ("test", ""), ("test_low", "_low"), ("test_high", "_high")):
        for metric, value in scores.get(block, {}).items():
            if value is not None:
                yield _MetricValue(f"{block.removesuffix(ending)}_{metric}{ending}", float(value))


def _learning_curves(path: Path) -> Iterator[_MetricValue]:
    """What was measured after every epoch, a curve per member: seed-0/train_loss, ..."""
    for row in _read_csv_rows(path):
        for name, value in row.items():
            if name not in ("member", "epoch", "kept") and value:
                yield _MetricValue(f"{row['member']}/{name}", float(value), int(row["epoch"]))


def _read_csv_rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)

"""Folds beside a holdout, on ten real tables under 2,500 rows: python -m benchmarks.folds [--repeats N] [--jobs N].

Every repeat draws a test part of 20 %. The rest is cut into five folds, or, as a split of 60, 20 and 20 % is, into
train and a holdout of a quarter. For both, a search of an mlp tries as many settings: on the holdout, on the first fold
alone, or, as the project does, the better ones on the second fold as well. The best settings are trained on the five
folds, whose average ships, or from three seeds, of which the best ships, or the average where it is better on the
holdout. What is said is the score that everything is chosen by, the temperature too: that of the out-of-fold rows, or
of the holdout. "Best of 3" trains the three settings that were best on the first fold alone on all of them, and keeps
those whose out-of-fold rows are best. Optimism is by how much what is said is better than the score on the test part,
as a share of that.
"""

import argparse
import math
import os
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from torch import nn, set_num_threads

from benchmarks.audit.clean_sets import TableSet, bundled_table, statsmodels_table
from benchmarks.audit.leaks import table_dataset
from models.stems import Model
from pipelines.data.dataset import Dataset
from pipelines.data.dependence import ALONE
from pipelines.data.folds import HOLDOUT, Folds
from pipelines.data.parts import Part, PartName, join_parts, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.splitting.dealing import deal_by_class
from pipelines.splitting.settings import SplitStrategy
from pipelines.splitting.split import Split, SplitSettings, split_dataset, write_split
from pipelines.tasks import Calibration, Task, build_task, settings_from_json
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingJob, load_training_data, load_validation, to_tensors
from pipelines.training.learners import learner_of
from pipelines.training.members import Member, common_epoch_specs, fold_specs, replace_trained_again, seed_specs
from pipelines.training.out_of_fold import HeldOut, answer_folds, answer_holdout
from pipelines.training.rungs import count_scored_rows
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.ship_settings import Ship
from pipelines.training.shipping import Shipped, choose_shipped, ship_folds
from pipelines.training.trial import run_trial
from pipelines.training.weights import load_model

TRIALS, GENERATION, SEEDS, FOLDS, TOP = 12, 6, 3, 5, 3
LENGTH = BudgetSettings(epochs=40, min_steps=300)  # of a trial as of a training
HOLDOUT_SHARE = 0.25  # of what is not for the test


class Outcome(NamedTuple):
    """What a protocol said, and what was true."""

    said: float  # the goal on the rows that everything was chosen by
    test: float
    seconds: float  # of the clock, on one core


@cache
def small_tables() -> dict[str, TableSet]:
    """Ten real tables of 150 to 944 rows."""
    pupil_columns = ("LOWINC", "PERASIAN", "PERBLACK", "PERHISP")
    voter_columns = ("TVnews", "PID", "age", "educ", "income", "popul")
    found = (
        bundled_table("wine", datasets.load_wine, is_class=True),
        bundled_table("breast cancer", datasets.load_breast_cancer, is_class=True),
        bundled_table("iris", datasets.load_iris, is_class=True),
        bundled_table("diabetes", datasets.load_diabetes, is_class=False),
        statsmodels_table("election 1996", "anes96", "vote", voter_columns, is_class=True),
        statsmodels_table("travel mode", "modechoice", "choice", ("ttme", "invc", "invt", "gc", "hinc"), is_class=True),
        statsmodels_table("engel", "engel", "foodexp", ("income",), is_class=False),
        statsmodels_table("star98", "star98", "PERMINTE", pupil_columns, is_class=False),
        statsmodels_table("cancer", "cancer", "cancer", ("population",), is_class=False),
        statsmodels_table("grunfeld", "grunfeld", "invest", ("value", "capital", "year"), is_class=False),
    )
    return {one.title: one for one in found}


def hold_out(data: Dataset, folded: Split, seed: int) -> Split:
    """A holdout of the same rows, beside the same test part."""
    rows = np.sort(np.concatenate([folded.rows["train"], folded.rows["valid"]]))
    rows = np.random.default_rng(seed).permutation(rows)
    is_class = data.schema.target.kind == "category"
    labels = data.part.target[rows] if is_class else np.zeros(len(rows), dtype=np.int64)
    dealt = deal_by_class(np.arange(len(rows)), labels, np.array([1 - HOLDOUT_SHARE, HOLDOUT_SHARE]))
    parts: dict[PartName, NDArray[np.int64]] = {"train": np.sort(rows[dealt == 0]), "valid": np.sort(rows[dealt == 1])}
    return Split({**folded.rows, **parts}, folded.clusters, HOLDOUT)


def write_job(folder: Path, data: Dataset, split: Split) -> TrainingJob:
    """Write the split as the stages do."""
    write_split(folder, data, *split)
    schema = read_schema(folder / "schema.json")
    part = read_part(folder / "train", schema)
    if split.folds.number:
        part = join_parts(part, read_part(folder / "valid", schema))
    copies = Part(tuple(values[None] for values in part.inputs), part.target[None])
    write_part(folder / "copies", schema, copies)
    settings = settings_from_json({"kind": "classification" if schema.target.kind == "category" else "regression"})
    return TrainingJob(
        "mlp", settings, None, folder / "schema.json", folder / "copies", folder / "valid", AugmentSettings(), "cpu",
        folder / "valid" / "folds.npz",
    )  # fmt: skip


class Draw(NamedTuple):
    """One draw of a test part, and what is learned from the rest."""

    job: TrainingJob
    task: Task
    test: Part
    folder: Path  # scratch
    seed: int


def search(draw: Draw, folder: Path, folds: Folds) -> list[ContenderSettings[Any]]:
    """The settings of a search as the stage tune does it, on one worker; the best first.

    Args:
        folds: that the best trials are compared on; of a holdout or of one fold, that alone.
    """
    goal, space = draw.task.goal, build_search_space("mlp", "mlp", draw.task.name, {}, {})
    shares, rows = learner_of("mlp").rungs, count_scored_rows(folds, TRIALS)
    config = SearchConfig(draw.job, goal, space, TRIALS, GENERATION, LENGTH, shares, draw.seed, "mlp", rows)
    _, trials = run_search(config, folder / "search", 1, lambda *_: None)
    scores = {trial.number: trial.score for trial in trials if trial.state == "complete" and trial.score is not None}
    ranked = sorted(scores, key=lambda number: scores[number], reverse=goal.direction == "maximize")
    return [space.add_fixed(trials[number].settings) for number in ranked]


def mean_goal(task: Task, outputs: NDArray[Any], reference: Any, calibration: Calibration) -> float:
    predictions = predict(nn.Identity(), task.postprocess(calibration), to_tensors((outputs,)))
    return float(task.objective_per_row(predictions, reference).mean())


def measure(task: Task, held_out: HeldOut, shipped: Shipped, train: Part, test: Part, seconds: float) -> Outcome:
    """What is said of the rows that were held out, and what is true of the test part, with the same temperature."""
    calibration = task.calibrate_postprocess(held_out.outputs, held_out.reference)
    outputs = predict(shipped.model, nn.Identity(), to_tensors(model_inputs(task, test)))
    return Outcome(
        mean_goal(task, held_out.outputs, held_out.reference, calibration),
        mean_goal(task, outputs, task.reference(test, train), calibration),
        seconds,
    )


def try_holdout(draw: Draw, valid: Part) -> dict[str, Outcome]:
    """The best of three seeds, and what ships by itself."""
    job, task, started = draw.job, draw.task, time.perf_counter()
    settings = search(draw, draw.folder, HOLDOUT)[0]
    specs = seed_specs(job, settings, Budget(LENGTH), seed=draw.seed, seeds=SEEDS, folder=draw.folder)
    scores = {name: score for name, spec in specs.items() if (score := run_trial(spec).score) is not None}
    models = {name: load_model("mlp", task, settings, specs[name].folder / "best") for name in scores}
    ships: tuple[tuple[str, Ship | None], ...] = (("holdout, best seed", "best"), ("holdout, best or mean", None))
    seconds, train = time.perf_counter() - started, load_training_data(job).part
    outcomes: dict[str, Outcome] = {}
    for name, ship in ships:
        shipped = choose_shipped(task, models, scores, load_validation(job), ship)
        held_out = answer_holdout(task, shipped.model, train, valid, ALONE)
        outcomes[name] = measure(task, held_out, shipped, train, draw.test, seconds)
    return outcomes


def try_folds(draw: Draw, part: Part, folds: Folds) -> dict[str, Outcome]:
    """The average of the folds' models: of the best settings of two searches, and of the best of TOP of the first.

    The first search compares trials on one fold, the second, as the project does, the better ones on two.
    """
    started, on_one = time.perf_counter(), []
    for number, settings in enumerate(search(draw, draw.folder / "one", folds._replace(roles=folds.roles[:1]))[:TOP]):
        outcome = try_settings(draw._replace(folder=draw.folder / f"top-{number}"), part, folds, settings)
        on_one.append(outcome._replace(seconds=time.perf_counter() - started))
    best = min(on_one, key=lambda outcome: outcome.said)
    started, two = time.perf_counter(), draw.folder / "two"
    on_two = try_settings(draw._replace(folder=two / "folds"), part, folds, search(draw, two, folds)[0])
    return {
        "folds, searched on one": on_one[0],
        f"folds, best of {TOP}": best._replace(seconds=on_one[-1].seconds),
        "folds, searched on two": on_two._replace(seconds=time.perf_counter() - started),
    }


def try_settings(draw: Draw, part: Part, folds: Folds, settings: ContenderSettings[Any]) -> Outcome:
    """What the average of the folds' models says and has, without the time that it took."""
    models = train_folds(draw, folds, settings)
    shipped = ship_folds(draw.task, models, "ensemble", by_time=False)
    assert shipped is not None
    held_out = answer_folds(draw.task, list(models.values()), part, folds)
    return measure(draw.task, held_out, shipped, part, draw.test, 0.0)


def train_folds(draw: Draw, folds: Folds, settings: ContenderSettings[Any]) -> dict[str, Model]:
    """A model for every fold, all at the epoch that is best in their mean."""
    specs = fold_specs(
        draw.job, settings, Budget(LENGTH), seed=draw.seed, names=folds.names, folder=draw.folder / "folds"
    )
    members = [Member(name, run_trial(spec), spec.folder) for name, spec in specs.items()]
    rows = [len(folds.held_out(fold)) for fold in range(folds.number)]
    again = common_epoch_specs(specs, members, rows, draw.task.goal)
    trained = replace_trained_again(
        members, [Member(name, run_trial(spec), spec.folder) for name, spec in again.items()]
    )
    return {member.name: load_model("mlp", draw.task, settings, member.folder / "best") for member in trained}


def try_table(title: str, seed: int) -> tuple[str, dict[str, Outcome]]:
    """All protocols on one draw of the test part."""
    set_num_threads(1)
    data = table_dataset(small_tables()[title])
    by: SplitStrategy = "stratified" if data.schema.target.kind == "category" else "random"
    folded = split_dataset(data, SplitSettings(by=by, folds=FOLDS), seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        jobs = {
            "folds": write_job(folder / "folds", data, folded),
            "holdout": write_job(folder / "holdout", data, hold_out(data, folded, seed)),
        }
        schema = read_schema(jobs["folds"].schema_file)
        task = build_task(jobs["folds"].task_settings, schema)
        test = read_part(folder / "folds" / "test", schema)
        valid = read_part(folder / "holdout" / "valid", schema)
        part = join_parts(read_part(folder / "folds" / "train", schema), read_part(folder / "folds" / "valid", schema))
        held_out = Draw(jobs["holdout"], task, test, folder / "holdout" / "scratch", seed)
        in_folds = Draw(jobs["folds"], task, test, folder / "folds" / "scratch", seed)
        return title, {**try_holdout(held_out, valid), **try_folds(in_folds, part, folded.folds)}


def optimism(said: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """By what share of the truth the mean is too good, and its standard error: a jackknife over draws, (D,)."""
    left_out = 1 - (said.sum() - said) / (true.sum() - true)
    error = math.sqrt((len(said) - 1) * float(np.var(left_out)))
    return 1 - float(said.mean() / true.mean()), error


def print_table(found: dict[str, list[dict[str, Outcome]]]) -> None:
    """The mean of every set's draws, then of the sets, and in how many of them folds do better than the best seed."""
    protocols = list(next(iter(found.values()))[0])
    ratios: dict[str, list[tuple[float, float]]] = {name: [] for name in protocols}
    print("set, and of each protocol: said, test, optimism and its standard error, seconds")
    for title, draws in found.items():
        cells = []
        for name in protocols:
            said, test, seconds = (np.array([getattr(draw[name], one) for draw in draws]) for one in Outcome._fields)
            share, error = optimism(said, test)
            ratios[name].append((share, error))
            cells.append(f"{said.mean():.4g} {test.mean():.4g} {share:+.1%} ({error:.1%}) {seconds.mean():.1f} s")
        print(f"  {title:<15}{'   '.join(cells)}")
    first, *others = protocols
    for name in protocols:
        mean, error = fmean(one for one, _ in ratios[name]), math.hypot(*(one for _, one in ratios[name])) / len(found)
        print(f"{name}: optimism {mean:+.1%} in the mean of {len(found)} sets, standard error {error:.1%}")
    for name in others:
        pairs = {
            title: [fmean(draw[one].test for draw in draws) for one in (name, first)] for title, draws in found.items()
        }
        better = sum(mine < theirs for mine, theirs in pairs.values())
        change = fmean(mine / theirs - 1 for mine, theirs in pairs.values())
        times = [sum(draw[one].seconds for draws in found.values() for draw in draws) for one in (name, first)]
        print(
            f"{name} beside {first}: better on test in {better} of {len(found)}, by {-change:.1%} in the mean; "
            f"{times[0] / times[1]:.2f} times the time"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folds", description="Folds beside a holdout.")
    parser.add_argument("--repeats", type=int, default=20, help="draws of the test part of every set")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="sets tried at a time, one on a core")
    asked = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read by the processes begun below
    found: dict[str, list[dict[str, Outcome]]] = {title: [] for title in small_tables()}
    with ProcessPoolExecutor(asked.jobs, get_context("spawn")) as pool:
        tried = [[pool.submit(try_table, title, seed) for title in found] for seed in range(asked.repeats)]
        for draw in tried:
            for title, outcomes in (one.result() for one in draw):
                found[title].append(outcomes)
            print(f"after draw {len(found[title])} of {asked.repeats}")
            print_table(found)
            sys.stdout.flush()


if __name__ == "__main__":
    main()

"""Budgets benchmark: is what was trained as good as what was tried, and would twice the budget be better?

    bakeoff run && python -m benchmarks.budgets            from the artifacts of a run
    python -m benchmarks.budgets --twice [contender ...]   and training its seeds again, twice as long

One row per contender that learns in epochs. "Worse" is what ships beside the best trial, as a share of the trial's
score: on the validation part, or, of folds, whose average has seen all rows but the test's, on the test part. There the
trial has the weights that it ended with on the first fold, and the same temperature; it is named where chance does not
explain it.
"Gain" is the mean of the members at twice the budget beside their mean in the run, as a share of that mean, and as a
share of what the run's mean gains over the best baseline: of a score near 0 everything is a large share.
"""

import argparse
import csv
import math
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from models import ARCHITECTURES
from pipelines.data.parts import join_parts, read_part
from pipelines.runtime.files import read_json
from pipelines.runtime.workers import worker_count
from pipelines.settings import paths
from pipelines.settings.jobs import training_job
from pipelines.settings.params import Params, load_params
from pipelines.settings.problem_task import load_task
from pipelines.settings.trained_model import load_trained
from pipelines.tasks import Goal
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender import Plan, member_specs, train_plan
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors
from pipelines.training.weights import load_model

MAX_WORSE, MAX_GAIN = 0.01, 0.03  # shares
Z95 = 1.96  # standard errors that chance alone explains, one time in twenty it does not


class Finished(NamedTuple):
    """What a run left of a contender."""

    goal: Goal
    best: dict[str, Any]  # best.json
    trial_score: float  # on validation; of folds, on test
    shipped_score: float  # likewise, of the best member or of the average
    error: float  # of the difference of both, on test; on validation, where both were chosen, it is not asked for
    members: list[dict[str, Any]]  # of model.json: name, score, epochs, best_epoch

    @property
    def trained(self) -> list[dict[str, Any]]:
        """The members but the best trial."""
        return [member for member in self.members if member["name"] != "trial"]


def read_finished(params: Params, name: str) -> Finished:
    problem = params.contenders[name].problem
    best = read_json(paths.tune_folder(problem, name) / "best.json")
    model = read_json(paths.train_folder(problem, name) / "model.json")
    members = [member for member in model["members"] if member["score"] is not None]
    scores = {member["name"]: member["score"] for member in members}
    if model["folds"]:
        compared = score_on_test(problem, name)
    else:
        shipped_score = model["mean_score"] if model["ship"] == "mean" else scores[model["best_member"]]
        compared = best["score"], shipped_score, 0.0
    return Finished(load_task(params, problem).goal, best, *compared, members)


def score_on_test(problem: str, name: str) -> tuple[float, float, float]:
    """The goal on test of the best trial's weights and of what ships, and the standard error of their difference."""
    model, task, schema, record = load_trained(problem, name)
    train, valid, test = (read_part(paths.split_folder(problem) / part, schema) for part in ("train", "valid", "test"))
    postprocess = task.postprocess(read_json(paths.evaluate_folder(problem, name) / "calibration.json"))
    settings = make_settings(record["architecture"], task.name, record["settings"])
    trial = load_model(record["architecture"], task, settings, paths.tune_folder(problem, name) / "trial" / "best")
    inputs, reference = to_tensors(model_inputs(task, test)), task.reference(test, join_parts(train, valid))
    answers = (predict(one, postprocess, inputs) for one in (trial, model))
    on_trial, on_shipped = (task.objective_per_row(one, reference) for one in answers)
    error = float((on_trial - on_shipped).std(ddof=1) / math.sqrt(len(on_trial)))
    return float(on_trial.mean()), float(on_shipped.mean()), error


def gain(goal: Goal, before: float, after: float) -> float:
    """By how much a score is better than another, in the goal's units."""
    return before - after if goal.direction == "minimize" else after - before


def best_baseline(problem: str, goal: Goal) -> float:
    """The best score of a baseline on validation, as the run compared them."""
    with (paths.compare_folder(problem) / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        scores = [
            float(row[f"valid_{goal.name}"]) for row in csv.DictReader(stream) if row["architecture"] == "baseline"
        ]
    best = goal.best_score(scores)
    assert best is not None, "every problem has baselines"
    return best


def describe_run(name: str, run: Finished) -> str:
    worse = gain(run.goal, run.shipped_score, run.trial_score) / abs(run.trial_score)
    members = ", ".join(f"{one['score']:.4g} {one['best_epoch']}/{one['epochs']}" for one in run.members)
    doubts = {
        "WORSE THAN ITS TRIAL": worse > MAX_WORSE + Z95 * run.error / abs(run.trial_score),
        "KEEPS EPOCH 1": any(one["best_epoch"] == 1 < one["epochs"] for one in run.members),
    }
    found = "".join(f"  {doubt}" for doubt, is_so in doubts.items() if is_so)
    where = f" on test, standard error {run.error / abs(run.trial_score):.1%}" if run.error else ""
    scores = f"trial {run.trial_score:.4g}, ships {run.shipped_score:.4g}, worse by {worse:.1%}{where}"
    return f"{name}: {scores}; members, best epoch: {members}{found}"


def train_twice_as_long(params: Params, name: str, run: Finished) -> list[float]:
    """The scores of the run's members at twice the budget."""
    length = params.budget_settings(name)
    twice = Budget(BudgetSettings(**{key: 2 * value for key, value in length.model_dump().items()}))
    entry, job, count = params.contenders[name], training_job(params, name), params.train_settings(name).seeds
    settings = make_settings(entry.architecture, job.task_settings.kind, run.best["settings"])
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        plan = Plan(job, settings, twice, params.seed, count, None, scratch, scratch, worker_count(job.device))
        members = train_plan(plan, member_specs(plan), run.goal, lambda *_: None)
    return [member.result.score for member in members if member.result.score is not None]


def describe_twice(problem: str, run: Finished, scores: Sequence[float]) -> str:
    before, after = statistics.mean(member["score"] for member in run.trained), statistics.mean(scores)
    better = gain(run.goal, before, after)
    over_baseline = gain(run.goal, best_baseline(problem, run.goal), before)
    doubt = "  MORE WOULD HELP" if better > MAX_GAIN * abs(before) else ""
    share = f"{better / abs(before):.1%}, of the gain over the best baseline {better / abs(over_baseline):.1%}"
    return f"    mean {before:.4g}, at twice the budget {after:.4g}: gain {share}{doubt}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("contenders", nargs="*")
    parser.add_argument("--twice", action="store_true", help="train the seeds again, twice as long")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    params = load_params()
    for name, contender in params.contenders.items():
        if ARCHITECTURES[contender.architecture].learner == "closed_form":
            continue
        if arguments.contenders and name not in arguments.contenders:
            continue
        run = read_finished(params, name)
        print(describe_run(name, run), flush=True)
        if arguments.twice:
            print(describe_twice(contender.problem, run, train_twice_as_long(params, name, run)), flush=True)


if __name__ == "__main__":
    main()

"""Defaults benchmark: is a default setting behind another on all of several problems?

    python -m benchmarks.defaults                     ten architectures that many use first
    python -m benchmarks.defaults lstm --seeds 3      one of them
    python -m benchmarks.defaults lstm --first 100    from other seeds, to see a find again
    python -m benchmarks.defaults tcn --setting width --steps 1000    one setting alone, and a longer training

One setting is changed at a time. Every setting is trained on every problem of its kind from the same seeds, for
STEPS steps of the default batch where it learns by gradient. A number is by how many per cent the goal on validation,
of which less is better, is above that of the defaults: the mean over seeds, paired. `mean` is over the problems, with
its standard error from the seeds. A setting is called clearly better where it is better on every problem, and by
MIN_GAIN and two standard errors in the mean: with eight of them that is less than one by chance in a dozen
architectures, so that what is found is to be seen again from other seeds before a default is changed.
"""

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.default_problems import IMAGES, SEQUENCES, TABLES, Problem, write_problem
from models.blocks.hyperparameters import SettingValue
from pipelines.data.schema import read_schema
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks import build_task
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import TrainingJob
from pipelines.training.trial import TrialSpec, run_trial

STEPS, SEEDS, MIN_GAIN = 300, 3, 0.02

Settings = Mapping[str, SettingValue]


class Candidate(NamedTuple):
    """An architecture's problems, and what may be better than its defaults: setting, values tried alone."""

    problems: Mapping[str, Callable[[], Problem]]
    values: Mapping[str, Sequence[SettingValue]]

    def alternatives(self, names: Sequence[str]) -> list[Settings]:
        """Those of the settings with these names; of all if there are none."""
        return [{name: value} for name in names or self.values for value in self.values.get(name, ())]


BY_GRADIENT: dict[str, Sequence[SettingValue]] = {"learning_rate": (1e-3, 1e-2), "weight_decay": (0.3,)}
DENSE: dict[str, Sequence[SettingValue]] = {**BY_GRADIENT, "width": (128,), "depth": (1, 3), "dropout": (0.0, 0.4)}
RECURRENT: dict[str, Sequence[SettingValue]] = {
    **BY_GRADIENT,
    "width": (128,),
    "depth": (2,),
    "dropout": (0.0, 0.4),
    "pooling": ("mean",),
}
CANDIDATES = {
    "mlp": Candidate(TABLES, DENSE),
    "periodic_mlp": Candidate(TABLES, {**DENSE, "frequency": (0.15,)}),
    "tabm": Candidate(TABLES, {**BY_GRADIENT, "width": (128,), "dropout": (0.0, 0.4)}),
    "gradient_boosting": Candidate(
        TABLES,
        {
            "shrinkage": (0.03, 0.12),
            "leaves": (12, 64),
            "leaf": (8, 40),
            "penalty": (0.1, 10.0),
            "feature_share": (0.4, 1.0),
        },
    ),
    "cnn": Candidate(IMAGES, {**BY_GRADIENT, "width": (8, 32), "depth": (2,), "dropout": (0.0, 0.3)}),
    "lstm": Candidate(SEQUENCES, RECURRENT),
    "gru": Candidate(SEQUENCES, RECURRENT),
    "tcn": Candidate(
        SEQUENCES,
        {**BY_GRADIENT, "width": (64,), "depth": (6,), "kernel": (5,), "dropout": (0.0, 0.3), "pooling": ("mean",)},
    ),
    "transformer": Candidate(
        SEQUENCES,
        {**BY_GRADIENT, "head_size": (32,), "depth": (1, 4), "dropout": (0.0, 0.3), "pooling": ("last",)},
    ),
    "esn": Candidate(
        SEQUENCES,
        {
            "units": (600,),
            "spectral_radius": (0.6, 1.2),
            "leak": (0.2, 1.0),
            "input_scale": (0.1, 1.0),
            "penalty": (1e-5, 1e-3, 1e-2),
        },
    ),
}


class Change(NamedTuple):
    """By how much the logarithm of the goal is above that of the defaults on a problem."""

    mean: float
    error: float  # of the mean, from the seeds

    def __str__(self) -> str:
        return f"{100 * math.expm1(self.mean):+.1f}"


def train(job: TrainingJob, changed: Settings, seed: int, folder: Path, steps: int = STEPS) -> float:
    """The logarithm of the goal on validation; infinite where the training failed."""
    budget = Budget(BudgetSettings(epochs=1, min_steps=steps, max_steps=steps))
    task = build_task(job.task_settings, read_schema(job.schema_file), job.goal)
    assert task.goal.direction == "minimize", "a ratio of losses is what is compared"
    settings = make_settings(job.architecture, job.task_settings.kind, changed)
    result = run_trial(TrialSpec(job, settings, derive_seed(seed, "defaults"), folder, budget))
    return math.inf if result.score is None else math.log(max(result.score, 1e-12))


def compare(job: TrainingJob, alternatives: Sequence[Settings], seeds: range, steps: int) -> list[Change]:
    """What each alternative changes on a problem."""
    found = np.empty((1 + len(alternatives), len(seeds)))
    for row, changed in enumerate(({}, *alternatives)):
        for column, seed in enumerate(seeds):
            with tempfile.TemporaryDirectory() as folder:
                found[row, column] = train(job, changed, seed, Path(folder) / "trial", steps)
    changes = found[1:] - found[0]
    errors = changes.std(axis=1, ddof=1) / math.sqrt(len(seeds))
    return [Change(float(mean), float(error)) for mean, error in zip(changes.mean(axis=1), errors, strict=True)]


def over_problems(changes: Sequence[Change]) -> Change:
    error = math.sqrt(sum(one.error**2 for one in changes)) / len(changes)
    return Change(statistics.fmean(one.mean for one in changes), error)


def is_clearly_better(changes: Sequence[Change]) -> bool:
    """Better on every problem, and in the mean by more than chance and enough to care."""
    mean = over_problems(changes)
    return all(one.mean < 0 for one in changes) and mean.mean < -max(2 * mean.error, MIN_GAIN)


def report(architecture: str, settings: Sequence[str], seeds: range, steps: int) -> None:
    problems, alternatives = CANDIDATES[architecture].problems, CANDIDATES[architecture].alternatives(settings)
    of_problem = []
    for problem in problems.values():
        with tempfile.TemporaryDirectory() as folder:
            job = replace(write_problem(Path(folder), problem()), architecture=architecture)
            of_problem.append(compare(job, alternatives, seeds, steps))
    print(f"\n| `{architecture}` | {' | '.join(problems)} | mean |\n|---|{'---|' * (len(problems) + 1)}")
    for changed, changes in zip(alternatives, zip(*of_problem, strict=True), strict=True):
        mean = over_problems(changes)
        said = ", ".join(f"{name} {value}" for name, value in changed.items())
        cells = " | ".join(map(str, changes))
        clear = " clearly better" if is_clearly_better(changes) else ""
        print(f"| {said} | {cells} | {mean} ± {100 * mean.error:.1f}{clear} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", help=f"of {', '.join(CANDIDATES)}; all when absent")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"two or more; {SEEDS} when absent")
    parser.add_argument("--first", type=int, default=0, help="seed; 0 when absent")
    parser.add_argument("--setting", action="append", default=[], help="to change; all that may be better when absent")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"of a training by gradient; {STEPS} when absent")
    asked = parser.parse_args()
    if unknown := [name for name in asked.architectures if name not in CANDIDATES]:
        parser.error(f"{unknown[0]} has no alternatives here; there are {', '.join(CANDIDATES)}")
    known = {name for architecture in asked.architectures or CANDIDATES for name in CANDIDATES[architecture].values}
    if unknown := [name for name in asked.setting if name not in known]:
        parser.error(f"{unknown[0]} has no other values here; {', '.join(sorted(known))} have")
    if asked.seeds < 2:
        parser.error(f"the error of a mean over seeds needs two or more, found {asked.seeds}")
    for architecture in asked.architectures or CANDIDATES:
        report(architecture, asked.setting, range(asked.first, asked.first + asked.seeds), asked.steps)


if __name__ == "__main__":
    main()

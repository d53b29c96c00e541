"""Training time: how long contenders will take here, from short trainings of each on samples of the data.

The rule: a training in epochs grows with its steps, and one in closed form by a fixed part and one that grows with the
rows, both measured in processor time, so that they hold for cores that do nothing else. Trials and trainings share the
workers; a trial of a network takes TRIAL_SHARE of a whole training, as those that fall behind are stopped. What the
stages need besides is the same for every problem.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.runtime.user_error import UserError
from pipelines.splitting.split import SplitRows, write_split

if TYPE_CHECKING:
    from pipelines.settings.params import Problem
    from pipelines.training.job import TrainingJob

SAMPLE_ROWS = (400, 1600)  # examples of the samples, a fifth of which is validated on
SAMPLE_VALUES = (2**20, 2**22)  # numbers and pixels of the samples, of which large examples leave fewer ...
MIN_SAMPLE_ROWS = 64  # ... but not fewer than so many
SAMPLE_EPOCHS = (1, 3)  # of the trainings on the smaller sample, whose difference is the time of two epochs
TRIAL_SHARE = 0.7  # of a training that a trial of a network takes, on average
STAGE_SECONDS = 8.0  # seconds of a contender's stages besides its trainings, most of them to evaluate it
PROBLEM_SECONDS = 15.0  # seconds of a problem's other stages
BATCH_SIZE = 32  # examples of a step, as the defaults have them


class TrainingTime(NamedTuple):
    """How long a training of an architecture takes, in seconds of one core."""

    fixed_seconds: float
    row_seconds: float  # more for every row of the train part; of a pass over them, where it is trained in epochs
    is_closed_form: bool
    uses_seed: bool


class Effort(NamedTuple):
    """How much of a contender is trained."""

    trials: int
    members: int  # trainings of the best trial's settings
    epochs: int
    min_steps: int
    max_steps: int


def estimate_seconds(taken: TrainingTime, effort: Effort, train_rows: int, workers: int) -> float:
    """The time of a contender's search and trainings, in seconds."""
    members = effort.members if taken.uses_seed else 1
    if taken.is_closed_form:
        trainings = effort.trials + members
        return STAGE_SECONDS + trainings * (taken.fixed_seconds + taken.row_seconds * train_rows) / workers
    pass_steps = max(1, round(train_rows / BATCH_SIZE))
    steps = min(max(effort.epochs * pass_steps, effort.min_steps), effort.max_steps)
    training = taken.fixed_seconds + taken.row_seconds * steps * BATCH_SIZE
    return STAGE_SECONDS + (effort.trials * TRIAL_SHARE + members) * training / workers


def time_trainings(
    data: Dataset, problem: "Problem", fixes: Mapping[str, Mapping[str, Any]]
) -> dict[str, TrainingTime]:
    """Train each architecture briefly on samples; one that fails on them is left out.

    Args:
        data: N examples.
        problem: whose task is learned.
        fixes: architectures, and the settings that each departs from its defaults by.
    """
    import torch
    import torch._dynamo  # which PyTorch's optimizers import on first use
    from threadpoolctl import threadpool_limits

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as the workers have it
    try:
        with TemporaryDirectory(prefix="bakeoff-") as place, threadpool_limits(1):
            sizes = _sample_sizes(data)
            jobs = [_write_sample(data, problem, Path(place, str(rows)), rows) for rows in sizes]
            taken = {name: _time_architecture(jobs, name, fix, Path(place)) for name, fix in fixes.items()}
    finally:
        torch.set_num_threads(threads)
    return {name: one for name, one in taken.items() if one is not None}


def _sample_sizes(data: Dataset) -> list[int]:
    """The examples of the samples."""
    example_values = sum(max(1, math.prod(values.shape[1:])) for values in data.part.inputs)
    return [
        max(MIN_SAMPLE_ROWS, min(rows, values // example_values))
        for rows, values in zip(SAMPLE_ROWS, SAMPLE_VALUES, strict=True)
    ]


def _write_sample(data: Dataset, problem: "Problem", folder: Path, count: int) -> "TrainingJob":
    from pipelines.training.job import TrainingJob, select_device

    write_split(folder, data, _draw_rows(len(data.part.target), count))
    schema = read_schema(folder / "schema.json")
    train = read_part(folder / "train", schema)
    stacked = train._replace(inputs=tuple(values[None] for values in train.inputs), target=train.target[None])
    write_part(folder / "augmented", schema, stacked)
    return TrainingJob(
        architecture="",
        task_settings=problem.task,
        goal=problem.goal,
        schema_file=folder / "schema.json",
        train_part_folder=folder / "augmented",
        valid_part_folder=folder / "valid",
        augment=problem.augment,
        device=select_device(),
    )


def _draw_rows(total: int, count: int) -> SplitRows:
    """A sample of rows, dealt at random to train and valid."""
    drawn = np.random.default_rng(0).permutation(total)[:count]
    held_out = max(1, len(drawn) // 5)
    valid, train = np.sort(drawn[:held_out]), np.sort(drawn[held_out:])
    return {"train": train, "valid": valid, "test": valid[:1]}


def _time_architecture(
    jobs: Sequence["TrainingJob"], architecture: str, fix: Mapping[str, Any], folder: Path
) -> TrainingTime | None:
    """Two short trainings: of more epochs, or in closed form of more rows; None if one fails."""
    from models import ARCHITECTURES
    from pipelines.training.job import load_training_data
    from pipelines.training.trial import TRIAL_ERRORS

    row = ARCHITECTURES[architecture]
    is_closed_form = row.learner == "closed_form"
    own_jobs = [replace(job, architecture=architecture) for job in jobs]
    tries = [(own_jobs[0], 1), (own_jobs[1], 1)] if is_closed_form else [(own_jobs[0], n) for n in SAMPLE_EPOCHS]
    taken = []
    try:
        rows = [load_training_data(job).train[0].rows for job, _ in tries]
        for place, (job, epochs) in enumerate(tries):
            seconds = _train_briefly(job, fix, epochs, folder / architecture / str(place))
            if seconds is None:
                return None
            taken.append(seconds)
    except (UserError, *TRIAL_ERRORS):  # as of a sample without a rare class; the run itself will say what is wrong
        return None
    more = rows[1] - rows[0] if is_closed_form else rows[0] * (SAMPLE_EPOCHS[1] - SAMPLE_EPOCHS[0])
    per_row = max(0.0, taken[1] - taken[0]) / more if more else 0.0
    first_rows = rows[0] * (1 if is_closed_form else SAMPLE_EPOCHS[0])
    fixed = max(0.0, taken[0] - per_row * first_rows)
    return TrainingTime(fixed, per_row, is_closed_form, row.uses_seed)


def _train_briefly(job: "TrainingJob", fix: Mapping[str, Any], epochs: int, folder: Path) -> float | None:
    """The processor time of a training, in seconds; None if it fails."""
    from pipelines.training.budget import Budget, BudgetSettings
    from pipelines.training.contender_settings import make_settings
    from pipelines.training.trial import TrialSpec, run_trial

    settings = make_settings(job.architecture, job.task_settings.kind, fix)
    budget = Budget(BudgetSettings(epochs=epochs, min_steps=1))
    started_at = time.process_time()
    result = run_trial(TrialSpec(job, settings, 0, folder, budget))
    return None if result.score is None else time.process_time() - started_at

"""Training time: how long contenders will take here, from short trainings of each on samples of the data.

The rule: a training in epochs grows with its steps, and one in closed form by a fixed part and one that grows with the
rows, both measured in processor time, so that they hold for cores that do nothing else. What is measured is long enough
to stand above what a first training does besides: a network is trained for more epochs until these take
MEASURED_SECONDS, and what is solved at once on larger samples. Trials and trainings share the workers; a trial takes
TRIAL_SHARE of a training with the defaults, as some settings take longer and those that fall behind are stopped, or
TRIAL_SHARE_OF_FOLDS, where the better ones go on to a second fold. A training with the best settings takes SPREAD times
as long as one with the defaults. What the stages need besides is the same for every problem.
"""

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.runtime.user_error import UserError
from pipelines.splitting.split import SplitRows, write_split

if TYPE_CHECKING:
    from pipelines.settings.params import Problem
    from pipelines.training.job import TrainingJob

Job = TypeVar("Job")

SAMPLE_ROWS = (400, 1600, 6400)  # examples of the samples, a fifth of which is validated on
SAMPLE_VALUES = (2**20, 2**22, 2**24)  # numbers and pixels of the samples, of which large examples leave fewer ...
MIN_SAMPLE_ROWS = 64  # ... but not fewer than so many
MEASURED_SECONDS = 0.3  # of processor time that a difference takes which is believed
MAX_EPOCHS = 243  # of a training on a sample
TRIAL_SHARE = 0.8  # of a training with the defaults that a trial takes on average, stopped or not
TRIAL_SHARE_OF_FOLDS = 1.0  # ... where the better ones are trained on a second fold
SPREAD = 1.4  # how much longer than with the defaults a training with the best settings takes
AGAIN_SHARE = 0.6  # of the trainings of folds that is done again, until the epoch that all folds keep
STAGE_SECONDS = 5.0  # seconds of one core for a contender's stages besides its trainings, most of them to evaluate it
PREPARATION_SECONDS = 8.0  # seconds of the clock until a problem is split
VERDICT_SECONDS = 7.0  # ... and from its last evaluation on
BATCH_SIZE = 32  # examples of a step, as the defaults have them


class TrainingTime(NamedTuple):
    """How long a training of an architecture takes, in seconds of one core."""

    fixed_seconds: float
    row_seconds: float  # more for every row of the train part; of a pass over them, where it is trained in epochs
    is_closed_form: bool
    uses_seed: bool


class Timed(NamedTuple):
    """A training on a sample."""

    seconds: float  # of the processor
    rows: int  # that it passed over, all epochs together


class Effort(NamedTuple):
    """How much of a contender is trained."""

    trials: int
    members: int  # trainings of the best trial's settings: a fold's each, or a seed's
    is_folded: bool
    epochs: int
    min_steps: int
    max_steps: int


def estimate_seconds(taken: TrainingTime, effort: Effort, train_rows: int, workers: int) -> float:
    """The time of a contender's stages, in seconds."""
    members = effort.members * again_factor(taken) if effort.is_folded else effort.members if taken.uses_seed else 1
    trainings = (TRIAL_SHARE_OF_FOLDS if effort.is_folded else TRIAL_SHARE) * effort.trials + SPREAD * members
    return (STAGE_SECONDS + trainings * _training_seconds(taken, effort, train_rows)) / workers


def again_factor(taken: TrainingTime) -> float:
    """How often a fold is trained: what is trained in epochs once more, for the most part."""
    return 1.0 if taken.is_closed_form else 1.0 + AGAIN_SHARE


def _training_seconds(taken: TrainingTime, effort: Effort, train_rows: int) -> float:
    if taken.is_closed_form:
        return taken.fixed_seconds + taken.row_seconds * train_rows
    pass_steps = max(1, round(train_rows / BATCH_SIZE))
    steps = min(max(effort.epochs * pass_steps, effort.min_steps), effort.max_steps)
    return taken.fixed_seconds + taken.row_seconds * steps * BATCH_SIZE


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
    """The examples of the samples, the smallest first; fewer of them where there are few."""
    example_values = sum(max(1, math.prod(values.shape[1:])) for values in data.part.inputs)
    sizes = {
        min(len(data.part.target), max(MIN_SAMPLE_ROWS, min(rows, values // example_values)))
        for rows, values in zip(SAMPLE_ROWS, SAMPLE_VALUES, strict=True)
    }
    return sorted(sizes)


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
    """Short trainings; None if one fails."""
    from models import ARCHITECTURES
    from pipelines.training.trial import TRIAL_ERRORS

    row = ARCHITECTURES[architecture]
    own_jobs = [replace(job, architecture=architecture) for job in jobs]
    numbers = itertools.count()

    def time_training(job: "TrainingJob", epochs: int) -> Timed:
        return _train_briefly(job, fix, epochs, folder / architecture / str(next(numbers)))

    is_closed_form = row.learner == "closed_form"
    try:
        time_training(own_jobs[0], 1)  # what the first training of a process does besides
        fixed, per_row = (time_solutions if is_closed_form else time_epochs)(own_jobs, time_training)
    except (UserError, *TRIAL_ERRORS):  # as of a sample without a rare class; the run itself will say what is wrong
        return None
    return TrainingTime(fixed, per_row, is_closed_form, row.uses_seed)


def time_solutions(jobs: Sequence[Job], time_training: Callable[[Job, int], "Timed"]) -> tuple[float, float]:
    """The fixed seconds of what is solved at once, and those of a row: larger samples while these take little."""
    first, last = time_training(jobs[0], 1), None
    for job in jobs[1:]:
        if last is not None and last.seconds - first.seconds >= MEASURED_SECONDS:
            break
        first, last = last or first, time_training(job, 1)
    return _divide(first, last)


def time_epochs(jobs: Sequence[Job], time_training: Callable[[Job, int], "Timed"]) -> tuple[float, float]:
    """The fixed seconds of a training in epochs, and those of a row that it passes over: ever more epochs."""
    job, first = jobs[0], time_training(jobs[0], 1)
    if first.seconds < MEASURED_SECONDS and len(jobs) > 1:
        job = jobs[1]
        first = time_training(job, 1)
    last, epochs = first, 1
    while last.seconds - first.seconds < MEASURED_SECONDS and epochs < MAX_EPOCHS:
        epochs *= 3
        last = time_training(job, epochs)
    return _divide(first, last)


def _divide(first: "Timed", last: "Timed | None") -> tuple[float, float]:
    """The fixed part of two trainings, and that of each row by which the second is longer."""
    if last is None or last.rows <= first.rows:
        return first.seconds, 0.0
    per_row = max(0.0, last.seconds - first.seconds) / (last.rows - first.rows)
    return max(0.0, first.seconds - per_row * first.rows), per_row


def _train_briefly(job: "TrainingJob", fix: Mapping[str, Any], epochs: int, folder: Path) -> Timed:
    """A training.

    Raises:
        UserError: it fails, or its settings do not suit the data.
    """
    from pipelines.training.budget import Budget, BudgetSettings
    from pipelines.training.contender_settings import make_settings
    from pipelines.training.job import load_training_data
    from pipelines.training.trial import TrialSpec, run_trial

    settings = make_settings(job.architecture, job.task_settings.kind, fix)
    rows = load_training_data(job).train[0].rows
    budget = Budget(BudgetSettings(epochs=epochs, min_steps=1))
    started_at = time.process_time()
    result = run_trial(TrialSpec(job, settings, 0, folder, budget))
    if result.score is None:
        raise UserError(result.reason)
    return Timed(time.process_time() - started_at, rows * epochs)

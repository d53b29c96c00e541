"""Time plan: how a run of limited time divides it between its contenders.

The rule: after what the other stages need, every contender gets the same time; one that cannot do with so little, as
its trainings are solved at once and in folds, gets what it needs, and the others share the rest. Two thirds of a share
are for the search, which ends by the clock, half of it where there are folds; the rest trains the best settings, from
as many seeds as fit. A training is cut to the steps that let the search try two choices of settings at least, by the
time that short trainings of it took on this machine.
"""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.data.dataset import Dataset
from pipelines.data.folds import read_folds
from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.proposals.training_time import (
    BATCH_SIZE,
    PROBLEM_SECONDS,
    STAGE_SECONDS,
    TrainingTime,
    time_trainings,
)
from pipelines.settings import paths
from pipelines.settings.limits import Limits

if TYPE_CHECKING:
    from pipelines.settings.params import Params

SEARCH_SHARE = 2 / 3  # of a contender's time
SEARCH_SHARE_OF_FOLDS = 1 / 2  # ... where every fold is trained after the search
AGAIN_SHARE = 0.6  # of the trainings of folds that is done again, until the epoch that all folds keep
MIN_WORK_SHARE = 1 / 3  # of the whole time that is trained in, whatever the other stages are expected to need
MIN_TRIALS = 2  # that a training is short enough for
MIN_STEPS = 100  # of a training, below which it would show nothing
SPREAD = 1.5  # how much longer than the defaults other settings take, such as larger batches and networks


class Share(NamedTuple):
    """A contender's part of the time."""

    core_seconds: float  # of computing, on one core
    clock_share: float  # seconds of the clock in which it computes for one, beside the others


class Work(NamedTuple):
    """What a contender has to train."""

    taken: TrainingTime | None  # None: nothing is known of its time
    rows: int  # of the train part
    folds: int
    asked_steps: int  # of a training, as params.yaml has it

    @property
    def trainings(self) -> float:
        """How many there are after the search, at least."""
        again = 1.0 if self.taken is None or self.taken.is_closed_form else 1 + AGAIN_SHARE
        return self.folds * again or 1.0

    @property
    def step_seconds(self) -> float:
        assert self.taken is not None
        return SPREAD * self.taken.row_seconds * BATCH_SIZE

    def training_seconds(self, steps: int) -> float:
        """How long a training of so many steps takes; what is solved at once has none."""
        assert self.taken is not None
        if self.taken.is_closed_form:
            return self.taken.fixed_seconds + self.taken.row_seconds * self.rows
        return self.taken.fixed_seconds + self.step_seconds * steps


def plan_limits(params: "Params", contenders: Sequence[str], seconds: float, workers: int) -> dict[str, Limits]:
    """Limits that let the contenders' searches and trainings end in time; short trainings of each are timed for them.

    Args:
        contenders: those that are run, of problems that are split and augmented.
        seconds: until the verdict, these short trainings included.
        workers: cores.
    """
    started_at, processor_started_at = time.monotonic(), time.process_time()
    problems = list(dict.fromkeys(params.contenders[name].problem for name in contenders))
    taken = {problem: _time_problem(params, problem, contenders) for problem in problems}
    measured = time.monotonic() - started_at
    load = max(1.0, measured / max(0.1, time.process_time() - processor_started_at))  # by what else runs here
    works = {name: read_work(params, name, taken[params.contenders[name].problem]) for name in contenders}
    least = [least_seconds(work) for work in works.values()]
    shares = share_time((seconds - measured) / load, least, len(problems), workers)
    return {
        name: limit_contender(work, share._replace(clock_share=share.clock_share * load))
        for (name, work), share in zip(works.items(), shares, strict=True)
    }


def read_work(params: "Params", name: str, taken: Mapping[str, TrainingTime]) -> Work:
    """What a contender has to train, by the times of its problem's architectures."""
    contender = params.contenders[name]
    rows = len(_read_train(contender.problem).part.target)
    folds = read_folds(paths.folds_file(contender.problem)).number
    budget = params.budget_settings(name)
    asked = min(max(budget.epochs * max(1, round(rows / BATCH_SIZE)), budget.min_steps), budget.max_steps)
    return Work(taken.get(contender.architecture), rows, folds, asked)


def least_seconds(work: Work) -> float:
    """What a contender takes of one core with the shortest trainings, and no more of them than there must be."""
    if work.taken is None:
        return 0.0
    if work.taken.is_closed_form:
        return (1 + work.trainings) * work.training_seconds(0)
    return (MIN_TRIALS + work.trainings) * work.training_seconds(min(MIN_STEPS, work.asked_steps))


def share_time(seconds: float, least: Sequence[float], problems: int, workers: int) -> list[Share]:
    """The part of each contender.

    >>> [share.core_seconds for share in share_time(seconds=100.0, least=[0.0, 48.0, 1.0, 2.0], problems=1, workers=2)]
    [30.0, 48.0, 30.0, 30.0]

    Args:
        seconds: of the clock, until the verdict.
        least: of each contender, the seconds of one core that it cannot do without.
    """
    other = STAGE_SECONDS * len(least) / workers + PROBLEM_SECONDS * problems
    work = max(seconds - other, MIN_WORK_SHARE * seconds, 1.0)
    left, parts = work * workers, list(least)
    by_need = sorted(range(len(least)), key=least.__getitem__, reverse=True)
    for rank, place in enumerate(by_need):
        parts[place] = max(least[place], left / (len(least) - rank))
        left = max(0.0, left - parts[place])
    return [Share(part, min(workers, len(least)) / workers) for part in parts]


def limit_contender(work: Work, share: Share) -> Limits:
    """The limits of a contender with this part of the time; one seed, where nothing is known of its time."""
    search_share = SEARCH_SHARE_OF_FOLDS if work.folds else SEARCH_SHARE
    search, rest = search_share * share.core_seconds, (1 - search_share) * share.core_seconds
    taken, max_steps = work.taken, None
    if taken is None:
        return Limits(search * share.clock_share, seeds=1)
    training = work.training_seconds(work.asked_steps)
    if taken.is_closed_form:
        search = max(training, share.core_seconds - work.trainings * training)
    else:
        longest = min(search / MIN_TRIALS, rest / work.trainings)
        if training > longest and work.step_seconds:
            max_steps = max(MIN_STEPS, int((longest - taken.fixed_seconds) / work.step_seconds))
            training = work.training_seconds(max_steps)
    seeds = max(1, int(rest / max(training, 0.01))) if taken.uses_seed and not work.folds else None
    until = max(search - training / 2, search / 2)  # the search ends with a trial, half of one later on average
    return Limits(until * share.clock_share, seeds=seeds, max_steps=max_steps)


def _time_problem(params: "Params", problem: str, contenders: Sequence[str]) -> Mapping[str, TrainingTime]:
    fixes: dict[str, Mapping[str, Any]] = {}
    for name in contenders:
        entry = params.contenders[name]
        if entry.problem == problem:
            fixes.setdefault(entry.architecture, entry.fix)
    return time_trainings(_read_train(problem), params.problems[problem], fixes)


def _read_train(problem: str) -> Dataset:
    schema = read_schema(paths.schema_file(problem))
    return Dataset(schema, read_part(paths.split_folder(problem) / "train", schema))

"""Time plan: how a run of limited time divides it between its contenders.

The rule: what evaluations and the verdict need is taken off first, as long as they took here the last time, or as they
usually take on a machine that is as busy as this one. Of the rest every contender gets the same time; one that cannot
do with so little, as its trainings are solved at once and in folds, gets what it needs, and the others share the rest.
Two thirds of a share are for the search, which ends by the clock, half of it where there are folds; the rest trains the
best settings, from as many seeds as fit. Where that leaves no room for two choices of settings, by the time that short
trainings took on this machine, there is one, the defaults: then trainings are cut to the steps with which the trial and
what follows it fit, as a longer training gains more than a second choice. However late a search begins, it ends in time
for the longest trainings and the verdict.
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
    SPREAD,
    STAGE_SECONDS,
    VERDICT_SECONDS,
    TrainingTime,
    again_factor,
    time_trainings,
)
from pipelines.runtime.durations import read_duration
from pipelines.settings import paths
from pipelines.settings.limits import Limits

if TYPE_CHECKING:
    from pipelines.settings.params import Params

SEARCH_SHARE = 2 / 3  # of a contender's time
SEARCH_SHARE_OF_FOLDS = 1 / 2  # ... where every fold is trained after the search
MIN_WORK_SHARE = 1 / 3  # of the whole time that is trained in, whatever the other stages are expected to need
VERDICT_STAGES = {"compare": VERDICT_SECONDS / 2, "export": VERDICT_SECONDS / 2, "package": 0.0}  # usual seconds
WORTHWHILE_TRIALS = 2  # choices of settings, without which one is enough
MIN_STEPS = 100  # of a training, below which it would show nothing


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
        return self.folds * (1.0 if self.taken is None else again_factor(self.taken)) or 1.0

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
    left = seconds - measured
    verdict = verdict_seconds(params, contenders, workers, load)
    work = max(left - verdict, MIN_WORK_SHARE * left, 1.0) / load
    shares = share_time(work, [least_seconds(one) for one in works.values()], workers)
    limits = {
        name: limit_contender(one, share._replace(clock_share=share.clock_share * load))
        for (name, one), share in zip(works.items(), shares, strict=True)
    }
    longest = max(train_seconds(works[name], one) for name, one in limits.items())
    until = time.time() + left - verdict - load * longest / workers
    return {name: one._replace(search_until=until) for name, one in limits.items()}


def verdict_seconds(params: "Params", contenders: Sequence[str], workers: int, load: float) -> float:
    """Seconds of the clock for what follows the trainings: as long as it took here the last time, where it did.

    Args:
        load: how many times as long as on an idle machine anything takes here that never ran.
    """
    problems = dict.fromkeys(params.contenders[name].problem for name in contenders)
    evaluations = [_last_seconds("evaluate", name, load * STAGE_SECONDS) for name in contenders]
    verdicts = [
        sum(_last_seconds(verb, name, load * seconds) for verb, seconds in VERDICT_STAGES.items()) for name in problems
    ]
    return sum(evaluations) / workers + sum(verdicts)


def _last_seconds(verb: str, name: str, usual: float) -> float:
    seconds = read_duration(paths.STATE_FOLDER, verb, name)
    return usual if seconds is None else seconds


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
    return (1 + work.trainings) * work.training_seconds(min(MIN_STEPS, work.asked_steps))


def train_seconds(work: Work, limits: Limits) -> float:
    """Seconds of one core of the trainings that follow a search."""
    if work.taken is None:
        return 0.0
    steps = min(work.asked_steps, limits.max_steps or work.asked_steps)
    return max(work.trainings, limits.seeds or 1) * work.training_seconds(steps)


def share_time(seconds: float, least: Sequence[float], workers: int) -> list[Share]:
    """The part of each contender.

    >>> [share.core_seconds for share in share_time(seconds=69.0, least=[0.0, 48.0, 1.0, 2.0], workers=2)]
    [30.0, 48.0, 30.0, 30.0]

    Args:
        seconds: of the clock, for searches and trainings.
        least: of each contender, the seconds of one core that it cannot do without.
    """
    left, parts = seconds * workers, list(least)
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
        if training > min(search / WORTHWHILE_TRIALS, rest / work.trainings) and work.step_seconds:
            longest = share.core_seconds / (1 + work.trainings)
            steps = max(MIN_STEPS, int((longest - taken.fixed_seconds) / work.step_seconds))
            max_steps = steps if steps < work.asked_steps else None
            training = work.training_seconds(max_steps or work.asked_steps)
            rest = work.trainings * training
            search = max(training, share.core_seconds - rest)
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

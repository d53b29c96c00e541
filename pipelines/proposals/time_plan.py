"""Time plan: how a run of limited time divides it between its contenders.

The rule: after what the other stages need, every contender gets the same time. Two thirds of it are for its search,
which ends by the clock; the rest trains the best settings, from as many seeds as fit. A training is cut to the steps
that let the search try two choices of settings at least, by the time that short trainings of it took on this machine.
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
MIN_WORK_SHARE = 1 / 3  # of the whole time that is trained in, whatever the other stages are expected to need
MIN_TRIALS = 2  # that a training is short enough for
MIN_STEPS = 100  # of a training, below which it would show nothing
SPREAD = 1.5  # how much longer than the defaults other settings take, such as larger batches and networks


class Share(NamedTuple):
    """A contender's part of the time."""

    core_seconds: float  # of computing, on one core
    search_seconds: float  # of the clock, beside the others


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
    share = share_time((seconds - measured) / load, len(contenders), len(problems), workers)
    return {
        name: limit_contender(
            params,
            name,
            taken[params.contenders[name].problem].get(params.contenders[name].architecture),
            share._replace(search_seconds=share.search_seconds * load),
        )
        for name in contenders
    }


def share_time(seconds: float, contenders: int, problems: int, workers: int) -> Share:
    """The part of each contender, where all have the same.

    >>> share_time(seconds=100.0, contenders=4, problems=1, workers=2)
    Share(core_seconds=34.5, search_seconds=23.0)
    """
    other = STAGE_SECONDS * contenders / workers + PROBLEM_SECONDS * problems
    work = max(seconds - other, MIN_WORK_SHARE * seconds, 1.0)
    at_once = min(workers, contenders)
    return Share(work * workers / contenders, SEARCH_SHARE * work * at_once / contenders)


def limit_contender(params: "Params", name: str, taken: TrainingTime | None, share: Share) -> Limits:
    """The limits of a contender with this part of the time; one seed, where nothing is known of its time."""
    if taken is None:
        return Limits(share.search_seconds, seeds=1)
    problem = params.contenders[name].problem
    rows = len(_read_train(problem).part.target)
    folds = read_folds(paths.folds_file(problem)).number
    search, rest = SEARCH_SHARE * share.core_seconds, (1 - SEARCH_SHARE) * share.core_seconds
    longest = min(search / MIN_TRIALS, rest / max(1, folds))
    if taken.is_closed_form:
        training, max_steps = taken.fixed_seconds + taken.row_seconds * rows, None
    else:
        budget = params.budget_settings(name)
        step = SPREAD * taken.row_seconds * BATCH_SIZE
        asked = min(max(budget.epochs * max(1, round(rows / BATCH_SIZE)), budget.min_steps), budget.max_steps)
        fitting = int((longest - taken.fixed_seconds) / step) if step else asked
        max_steps = max(MIN_STEPS, fitting) if fitting < asked else None
        training = taken.fixed_seconds + step * min(asked, max_steps or asked)
    seeds = max(1, int(rest / max(training, 0.01))) if taken.uses_seed and not folds else None
    return Limits(share.search_seconds, seeds=seeds, max_steps=max_steps)


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

"""The search for a contender's settings: Optuna, generation by generation.

A generation of trials is asked in order, each from a sampler seeded with the trial's number. On every
rung the values are reported and a SuccessiveHalving pruner decides who goes on, in the order of the
trials. Nothing depends on which worker finished first, so the answer is the same for any number of
workers.

The study is Optuna's own, in a journal under `.state/`, and can be opened with Optuna's tools. It is
replayed from the start on every call: asking is cheap and always gives the same settings, and what was
trained is read from the trials' folders. A search killed at any moment goes on this way as if it had
not been.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from models.blocks.hyperparameters import Choice, Range, Space
from pipelines.runtime.seeds import derive
from pipelines.runtime.user_error import Failure
from pipelines.runtime.workers import Crash, Workers
from pipelines.tasks import Goal
from pipelines.training.job import Lesson
from pipelines.training.learners import Course
from pipelines.training.trial import IMPORTS, Assignment, Result, carry_out

ENOUGH = 8  # trials with a score, below which importances are noise
SEEDS = 2**32  # NumPy's, which Optuna's samplers use

STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

Watch = Callable[[int, int, float | None], None]  # (trials over, of them in an earlier run, best score so far)


class Plan(NamedTuple):
    """What to search and how long."""

    lesson: Lesson
    goal: Goal
    space: Space  # what is searched, in order
    defaults: Mapping[str, Any]  # the first trial
    fixed: Mapping[str, Any]  # what is not searched
    trials: int
    generation: int
    rungs: Sequence[int]  # epochs after which trials are compared; the last is a trial's whole length
    seed: int


class Trial(NamedTuple):
    """A row of trials.csv."""

    number: int
    state: str  # complete, pruned or failed
    score: float | None
    epochs: int
    reason: str  # of a failure
    settings: dict[str, Any]  # what was searched


def search(plan: Plan, folder: Path, workers: int, watch: Watch) -> tuple[optuna.Study, list[Trial]]:
    """Search `plan.space`; scratch goes to `folder`.

    Raises:
        Failure: if every trial fails; the reasons are named.
    """
    study = _new_study(plan, folder)
    rows: list[Trial] = []
    earlier = {path.parent.name for path in folder.glob("trial-*/until-*.json")}
    with Workers(carry_out, workers, IMPORTS) as pool:
        while len(rows) < plan.trials:
            generation = [_ask(study, plan) for _ in range(min(plan.generation, plan.trials - len(rows)))]

            def tell(over: Iterable[Trial], before: Sequence[Trial] = tuple(rows)) -> None:
                done = [*before, *over]
                again = sum(_folder_name(row.number) in earlier for row in done)
                leader = plan.goal.best(row.score for row in done if row.score is not None and row.state == "complete")
                watch(len(done), again, leader)

            rows += _Generation(plan, folder, generation).compete(pool, study, tell)
    if all(row.state == "failed" for row in rows):
        reasons = "; ".join(f"trial {row.number}: {row.reason}" for row in rows[:3])
        raise Failure(f"all {len(rows)} trials failed. {reasons}")
    return study, rows


def best(rows: Sequence[Trial], goal: Goal) -> Trial:
    """The complete trial with the best score, the earliest among equals.

    If none is complete (those that were let through failed later), the best of the pruned ones.
    """
    scored: dict[float, Trial] = {}
    for state in ("pruned", "complete"):
        these = {row.score: row for row in reversed(rows) if row.state == state and row.score is not None}
        scored = these or scored
    score = goal.best(scored)
    assert score is not None, "a search without a single score has failed before"
    return scored[score]


def importances(study: optuna.Study) -> dict[str, float]:
    """How much each setting mattered, by Optuna; empty where there are too few scores to tell.

    All trials are judged by their score on the first rung, which every one of them reaches: by the last, only the few
    good ones could be judged.
    """
    scored = [trial for trial in study.get_trials(deepcopy=False) if trial.intermediate_values]
    if len(scored) < ENOUGH:
        return {}
    judged = optuna.create_study(direction=study.direction)
    for trial in scored:
        value = trial.intermediate_values[min(trial.intermediate_values)]
        judged.add_trial(optuna.trial.create_trial(params=trial.params, distributions=trial.distributions, value=value))
    shares: dict[str, float] = optuna.importance.get_param_importances(judged)
    return dict(sorted(shares.items(), key=lambda share: (-share[1], share[0])))  # Optuna leaves equal ones unordered


def _new_study(plan: Plan, folder: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("journal.log*"):  # and the lock that a killed process left beside it
        stale.unlink()
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        study_name=plan.lesson.architecture,
        direction=plan.goal.direction,
        pruner=SuccessiveHalvingPruner(min_resource=plan.rungs[0], reduction_factor=2),
    )
    first = {name: plan.defaults[name] for name in plan.space}
    study.enqueue_trial(first)
    return study


def _ask(study: optuna.Study, plan: Plan) -> optuna.Trial:
    number = len(study.get_trials(deepcopy=False, states=None)) - len(
        study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    )
    study.sampler = TPESampler(
        seed=derive(plan.seed, "sampler", number) % SEEDS,
        n_startup_trials=max(plan.generation, plan.trials // 4),
        constant_liar=True,  # the others of a generation are still running: keep away from them
    )
    return study.ask({name: _distribution(extent) for name, extent in plan.space.items()})


def _distribution(extent: Range | Choice) -> BaseDistribution:
    if isinstance(extent, Choice):
        return CategoricalDistribution(list(extent.options))
    if extent.integer:
        return IntDistribution(int(extent.low), int(extent.high), log=extent.log)
    return FloatDistribution(extent.low, extent.high, log=extent.log)


class _Generation:
    """Trials that compete rung by rung.

    The pruner compares a trial with the trials before it, so a decision waits for the earlier trials of
    its rung and for nothing else: while the last trial is on the first rung, the first may be on its last.
    """

    def __init__(self, plan: Plan, folder: Path, trials: list[optuna.Trial]) -> None:
        self.plan, self.folder, self.trials = plan, folder, trials
        self.results: dict[tuple[int, int], Result | Crash] = {}  # (trial, rung), both as positions
        self.decided: set[tuple[int, int]] = set()
        self.over: dict[int, Trial] = {}

    def compete(
        self, pool: Workers[Assignment, Result], study: optuna.Study, tell: Callable[[Iterable[Trial]], None]
    ) -> list[Trial]:
        """Train all trials as far as they get; tell Optuna how each ended, in order."""
        for position in range(len(self.trials)):
            self._submit(pool, position, 0)
        while len(self.over) < len(self.trials):
            for key, result in pool.collect():
                self.results[divmod(key, len(self.plan.rungs))] = result
            for position, rung in self._decidable():
                if self._goes_on(position, rung):
                    self._submit(pool, position, rung + 1)
                else:
                    self._discard(position)
            tell(self.over.values())
        for position, trial in enumerate(self.trials):
            row = self.over[position]
            if row.reason:
                trial.set_user_attr("reason", row.reason)
            study.tell(trial, row.score if row.state == "complete" else None, state=STATES[row.state])
        return [self.over[position] for position in range(len(self.trials))]

    def _submit(self, pool: Workers[Assignment, Result], position: int, rung: int) -> None:
        key = position * len(self.plan.rungs) + rung
        assignment = _assignment(self.plan, self.folder, self.trials[position], self.plan.rungs[rung])
        pool.submit(key, assignment, first=rung > 0)  # whoever is ahead has the longest way to go

    def _discard(self, position: int) -> None:
        """Remove the weights of a trial that is over; what it scored stays, and is all that a replay reads."""
        folder = self.folder / _folder_name(self.trials[position].number)
        for path in (*folder.glob("checkpoint.*"), *folder.glob("best.*")):
            path.unlink()

    def _decidable(self) -> Iterator[tuple[int, int]]:
        """Every (trial, rung) whose result is in and whose predecessors on that rung are decided or over."""
        for rung in range(len(self.plan.rungs)):
            for position in range(len(self.trials)):
                if (position, rung) in self.decided or (position in self.over and (position, rung) not in self.results):
                    continue
                if (position, rung) not in self.results:
                    break
                self.decided.add((position, rung))
                yield position, rung

    def _goes_on(self, position: int, rung: int) -> bool:
        """Report a result and let the pruner decide; a trial that ends here gets its row."""
        trial, result = self.trials[position], self.results[position, rung]
        if isinstance(result, Crash):
            self.over[position] = _row(trial, "failed", Result(None, reason=result.reason))
        elif result.score is None or not math.isfinite(result.score):
            reason = result.reason or "the validation score is not a number"
            self.over[position] = _row(trial, "failed", Result(None, result.epochs, 0, reason))
        else:
            trial.report(result.score, self.plan.rungs[rung])
            if rung == len(self.plan.rungs) - 1:
                self.over[position] = _row(trial, "complete", result)
            elif trial.should_prune():
                self.over[position] = _row(trial, "pruned", result)
        return position not in self.over


def _assignment(plan: Plan, folder: Path, trial: optuna.Trial, rung: int) -> Assignment:
    return Assignment(
        plan.lesson,
        {**plan.fixed, **trial.params},
        derive(plan.seed, "trial", trial.number),
        folder / _folder_name(trial.number),
        Course(until=rung, horizon=plan.rungs[-1]),
    )


def _folder_name(number: int) -> str:
    return f"trial-{number:04d}"


def _row(trial: optuna.Trial, state: str, result: Result) -> Trial:
    return Trial(trial.number, state, result.score, result.epochs, result.reason, dict(trial.params))

"""Hyperparameter search with Optuna, generation by generation.

The first trials are the defaults and points that fill the space evenly. Those of later generations are sampled in
order, each by a sampler seeded with the contender's name and the trial's number: were the name left out, a poor draw
would be poor for every contender of every problem. On every rung (rungs.py) the scores are reported in the order of the
trials, and a SuccessiveHalving pruner decides which go on. Nothing depends on which worker finished first, so the
result is the same for any number of workers.

The study is Optuna's own, in a journal under `.state/`, and can be opened with Optuna's tools. It is
replayed from the start on every call: asking is cheap and always gives the same settings, and what was
trained is read from the trials' folders. A search killed at any moment goes on this way as if it had
not been.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from pathlib import Path
from typing import NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from models.blocks.hyperparameters import Choice, Range, SettingValue
from pipelines.runtime.cluster import TaskNeeds, open_workers
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Crash, TaskPool
from pipelines.tasks import Goal
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.finished_trials import Trial, best_trial, trial_folder_name
from pipelines.training.first_trials import spread_points
from pipelines.training.job import TrainingJob
from pipelines.training.learners import TrainingResult
from pipelines.training.rungs import Rung, plan_rungs, score_trial
from pipelines.training.search_space import SearchSpace
from pipelines.training.trial import TrialSpec, preloaded_modules, run_trial

HALVING = 2  # of the trials on a rung, one in so many goes on
SAMPLER_SEED_RANGE = 2**32  # NumPy's, which Optuna's samplers use

TRIAL_STATES = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}

ProgressCallback = Callable[
    [int, int, float | None], None
]  # (trials over, of them in an earlier run, best score so far)


class SearchConfig(NamedTuple):
    """What to search and how long."""

    job: TrainingJob
    goal: Goal
    space: SearchSpace
    trial_count: int
    generation_size: int
    length: BudgetSettings  # of a trial that is never pruned, which is that of the training after the search
    shares: Sequence[float]  # of it after which trials are compared; the last is 1
    seed: int
    contender: str  # its name, so that no two contenders draw the same numbers
    fold_rows: Sequence[int] = ()  # that the folds hold out which the best trials are trained on; none of a holdout
    stop_after: int | None = None  # trials, of fewer than `trial_count`: those that a run of limited time came to

    @property
    def rungs(self) -> tuple[Rung, ...]:
        return plan_rungs(self.shares, len(self.fold_rows))


def run_search(
    config: SearchConfig,
    folder: Path,
    workers: int,
    on_progress: ProgressCallback,
    is_time_up: Callable[[], bool] = lambda: False,
) -> tuple[optuna.Study, list[Trial]]:
    """Search `config.space`; scratch goes to `folder`.

    Args:
        is_time_up: whether to end with the trials that are over, as soon as one of them has a score and none is left
            out that an earlier run began. The rows are those of a search that stops after so many; the study is not.

    Raises:
        UserError: if every trial fails; the reasons are named.
    """
    study, first_points = _create_study(config, folder), _first_points(config)
    rows: list[Trial] = []
    trial_count = min(config.trial_count, config.stop_after or config.trial_count)
    earlier_folders = {path.parent.name for path in folder.glob("trial-*/until-*.json")}

    def may_stop(ended: Sequence[Trial]) -> bool:
        enough = len(ended) >= min(len(earlier_folders), trial_count) and any(row.state != "failed" for row in ended)
        return enough and is_time_up()

    needs = TaskNeeds(config.job.device, config.job.files, folder)
    with open_workers(run_trial, workers, preloaded_modules(config.job.architecture), needs) as pool:
        while len(rows) < trial_count and not may_stop(rows):
            generation = [
                _ask_trial(study, config, first_points)
                for _ in range(min(config.generation_size, trial_count - len(rows)))
            ]

            def on_trial(finished: Iterable[Trial], before: Sequence[Trial] = tuple(rows)) -> None:
                done = [*before, *finished]
                done_earlier = sum(trial_folder_name(row.number) in earlier_folders for row in done)
                best_score = config.goal.best_score(
                    row.score for row in done if row.score is not None and row.state == "complete"
                )
                on_progress(len(done), done_earlier, best_score)

            generation_rows = _run_generation(config, folder, generation, pool, rows, on_trial, may_stop)
            for trial, row in zip(generation, generation_rows, strict=False):  # fewer rows where the time is up
                _tell_study(study, trial, row)
            rows += generation_rows
            if len(generation_rows) < len(generation):
                break
    if all(row.state == "failed" for row in rows):
        reasons = "; ".join(f"trial {row.number}: {row.reason}" for row in rows[:3])
        raise UserError(f"all {len(rows)} trials failed. {reasons}")
    return study, rows


def _create_study(config: SearchConfig, folder: Path) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("journal.log*"):  # and the lock that a killed process left beside it
        stale.unlink()
    return optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))),
        study_name=config.job.architecture,
        direction=config.goal.direction,
        pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=HALVING),
    )


def _ask_trial(
    study: optuna.Study, config: SearchConfig, first_points: Sequence[dict[str, SettingValue]]
) -> optuna.Trial:
    number = len(study.get_trials(deepcopy=False))
    if number < len(first_points):
        study.enqueue_trial(first_points[number])
    study.sampler = TPESampler(
        seed=derive_seed(config.seed, config.contender, "sampler", number) % SAMPLER_SEED_RANGE,
        n_startup_trials=len(first_points),
        constant_liar=True,  # the others of a generation are still running: keep away from them
    )
    return study.ask({name: to_distribution(domain) for name, domain in config.space.domains.items()})


def _first_points(config: SearchConfig) -> list[dict[str, SettingValue]]:
    """What is tried before the sampler proposes something: the defaults, and points that fill the space."""
    count = max(config.generation_size, config.trial_count // 4)
    seed = derive_seed(config.seed, config.contender, "first trials")
    return [dict(config.space.first_values), *spread_points(config.space.domains, count - 1, seed)]


def to_distribution(extent: Range | Choice) -> BaseDistribution:
    """What Optuna samples a setting from."""
    if isinstance(extent, Choice):
        return CategoricalDistribution(list(extent.options))
    if extent.integer:
        return IntDistribution(int(extent.low), int(extent.high), log=extent.log)
    return FloatDistribution(extent.low, extent.high, log=extent.log)


def _run_generation(
    config: SearchConfig,
    folder: Path,
    trials: Sequence[optuna.Trial],
    pool: TaskPool[TrialSpec, TrainingResult],
    rows: Sequence[Trial],
    on_trial: Callable[[Iterable[Trial]], None],
    may_stop: Callable[[Sequence[Trial]], bool],
) -> list[Trial]:
    """Train trials rung by rung; on every rung, the pruner decides in the order of the trials which go on.

    `rows` are those of earlier generations. Where the time is up, the first trials are returned, as many as are over
    without one before them that is not: what they are does not depend on those behind them.

    A decision waits for the earlier trials of its rung and for nothing else: while the last trial is on the first
    rung, the first may be on its last. Waiting for the whole rung instead would leave workers idle (docs/log.md).
    """
    results: dict[tuple[int, int], TrainingResult | Crash] = {}  # by (trial, rung), both as positions
    finished: dict[int, Trial] = {}
    next_trial = [0] * len(config.rungs)  # on every rung, the trial that is decided next
    for position, trial in enumerate(trials):
        pool.submit((position, 0), _trial_spec(config, folder, trial, 0))
    while len(finished) < len(trials) and not may_stop([*rows, *_leading_rows(finished)]):
        results.update(pool.collect_results())
        for rung_index in range(len(config.rungs)):
            while (position := next_trial[rung_index]) in finished or (position, rung_index) in results:
                next_trial[rung_index] += 1
                if (position, rung_index) not in results:
                    continue  # it ended on an earlier rung
                trial = trials[position]
                reached = [results[position, earlier] for earlier in range(rung_index + 1)]
                row = _report_results(config, trial, reached)
                if row is not None:
                    finished[position] = row
                    _keep_best_weights([*rows, *_leading_rows(finished)], config.goal, folder)
                else:  # a trial that is ahead has the longest way to go: it comes first
                    spec = _trial_spec(config, folder, trial, rung_index + 1)
                    pool.submit((position, rung_index + 1), spec, first=True)
        on_trial(finished.values())
    return _leading_rows(finished)


def _leading_rows(finished: Mapping[int, Trial]) -> list[Trial]:
    """The rows up to the first position that has none."""
    return [finished[position] for position in takewhile(finished.__contains__, count())]


def _report_results(
    config: SearchConfig, trial: optuna.Trial, reached: Sequence[TrainingResult | Crash]
) -> Trial | None:
    """Report the results of the rungs that were reached; the row of a trial that ends here, None for one that goes on.

    A rung of the first fold goes on with the training of the one before it, and takes its place.
    """
    latest, rung_index = reached[-1], len(reached) - 1
    rung = config.rungs[rung_index]
    where = f"on fold {rung.fold}, " if rung.fold else ""
    if isinstance(latest, Crash):
        return _trial_row(config, trial, "failed", TrainingResult(None, reason=where + latest.reason))
    if latest.score is None or not math.isfinite(latest.score):
        reason = where + (latest.reason or "the validation score is not a number")
        return _trial_row(config, trial, "failed", TrainingResult(None, latest.epochs, reason=reason))
    whole = [result for result in reached[rung_index - rung.fold :] if isinstance(result, TrainingResult)]
    scored = score_trial(whole, config.fold_rows, config.goal)
    assert scored.score is not None, "those without one have failed"
    trial.report(scored.score, HALVING**rung_index)  # where the pruner has its rungs, whatever their shares
    if rung_index == len(config.rungs) - 1:
        return _trial_row(config, trial, "complete", scored)
    return _trial_row(config, trial, "pruned", scored) if trial.should_prune() else None


def _tell_study(study: optuna.Study, trial: optuna.Trial, row: Trial) -> None:
    if row.reason:
        trial.set_user_attr("reason", row.reason)
    study.tell(trial, row.score if row.state == "complete" else None, state=TRIAL_STATES[row.state])


def _keep_best_weights(rows: Sequence[Trial], goal: Goal, folder: Path) -> None:
    """Remove the checkpoints of the trials that are over, and all their weights but the best trial's.

    Their scores stay, and are all that a replay reads. A trial that was not the best once never becomes it again.
    """
    scored = [row for row in rows if row.score is not None]
    kept = best_trial(sorted(scored), goal).number if scored else None
    for row in rows:
        trial_folder = folder / trial_folder_name(row.number)
        weights = () if row.number == kept else trial_folder.glob("best.*")
        of_other_folds = trial_folder.glob("fold-*/best.*")
        for path in (*trial_folder.rglob("checkpoint.*"), *weights, *of_other_folds):
            path.unlink()


def _trial_spec(config: SearchConfig, folder: Path, trial: optuna.Trial, rung_index: int) -> TrialSpec:
    rung, trial_folder = config.rungs[rung_index], folder / trial_folder_name(trial.number)
    return TrialSpec(
        replace(config.job, fold=rung.fold),
        config.space.add_fixed(config.space.scale_drawn(trial.params)),
        derive_seed(config.seed, config.contender, "trial", trial.number),
        trial_folder / f"fold-{rung.fold}" if rung.fold else trial_folder,
        Budget(config.length, rung.share),
    )


def _trial_row(config: SearchConfig, trial: optuna.Trial, state: str, result: TrainingResult) -> Trial:
    return Trial(
        trial.number,
        state,
        result.score,
        result.epochs,
        result.best_epoch,
        result.reason,
        config.space.scale_drawn(trial.params),
    )

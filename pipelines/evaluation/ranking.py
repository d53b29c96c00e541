"""Ranking: from the predictions of every contender to a leaderboard and a champion.

The order, the verdicts and the champion come from validation alone; the test rows only report. The champion is the
cheapest of the contenders that validation shows to be as good as the best, because a network that is no better should
not cost more; where it shows nothing of the kind, the best is.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.champion import Choice, choose_champion, explain_choice, is_better_than_baseline
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.evaluation.classical import find_missing_classical
from pipelines.evaluation.leaderboard import BASELINE, Champion, Estimate, Leaderboard, LeaderboardRow
from pipelines.evaluation.noninferiority import (
    PairedLoss,
    count_more_rows,
    find_margin,
    find_verdict,
    measure_paired_loss,
)
from pipelines.evaluation.predictions import (
    Predictions,
    Scores,
    baseline_predictions,
    read_predictions,
    read_scores,
    read_trainings,
    score_predictions,
)
from pipelines.evaluation.significance import Comparison, compare_contenders
from pipelines.evaluation.stability import Candidate, describe_stability, measure_stability
from pipelines.evaluation.training_error import Compared, Trainings, compare_over_trainings
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task


class Entry(NamedTuple):
    """An entry of the leaderboard: a contender, or a baseline."""

    contender: str
    architecture: str
    parameters: int
    flops: int
    bytes: int
    scores: Scores
    predictions: Predictions
    trainings: Trainings | None = None  # of a baseline, or where they were not measured

    @property
    def was_trained_once(self) -> bool:
        """Whether another training, which there was none of, could have come out otherwise."""
        return self.trainings is not None and self.trainings.uses_seed and len(self.trainings.test) == 1

    @property
    def ships_one(self) -> bool:
        """Whether what ships is one training as it is."""
        return self.trainings is None or self.trainings.ships_one


def read_entry(task: Task, contender: str, trained: Path, evaluated: Path) -> Entry:
    """Read a contender's model.json, metrics.json and predictions.npz."""
    model, file = read_json(trained / "model.json"), evaluated / "predictions.npz"
    return Entry(
        contender,
        model["architecture"],
        model["parameters"],
        model["flops"],
        model["bytes"],
        read_scores(evaluated / "metrics.json"),
        read_predictions(file, task.reference_type),
        read_trainings(file),
    )


def rank(problem: str, task: Task, entries: Sequence[Entry], settings: ChampionSettings, seed: int) -> Leaderboard:
    """Rank the contenders and the baselines, say how each stands to the best, and name the champion.

    Raises:
        UserError: if there is no contender, or two of them hold predictions for different rows.
    """
    if not entries:
        raise UserError(f"contenders: none is entered for {problem!r}; a competition needs at least one")
    check_same_rows(entries)
    baseline_entries = _build_baseline_entries(task, entries[0], seed)
    ranked = sorted([*entries, *baseline_entries], key=lambda entry: _sort_key(task, entry))
    best_entry = next(entry for entry in ranked if entry.architecture != BASELINE)
    best_baseline = next(entry for entry in ranked if entry.architecture == BASELINE)  # the best of them
    goal = task.goal
    best_score, baseline_score = (one.scores.valid[goal.name] for one in (best_entry, best_baseline))
    margin = find_margin(settings.margin, best_score, baseline_score, goal)
    losses = _measure_paired_losses(task, best_entry, ranked, seed)
    test_comparisons = _compare_with_best(task, best_entry, ranked, "test", seed)
    rows = tuple(
        _build_row(task, position, entry, losses.get(entry.contender), margin, len(losses), test)
        for position, (entry, test) in enumerate(zip(ranked, test_comparisons, strict=True), start=1)
    )
    trained_once = tuple(entry.contender for entry in entries if entry.was_trained_once)
    not_entered = find_missing_classical(task, [entry.architecture for entry in entries])
    choice = Choice(rows, losses, goal, settings, margin, trained_once, not_entered)
    winner = choose_champion(choice)
    shares = _measure_stability(task, choice, ranked, seed)
    winner_entry = next(entry for entry in entries if entry.contender == winner.contender)
    *_, baseline_comparison = _compare_with_best(task, winner_entry, [winner_entry, best_baseline], "valid", seed)
    assert baseline_comparison is not None, "only the reference itself has no comparison"
    champion = Champion(
        contender=winner.contender,
        architecture=winner.architecture,
        problem=problem,
        goal=goal.name,
        rule=settings.rule,
        margin=float(f"{margin:.6g}"),
        cost=settings.cost,
        selection_score=winner.valid_score,
        ship=is_better_than_baseline(baseline_comparison, goal),
        reason=explain_choice(choice, winner, baseline_comparison, best_baseline.contender),
        as_good=tuple(row.contender for row in choice.as_good if row is not winner),
        stability=shares[winner.contender] if shares else None,
        stability_reason=describe_stability(shares, winner.contender),
    )
    return Leaderboard(rows, champion)


def _sort_key(task: Task, entry: Entry) -> tuple[float, int, int, int, str]:
    """Best on validation first; the cheaper first where scores are equal."""
    score = entry.scores.valid[task.goal.name]
    sign = 1 if task.goal.direction == "minimize" else -1
    return sign * score, entry.parameters, entry.flops, entry.bytes, entry.contender


def check_same_rows(entries: Sequence[Entry]) -> None:
    """Refuse to compare predictions for different rows; missing values in the same places are the same.

    Raises:
        UserError: if two entries hold different references.
    """
    first = entries[0]
    for entry in entries[1:]:
        for part in ("valid_reference", "test_reference"):
            pairs = zip(getattr(entry.predictions, part), getattr(first.predictions, part), strict=True)
            if not all(np.array_equal(one, other, equal_nan=one.dtype.kind == "f") for one, other in pairs):
                raise UserError(
                    f"predictions.npz of {entry.contender} and {first.contender} hold different "
                    f"{part.replace('_', ' ')}; only predictions for the same rows can be compared: evaluate both again"
                )


def _build_baseline_entries(task: Task, entry: Entry, seed: int) -> list[Entry]:
    return [
        Entry(name, BASELINE, 0, 0, 0, score_predictions(task, predictions, seed), predictions)
        for name, predictions in baseline_predictions(entry.predictions).items()
    ]


def _measure_paired_losses(task: Task, best: Entry, ranked: Sequence[Entry], seed: int) -> dict[str, PairedLoss]:
    """How every entry but the best stands to it on validation, by name."""
    rows = len(best.predictions.valid_predictions)
    comparisons = zip(ranked, _compare_with_best(task, best, ranked, "valid", seed), strict=True)
    return {
        entry.contender: measure_paired_loss(comparison, task.goal, rows)
        for entry, comparison in comparisons
        if comparison is not None
    }


def _compare_with_best(
    task: Task, best: Entry, ranked: Sequence[Entry], part: Literal["valid", "test"], seed: int
) -> list[Comparison | None]:
    """Each entry against the best on one part; None for the best itself."""
    dependence = best.predictions.valid_dependence if part == "valid" else best.predictions.test_dependence
    folds = best.predictions.valid_folds if part == "valid" else None
    others = [_over_trainings(task, entry, part) for entry in ranked if entry is not best]
    comparisons = iter(compare_contenders(_over_trainings(task, best, part), others, seed, dependence, folds=folds))
    return [None if entry is best else next(comparisons) for entry in ranked]


def _over_trainings(task: Task, entry: Entry, part: Literal["valid", "test"]) -> Compared:
    """What an entry is compared by on one part."""
    shipped = _objective_per_row(task, entry, part)
    if entry.trainings is None:
        return Compared(shipped)
    trainings = entry.trainings.valid if part == "valid" else entry.trainings.test
    return compare_over_trainings(shipped, trainings, ships_one=entry.ships_one)


def _objective_per_row(task: Task, entry: Entry, part: Literal["valid", "test"]) -> NDArray[np.float64]:
    """The goal of what ships."""
    predictions = entry.predictions
    if part == "valid":
        return task.objective_per_row(predictions.valid_predictions, predictions.valid_reference)
    return task.objective_per_row(predictions.test_predictions, predictions.test_reference)


def _measure_stability(task: Task, choice: Choice, ranked: Sequence[Entry], seed: int) -> dict[str, float] | None:
    """How often each contender is the champion when rows and trainings of validation are drawn again."""
    keys = {row.contender: choice.cost_key(row) for row in choice.rows}
    candidates, baselines = [], []
    for entry in ranked:
        shipped = _objective_per_row(task, entry, "valid")
        if entry.architecture == BASELINE:
            baselines.append(shipped)
            continue
        trainings = entry.trainings.valid if entry.trainings else shipped[None]
        candidates.append(Candidate(entry.contender, keys[entry.contender], shipped, trainings, entry.ships_one))
    held_out = ranked[0].predictions
    return measure_stability(
        candidates, baselines, choice.goal, choice.settings, held_out.valid_dependence, seed, folds=held_out.valid_folds
    )


def _build_row(
    task: Task,
    position: int,
    entry: Entry,
    loss: PairedLoss | None,
    margin: float,
    comparisons: int,
    test: Comparison | None,
) -> LeaderboardRow:
    """A row of the leaderboard; of the best there is no loss, and no comparison."""
    nan = float("nan")
    sign = 1 if task.goal.direction == "minimize" else -1
    verdict = "best" if loss is None else find_verdict(loss, margin)
    return LeaderboardRow(
        rank=position,
        contender=entry.contender,
        architecture=entry.architecture,
        verdict=verdict,
        more_rows=count_more_rows(loss, margin, comparisons) if loss and verdict == "undecided" else None,
        valid_score=entry.scores.valid[task.goal.name],
        valid_difference=sign * loss.mean if loss else nan,
        valid_bound=loss.bound if loss else nan,
        valid_p=loss.p_value if loss else nan,
        test_scores=entry.scores.test,
        test_difference=Estimate(test.difference, *test.interval) if test else Estimate(nan, nan, nan),
        test_p=test.p_value if test else nan,
        parameters=entry.parameters,
        flops=entry.flops,
        bytes=entry.bytes,
    )

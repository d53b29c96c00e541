"""Ranking: from the predictions of every contender to a leaderboard and a champion.

The order, the ties and the champion come from validation alone; the test rows only report. The champion is
the cheapest of the contenders that validation cannot tell from the best, because a network that is no better
should not cost more: fewest parameters first, then fewest FLOPs, both exact.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.champion import (
    choose_champion,
    contenders_tied_for_best,
    explain_choice,
    is_better_than_baseline,
)
from pipelines.evaluation.leaderboard import BASELINE, Champion, Estimate, Leaderboard, LeaderboardRow, Verdict
from pipelines.evaluation.predictions import (
    Predictions,
    Scores,
    baseline_predictions,
    read_predictions,
    read_scores,
    score_predictions,
)
from pipelines.evaluation.significance import Comparison, compare_with_control
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task


class Entry(NamedTuple):
    """An entry of the leaderboard: a contender, or a baseline."""

    contender: str
    architecture: str
    parameters: int
    flops: int
    scores: Scores
    predictions: Predictions


def read_entry(task: Task, contender: str, trained: Path, evaluated: Path) -> Entry:
    """Read a contender's model.json, metrics.json and predictions.npz."""
    model = read_json(trained / "model.json")
    return Entry(
        contender,
        model["architecture"],
        model["parameters"],
        model["flops"],
        read_scores(evaluated / "metrics.json"),
        read_predictions(evaluated / "predictions.npz", task.reference_type),
    )


def rank(problem: str, task: Task, entries: Sequence[Entry], seed: int) -> Leaderboard:
    """Rank the contenders and the baseline, say which cannot be told from the best, and name the champion.

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
    valid_comparisons = _compare_with_best(task, best_entry, ranked, "valid", seed)
    test_comparisons = _compare_with_best(task, best_entry, ranked, "test", seed)
    rows = tuple(
        _build_row(task, position, entry, valid, test)
        for position, (entry, valid, test) in enumerate(
            zip(ranked, valid_comparisons, test_comparisons, strict=True), start=1
        )
    )
    winner = choose_champion(rows)
    winner_entry = next(entry for entry in entries if entry.contender == winner.contender)
    *_, baseline_comparison = _compare_with_best(task, winner_entry, [winner_entry, best_baseline], "valid", seed)
    assert baseline_comparison is not None, "only the reference itself has no comparison"
    champion = Champion(
        contender=winner.contender,
        architecture=winner.architecture,
        problem=problem,
        goal=task.goal.name,
        score=winner.valid_score,
        reason=explain_choice(rows, winner, task.goal, baseline_comparison, best_baseline.contender),
        better_than_baseline=is_better_than_baseline(baseline_comparison, task.goal),
        tied=tuple(row.contender for row in contenders_tied_for_best(rows) if row is not winner),
    )
    return Leaderboard(rows, champion)


def _sort_key(task: Task, entry: Entry) -> tuple[float, int, int, str]:
    """Best on validation first; the cheaper first where scores are equal."""
    score = entry.scores.valid[task.goal.name]
    sign = 1 if task.goal.direction == "minimize" else -1
    return sign * score, entry.parameters, entry.flops, entry.contender


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
        Entry(name, BASELINE, 0, 0, score_predictions(task, predictions, seed), predictions)
        for name, predictions in baseline_predictions(entry.predictions).items()
    ]


def _compare_with_best(
    task: Task, best: Entry, ranked: Sequence[Entry], part: Literal["valid", "test"], seed: int
) -> list[Comparison | None]:
    """Each entry against the best on one part; None for the best itself."""

    def objective_per_row(entry: Entry) -> NDArray[np.float64]:
        if part == "valid":
            return task.objective_per_row(entry.predictions.valid_predictions, entry.predictions.valid_reference)
        return task.objective_per_row(entry.predictions.test_predictions, entry.predictions.test_reference)

    comparisons = iter(
        compare_with_control(
            objective_per_row(best), [objective_per_row(entry) for entry in ranked if entry is not best], seed
        )
    )
    return [None if entry is best else next(comparisons) for entry in ranked]


def _build_row(
    task: Task, position: int, entry: Entry, valid: Comparison | None, test: Comparison | None
) -> LeaderboardRow:
    nan = float("nan")
    return LeaderboardRow(
        rank=position,
        contender=entry.contender,
        architecture=entry.architecture,
        verdict=_verdict(task, valid),
        valid_score=entry.scores.valid[task.goal.name],
        valid_difference=valid.difference if valid else nan,
        valid_p=valid.p_value if valid else nan,
        test_scores=entry.scores.test,
        test_difference=Estimate(test.difference, *test.interval) if test else Estimate(nan, nan, nan),
        test_p=test.p_value if test else nan,
        parameters=entry.parameters,
        flops=entry.flops,
    )


def _verdict(task: Task, comparison: Comparison | None) -> Verdict:
    if comparison is None:
        return "best"
    if comparison.is_tied:
        return "tied with best"
    return "ahead" if task.goal.is_better(comparison.difference, 0) else "behind"

"""From what every contender answered to a leaderboard and a champion.

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
    beats,
    choose,
    contending,
    reason,
)
from pipelines.evaluation.leaderboard import BASELINE, Champion, Estimate, Leaderboard, Row, Verdict
from pipelines.evaluation.predictions import (
    Predictions,
    Scores,
    baselines,
    read_predictions,
    read_scores,
    scores,
)
from pipelines.evaluation.significance import Comparison, compare
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import Failure
from pipelines.tasks import Task


class Entry(NamedTuple):
    """One line of the competition: a contender, or the baseline."""

    contender: str
    architecture: str
    parameters: int
    flops: int
    scores: Scores
    predictions: Predictions


def read_entry(contender: str, trained: Path, evaluated: Path) -> Entry:
    """Read a contender's model.json, metrics.json and predictions.npz."""
    model = read_json(trained / "model.json")
    return Entry(
        contender,
        model["architecture"],
        model["parameters"],
        model["flops"],
        read_scores(evaluated / "metrics.json"),
        read_predictions(evaluated / "predictions.npz"),
    )


def assemble(problem: str, task: Task, entries: Sequence[Entry], seed: int) -> Leaderboard:
    """Rank the contenders and the baseline, say which cannot be told from the best, and name the champion.

    Raises:
        Failure: if there is no contender, or two of them answered different rows.
    """
    if not entries:
        raise Failure(f"contenders: none is entered for {problem!r}; a competition needs at least one")
    _check_rows(entries)
    floors = _baselines(task, entries[0], seed)
    ranked = sorted([*entries, *floors], key=lambda entry: _order(task, entry))
    best = next(entry for entry in ranked if entry.architecture != BASELINE)
    floor = next(entry for entry in ranked if entry.architecture == BASELINE)  # the best of them
    on_valid = _compared(task, best, ranked, "valid", seed)
    on_test = _compared(task, best, ranked, "test", seed)
    rows = tuple(
        _row(task, rank, entry, valid, test)
        for rank, (entry, valid, test) in enumerate(zip(ranked, on_valid, on_test, strict=True), start=1)
    )
    winner = choose(rows)
    chosen = next(entry for entry in entries if entry.contender == winner.contender)
    *_, over_baseline = _compared(task, chosen, [chosen, floor], "valid", seed)
    assert over_baseline is not None, "only the reference itself has no comparison"
    champion = Champion(
        contender=winner.contender,
        architecture=winner.architecture,
        problem=problem,
        goal=task.goal.name,
        score=winner.valid,
        reason=reason(rows, winner, task.goal, over_baseline, floor.contender),
        better_than_baseline=beats(over_baseline, task.goal),
        tied=tuple(row.contender for row in contending(rows) if row is not winner),
    )
    return Leaderboard(rows, champion)


def _order(task: Task, entry: Entry) -> tuple[float, int, int, str]:
    """Best on validation first; the cheaper first where scores are equal."""
    score = entry.scores.valid[task.goal.name]
    sign = 1 if task.goal.direction == "minimize" else -1
    return sign * score, entry.parameters, entry.flops, entry.contender


def _check_rows(entries: Sequence[Entry]) -> None:
    first = entries[0]
    for entry in entries[1:]:
        for part in ("valid_truth", "test_truth"):
            if not np.array_equal(getattr(entry.predictions, part), getattr(first.predictions, part)):
                raise Failure(
                    f"predictions.npz of {entry.contender} and {first.contender} hold different "
                    f"{part.replace('_', ' ')}; only answers to the same rows can be compared: evaluate both again"
                )


def _baselines(task: Task, entry: Entry, seed: int) -> list[Entry]:
    return [
        Entry(name, BASELINE, 0, 0, scores(task, predictions, seed), predictions)
        for name, predictions in baselines(entry.predictions).items()
    ]


def _compared(
    task: Task, best: Entry, ranked: Sequence[Entry], part: Literal["valid", "test"], seed: int
) -> list[Comparison | None]:
    """Each entry against the best on one part; None for the best itself."""

    def examples(entry: Entry) -> NDArray[np.float64]:
        if part == "valid":
            return task.examples(entry.predictions.valid_replies, entry.predictions.valid_truth)
        return task.examples(entry.predictions.test_replies, entry.predictions.test_truth)

    comparisons = iter(compare(examples(best), [examples(entry) for entry in ranked if entry is not best], seed))
    return [None if entry is best else next(comparisons) for entry in ranked]


def _row(task: Task, rank: int, entry: Entry, valid: Comparison | None, test: Comparison | None) -> Row:
    nan = float("nan")
    return Row(
        rank=rank,
        contender=entry.contender,
        architecture=entry.architecture,
        verdict=_verdict(task, valid),
        valid=entry.scores.valid[task.goal.name],
        valid_difference=valid.difference if valid else nan,
        valid_p=valid.p if valid else nan,
        test=entry.scores.test,
        difference=Estimate(test.difference, *test.interval) if test else Estimate(nan, nan, nan),
        p=test.p if test else nan,
        parameters=entry.parameters,
        flops=entry.flops,
    )


def _verdict(task: Task, comparison: Comparison | None) -> Verdict:
    if comparison is None:
        return "best"
    if comparison.tied:
        return "tied with best"
    return "ahead" if task.goal.better(comparison.difference, 0) else "behind"

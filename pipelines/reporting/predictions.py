"""What a contender answered on the validation and test rows, and what that scores."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.bootstrap import intervals
from pipelines.reporting.leaderboard import Estimate
from pipelines.running.failure import Failure
from pipelines.running.files import read_json, reading, write_arrays, write_json
from pipelines.tasks import Task

DIGITS = 8  # significant digits of a score on disk: beyond them, the order of summation shows


class Predictions(NamedTuple):
    """Row i of replies and targets is the same example. The baseline replies without looking at the input."""

    valid_replies: NDArray[Any]
    valid_targets: NDArray[Any]
    test_replies: NDArray[Any]
    test_targets: NDArray[Any]
    baseline_valid_replies: NDArray[Any]
    baseline_test_replies: NDArray[Any]


class Scores(NamedTuple):
    """Every metric on validation, and on test with its interval."""

    valid: dict[str, float]
    test: dict[str, Estimate]


def write_predictions(path: Path, predictions: Predictions) -> None:
    write_arrays(path, predictions._asdict())


def read_predictions(path: Path) -> Predictions:
    with reading(path), np.load(path, allow_pickle=False) as arrays:
        return Predictions(**arrays)


def baseline(predictions: Predictions) -> Predictions:
    """The same rows, answered by the baseline."""
    return predictions._replace(
        valid_replies=predictions.baseline_valid_replies, test_replies=predictions.baseline_test_replies
    )


def scores(task: Task, predictions: Predictions, seed: int) -> Scores:
    """Score both parts, with intervals on test.

    Raises:
        Failure: if a reply is not a finite number.
    """
    for part, replies in (("validation", predictions.valid_replies), ("test", predictions.test_replies)):
        broken = ~np.isfinite(replies.reshape(len(replies), -1)).all(axis=1)
        if broken.any():
            raise Failure(
                f"the trained model answers {broken.sum()} of {len(replies)} {part} rows with something that is not a "
                f"finite number, first in row {int(broken.argmax())}; a smaller learning_rate usually cures it"
            )
    valid = task.score(predictions.valid_replies, predictions.valid_targets)
    test = task.score(predictions.test_replies, predictions.test_targets)
    ends = intervals(task, predictions.test_replies, predictions.test_targets, seed)
    return Scores(valid, {name: Estimate(value, *ends[name]) for name, value in test.items()})


def write_scores(path: Path, scores: Scores, predictions: Predictions) -> None:
    """Write metrics.json; a metric that is undefined on these rows is null."""
    write_json(
        path,
        {
            "valid": {name: _rounded(value) for name, value in scores.valid.items()},
            "test": {name: _rounded(estimate.value) for name, estimate in scores.test.items()},
            "test_low": {name: _rounded(estimate.low) for name, estimate in scores.test.items()},
            "test_high": {name: _rounded(estimate.high) for name, estimate in scores.test.items()},
            "test_rows": len(predictions.test_targets),
            "valid_rows": len(predictions.valid_targets),
        },
    )


def read_scores(path: Path) -> Scores:
    stored = read_json(path)

    def number(value: float | None) -> float:
        return math.nan if value is None else value

    return Scores(
        {name: number(value) for name, value in stored["valid"].items()},
        {
            name: Estimate(number(value), number(stored["test_low"][name]), number(stored["test_high"][name]))
            for name, value in stored["test"].items()
        },
    )


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")

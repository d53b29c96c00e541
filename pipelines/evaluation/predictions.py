"""What a contender answered on the validation and test rows, and what that scores."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.bootstrap import bootstrap_intervals
from pipelines.evaluation.leaderboard import Estimate
from pipelines.runtime.files import (
    explaining_damage,
    read_json,
    write_arrays,
    write_json,
)
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task, score

ARRAY_NAMES = ("valid_replies", "valid_truth", "test_replies", "test_truth")
SIGNIFICANT_DIGITS = 8  # significant digits of a score on disk: beyond them, the order of summation shows


class Predictions(NamedTuple):
    """Row i of replies and truth is the same example. The baselines hardly look at the input."""

    valid_replies: NDArray[Any]
    valid_truth: NDArray[Any]
    test_replies: NDArray[Any]
    test_truth: NDArray[Any]
    baselines: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]  # the row's name -> replies on valid and on test


class Scores(NamedTuple):
    """Every metric on validation, and on test with its interval."""

    valid: dict[str, float]
    test: dict[str, Estimate]


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write one .npz: replies and truth of both parts, and `baseline_valid:<name>`, `baseline_test:<name>`."""
    arrays = {name: getattr(predictions, name) for name in ARRAY_NAMES}
    for name, (valid, test) in predictions.baselines.items():
        arrays |= {f"baseline_valid:{name}": valid, f"baseline_test:{name}": test}
    write_arrays(path, arrays)


def read_predictions(path: Path) -> Predictions:
    with explaining_damage(path), np.load(path, allow_pickle=False) as arrays:
        names = [name.removeprefix("baseline_valid:") for name in arrays if name.startswith("baseline_valid:")]
        baselines = {name: (arrays[f"baseline_valid:{name}"], arrays[f"baseline_test:{name}"]) for name in names}
        return Predictions(**{name: arrays[name] for name in ARRAY_NAMES}, baselines=baselines)


def baseline_predictions(predictions: Predictions) -> dict[str, Predictions]:
    """The same rows, answered by each baseline."""
    return {
        name: predictions._replace(valid_replies=valid, test_replies=test)
        for name, (valid, test) in predictions.baselines.items()
    }


def score_predictions(task: Task, predictions: Predictions, seed: int) -> Scores:
    """Score both parts, with intervals on test.

    Raises:
        UserError: if a reply is not a finite number.
    """
    for part, part_predictions in (("validation", predictions.valid_replies), ("test", predictions.test_replies)):
        not_finite = ~np.isfinite(part_predictions.reshape(len(part_predictions), -1)).all(axis=1)
        if not_finite.any():
            raise UserError(
                f"the trained model answers {not_finite.sum()} of {len(part_predictions)} {part} rows with something "
                f"that is not a finite number, first in row {int(not_finite.argmax())}; a smaller learning_rate "
                "usually cures it"
            )
    calibration = calibrate_on_validation(task, predictions)
    valid = score(task, predictions.valid_replies, predictions.valid_truth, calibration)
    test = score(task, predictions.test_replies, predictions.test_truth, calibration)
    bounds = bootstrap_intervals(task, predictions.test_replies, predictions.test_truth, calibration, seed)
    return Scores(valid, {name: Estimate(value, *bounds[name]) for name, value in test.items()})


def calibrate_on_validation(task: Task, predictions: Predictions) -> dict[str, float]:
    """What is chosen on validation: the test rows have no say."""
    return task.calibrate(predictions.valid_replies, predictions.valid_truth)


def write_scores(path: Path, scores: Scores, predictions: Predictions) -> None:
    """Write metrics.json; a metric that is undefined on these rows is null."""
    write_json(
        path,
        {
            "valid": {name: _round_or_null(value) for name, value in scores.valid.items()},
            "test": {name: _round_or_null(estimate.value) for name, estimate in scores.test.items()},
            "test_low": {name: _round_or_null(estimate.low) for name, estimate in scores.test.items()},
            "test_high": {name: _round_or_null(estimate.high) for name, estimate in scores.test.items()},
            "test_rows": len(predictions.test_truth),
            "valid_rows": len(predictions.valid_truth),
        },
    )


def read_scores(path: Path) -> Scores:
    metrics = read_json(path)

    def nan_if_null(value: float | None) -> float:
        return math.nan if value is None else value

    return Scores(
        {name: nan_if_null(value) for name, value in metrics["valid"].items()},
        {
            name: Estimate(
                nan_if_null(value), nan_if_null(metrics["test_low"][name]), nan_if_null(metrics["test_high"][name])
            )
            for name, value in metrics["test"].items()
        },
    )


def _round_or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.{SIGNIFICANT_DIGITS}g}")

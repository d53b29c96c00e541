"""Predictions of a contender for the validation and test parts, and their scores."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence, parse_dependence
from pipelines.evaluation.bootstrap import bootstrap_intervals
from pipelines.evaluation.leaderboard import Estimate
from pipelines.evaluation.training_error import Trainings
from pipelines.runtime.array_files import write_arrays
from pipelines.runtime.files import explaining_damage, read_json, write_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task, score
from pipelines.tasks.task import Reference

SIGNIFICANT_DIGITS = 8  # significant digits of a score on disk: beyond them, the order of summation shows


class Predictions(NamedTuple):
    """Predictions of a contender and of the baselines, and the reference: row i of each is the same example."""

    valid_predictions: NDArray[Any]
    valid_reference: Reference
    test_predictions: NDArray[Any]
    test_reference: Reference
    baselines: Mapping[str, tuple[NDArray[Any], NDArray[Any]]]  # the row's name -> predictions on valid and on test
    valid_dependence: Dependence = ALONE
    test_dependence: Dependence = ALONE
    valid_folds: NDArray[np.int64] | None = None  # (N,): the fold whose model answered the row; None of a holdout


class Scores(NamedTuple):
    """Every metric on validation, and on test with its interval."""

    valid: dict[str, float]
    test: dict[str, Estimate]


def write_predictions(path: Path, predictions: Predictions, trainings: Trainings | None = None) -> None:
    """Write one .npz with the predictions and the reference of both parts, and the goal of every training.

    `valid_predictions`, `valid_reference`, or `valid_reference_<field>` of a reference of several fields, likewise for
    test, and `baseline_valid:<name>`, `baseline_test:<name>`. Where rows belong together, `valid_dependence` is how and
    `valid_units` which, likewise for test. `trainings_valid` and `trainings_test` are the goal of each training row by
    row, `trainings_use_seed` whether another could come out otherwise, `trainings_ship_one` whether one ships as it is.
    Of folds, `valid_folds` is which of them held a row out.
    """
    arrays = {"valid_predictions": predictions.valid_predictions, "test_predictions": predictions.test_predictions}
    for part, reference in (("valid", predictions.valid_reference), ("test", predictions.test_reference)):
        arrays |= dict(zip(_reference_names(part, type(reference)), reference, strict=True))
    for name, (valid, test) in predictions.baselines.items():
        arrays |= {f"baseline_valid:{name}": valid, f"baseline_test:{name}": test}
    for part, dependence in (("valid", predictions.valid_dependence), ("test", predictions.test_dependence)):
        if dependence.units is not None:
            arrays |= {f"{part}_dependence": np.array(dependence.kind), f"{part}_units": dependence.units}
    if predictions.valid_folds is not None:
        arrays["valid_folds"] = predictions.valid_folds
    if trainings is not None:
        arrays |= {
            "trainings_valid": trainings.valid,
            "trainings_test": trainings.test,
            "trainings_use_seed": np.array(trainings.uses_seed),
            "trainings_ship_one": np.array(trainings.ships_one),
        }
    write_arrays(path, arrays)


def read_trainings(path: Path) -> Trainings | None:
    """What `write_predictions` wrote of the trainings; None if it had none."""
    with explaining_damage(path), np.load(path, allow_pickle=False) as arrays:
        if "trainings_valid" not in arrays:
            return None
        flags = (bool(arrays[f"trainings_{name}"]) for name in ("use_seed", "ship_one"))
        return Trainings(arrays["trainings_valid"], arrays["trainings_test"], *flags)


def read_predictions(path: Path, reference_type: type[Any]) -> Predictions:
    """Read what `write_predictions` wrote.

    Args:
        reference_type: the NamedTuple of the task's references.
    """
    with explaining_damage(path), np.load(path, allow_pickle=False) as arrays:
        names = [name.removeprefix("baseline_valid:") for name in arrays if name.startswith("baseline_valid:")]
        baselines = {name: (arrays[f"baseline_valid:{name}"], arrays[f"baseline_test:{name}"]) for name in names}
        valid, test = (
            reference_type(*(arrays[name] for name in _reference_names(part, reference_type)))
            for part in ("valid", "test")
        )
        valid_dependence, test_dependence = (
            parse_dependence(str(arrays[f"{part}_dependence"]), arrays[f"{part}_units"])
            if f"{part}_units" in arrays
            else ALONE
            for part in ("valid", "test")
        )
        return Predictions(
            arrays["valid_predictions"],
            valid,
            arrays["test_predictions"],
            test,
            baselines,
            valid_dependence,
            test_dependence,
            arrays.get("valid_folds"),
        )


def _reference_names(part: str, reference_type: type[Any]) -> list[str]:
    """The names of a part's reference in the .npz, one per field."""
    fields = reference_type._fields
    return [f"{part}_reference" if len(fields) == 1 else f"{part}_reference_{field}" for field in fields]


def baseline_predictions(predictions: Predictions) -> dict[str, Predictions]:
    """Predictions for the same rows, by each baseline."""
    return {
        name: predictions._replace(valid_predictions=valid, test_predictions=test)
        for name, (valid, test) in predictions.baselines.items()
    }


def score_predictions(task: Task, predictions: Predictions, seed: int) -> Scores:
    """Score both parts, with intervals on test.

    Raises:
        UserError: if a prediction is not a finite number.
    """
    for part, part_predictions in (
        ("validation", predictions.valid_predictions),
        ("test", predictions.test_predictions),
    ):
        not_finite = ~np.isfinite(part_predictions.reshape(len(part_predictions), -1)).all(axis=1)
        if not_finite.any():
            raise UserError(
                f"the trained model answers {not_finite.sum()} of {len(part_predictions)} {part} rows with something "
                f"that is not a finite number, first in row {int(not_finite.argmax())}; a smaller learning_rate "
                "usually cures it"
            )
    calibration = calibrate_on_validation(task, predictions)
    valid = score(task, predictions.valid_predictions, predictions.valid_reference, calibration)
    test = score(task, predictions.test_predictions, predictions.test_reference, calibration)
    bounds = bootstrap_intervals(
        task,
        predictions.test_predictions,
        predictions.test_reference,
        calibration,
        seed,
        dependence=predictions.test_dependence,
    )
    return Scores(valid, {name: Estimate(value, *bounds[name]) for name, value in test.items()})


def calibrate_on_validation(task: Task, predictions: Predictions) -> dict[str, float]:
    """What is chosen on validation: the test rows have no say."""
    return task.calibrate(predictions.valid_predictions, predictions.valid_reference)


def write_scores(path: Path, scores: Scores, predictions: Predictions) -> None:
    """Write metrics.json; a metric that is undefined on these rows is null."""
    write_json(
        path,
        {
            "valid": {name: _round_or_null(value) for name, value in scores.valid.items()},
            "test": {name: _round_or_null(estimate.value) for name, estimate in scores.test.items()},
            "test_low": {name: _round_or_null(estimate.low) for name, estimate in scores.test.items()},
            "test_high": {name: _round_or_null(estimate.high) for name, estimate in scores.test.items()},
            "test_rows": len(predictions.test_predictions),
            "valid_rows": len(predictions.valid_predictions),
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

"""Reconstruction, denoising and anomaly detection: what they accept, and how they are scored."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.tasks import build_task, score, settings_from_json
from tests.support.reconstructions import (
    DENOISING,
    EVERY_FORM,
    IMAGES,
    LABEL,
    ODD_IMAGES,
    ODD_ROWS,
    TABLE,
    Reconstructing,
    image,
    numbers,
    part,
    predicted,
    reconstruction,
    schema,
    with_goal,
)
from tests.support.references import rows_of


def test_goals_follow_from_the_task_and_the_form_of_its_input() -> None:
    assert [one.goals for one in (IMAGES, TABLE, DENOISING, ODD_ROWS, ODD_IMAGES)] == [
        ("squared_error", "psnr", "ssim"),
        ("squared_error",),
        ("squared_error", "psnr", "ssim"),
        ("auroc", "squared_error"),
        ("auroc", "squared_error"),
    ]


NORMAL = {"kind": "anomaly_detection", "normal": "good"}
REFUSALS = [
    ((image("a"),), image("b"), {"kind": "reconstruction"}, None, "'b' is an image: write `task: denoising`"),
    ((image("a"), *numbers(1)), LABEL, {"kind": "reconstruction"}, None, "'a' is of kind image"),
    ((*numbers(1), LABEL), LABEL, {"kind": "reconstruction"}, None, "'label' is of kind category"),
    ((), LABEL, {"kind": "reconstruction"}, None, "there are none"),
    (numbers(2), LABEL, {"kind": "reconstruction", "loss": "binary_cross_entropy"}, None, "use squared_error"),
    (numbers(2), LABEL, {"kind": "reconstruction"}, "ssim", "of a table must be one of squared_error; found 'ssim'"),
    ((image("a"),), LABEL, {"kind": "denoising"}, None, "the clean form of the input; 'label' is of kind category"),
    ((image("a"),), image("b", (8, 9)), {"kind": "denoising"}, None, r"\(8, 9\), the inputs: 'a' is image \(8, 8\)"),
    (numbers(2), image("b"), {"kind": "denoising"}, None, "'x0' is number"),
    ((image("a"),), image("b"), {"kind": "denoising"}, "auroc", "goal of denoising must be one of squared_error, psnr"),
    (
        (image("a"),),
        LABEL,
        NORMAL | {"normal": "fine"},
        None,
        "one of the classes good, bad, odd; found 'fine'",
    ),
    ((image("a"),), image("b"), NORMAL, None, "'b' is of kind image"),
    (numbers(2), LABEL, NORMAL, "psnr", "goal of anomaly_detection must be one of auroc, squared_error"),
]


@pytest.mark.parametrize(("inputs", "target", "settings", "goal", "sentence"), REFUSALS)
def test_what_cannot_be_reconstructed_is_refused_in_a_sentence(
    inputs: tuple[Field, ...], target: Field, settings: dict[str, Any], goal: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        build_task(settings_from_json(settings), schema(inputs, target), goal)


def test_head_width_equals_the_size_of_the_reconstruction() -> None:
    colour = reconstruction((image("a", (6, 5, 3)),))
    assert (colour.head_width("vector"), colour.head_width("image")) == (90, 3)
    assert (IMAGES.head_width("image"), TABLE.head_width("vector")) == (1, 4)
    with pytest.raises(UserError, match="the network writes images"):
        TABLE.head_width("image")


@EVERY_FORM
def test_only_anomaly_detection_chooses_anything_on_validation(which: Reconstructing) -> None:
    some = part(which)
    chosen = which.calibrate(predicted(which, some), which.reference(some))
    assert list(chosen) == (["threshold"] if which.name == "anomaly_detection" else [])
    assert (which.train_mask(some) is None) == (which.name != "anomaly_detection")


def agree(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


@EVERY_FORM
@given(seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(which: Reconstructing, seed: int) -> None:
    some = part(which)
    predictions, true_values = predicted(which, some), which.reference(some)
    calibration = which.calibrate(predictions, true_values)
    weights = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12), size=3)
    found = which.bootstrap_scores(predictions, true_values, weights, calibration)
    assert list(found) == [metric.name for metric in which.metrics]
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(12), counts)
        scores = score(which, predictions[drawn], rows_of(true_values, drawn), calibration)
        if which.form.is_image:  # of a table, the unit is the spread of the whole set, and stays it
            assert all(agree(found[name][resample], value) for name, value in scores.items())
        else:
            assert all(agree(found[name][resample], scores[name]) for name in scores if name != "squared_error")


@EVERY_FORM
def test_the_goal_is_the_mean_over_rows_and_better_for_the_truth(which: Reconstructing) -> None:
    some = part(which, 40)
    predictions, true_values = predicted(which, some), which.reference(some)
    flags = getattr(true_values, "is_anomalous", np.zeros(40))
    perfect = np.column_stack([flags, np.nan_to_num(true_values.values.reshape(40, -1))])
    for goal in which.goals:
        one = with_goal(which, goal)
        calibration = one.calibrate(predictions, true_values)
        own = score(one, predictions, true_values, calibration)[goal]
        assert agree(one.objective_per_row(predictions, true_values).mean(), own)
        assert one.goal.is_better(score(one, perfect, true_values, calibration)[goal], own)


@EVERY_FORM
def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning(which: Reconstructing) -> None:
    some = part(which)
    true_values = which.reference(some)
    predictions = np.full_like(predicted(which, some), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibration = which.calibrate(predictions, true_values)
        assert all(np.isnan(value) for value in score(which, predictions, true_values, calibration).values())
        assert np.isnan(which.objective_per_row(predictions, true_values).mean())

"""The headline of a report is a sentence with the numbers of the test part."""

import pytest

from pipelines.data.schema import Field, FieldKind, Schema
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow
from pipelines.reporting.views import TASK_VIEWS

NONE = Estimate(float("nan"), float("nan"), float("nan"))
SHARE = Estimate(0.9123, 0.88, 0.94)
FAR = Estimate(44.1, 38.2, 50.3)


def headline(task: str, scores: dict[str, Estimate], kind: FieldKind = "category", unit: str = "") -> str:
    row = LeaderboardRow(1, "a", "mlp", "best", None, 0.9, 0.0, 0.0, 1.0, scores, NONE, 1.0, 10, 10, 40)
    target = Field(name="t", kind=kind, dtype="float32", shape=(4, 2), unit=unit, step="1 h")
    schema = Schema(inputs=(), target=target, title="", origin="", licence="")
    return TASK_VIEWS[task].headline(row, 1200, schema)


@pytest.mark.parametrize(
    ("task", "names", "kind", "words"),
    [
        ("classification", ("accuracy",), "category", "it was right 1,095 times: 91.2 % (95 % interval: 88.0 to 94.0"),
        ("segmentation", ("dice", "pixel_accuracy"), "mask", "91.2 % of the pixels the right class (95 % interval: 88"),
        ("generation", ("precision", "recall", "frechet"), "category", "91 %"),
        ("anomaly_detection", ("auroc", "precision", "recall"), "category", "flagged 91.2 % of the anomalous ones"),
        ("denoising", ("psnr", "ssim"), "image", "the clean ones as a signal-to-noise ratio (PSNR) of 0.9 dB (95 %"),
        ("reconstruction", ("psnr", "ssim"), "category", "as close to what it was shown as"),
        ("reconstruction", ("squared_error",), "category", "leave 91.2 % of the columns' variance unexplained"),
    ],
)
def test_a_headline_says_how_good_the_test_predictions_are(
    task: str, names: tuple[str, ...], kind: FieldKind, words: str
) -> None:
    sentence = headline(task, dict.fromkeys(names, SHARE), kind)
    assert "1,200 " in sentence
    assert sentence.endswith(".")
    assert words in sentence


def test_the_headline_of_two_classes_says_what_the_threshold_costs() -> None:
    labels = dict.fromkeys(("accuracy_at_threshold", "recall_at_threshold", "precision_at_threshold"), SHARE)
    sentence = headline("classification", {"accuracy": Estimate(0.95, 0.93, 0.97), **labels})
    assert "95.0 % (95 % interval: 93.0 to 97.0 %) by the more probable class." in sentence
    assert "right in 91.2 %, it finds 91 % of the rarer class" in sentence
    same = headline("classification", {"accuracy": SHARE, **labels})
    assert "threshold" not in same


@pytest.mark.parametrize("task", ["classification", "segmentation", "regression", "forecasting", "anomaly_detection"])
def test_where_rows_are_too_few_for_an_interval_none_is_shown(task: str) -> None:
    names = ("accuracy", "dice", "pixel_accuracy", "mae", "mase", "coverage", "auroc", "precision", "recall")
    sentence = headline(task, dict.fromkeys(names, Estimate(0.9123, float("nan"), float("nan"))), "steps")
    assert "nan" not in sentence
    assert "interval:" not in sentence


def test_the_headline_of_a_regression_is_in_the_targets_unit() -> None:
    sentence = headline("regression", {"mae": FAR, "coverage": SHARE}, "number", "points")
    assert "On 1,200 examples" in sentence
    assert "off by 44.10 points on average (95 % interval: 38.20 to 50.30)" in sentence
    assert "held the truth in 91 % of them" in sentence


def test_the_headline_of_a_forecasting_says_how_far_ahead_it_looks() -> None:
    scores = {"mase": SHARE, "mae": FAR, "coverage": SHARE}
    sentence = headline("forecasting", scores, "steps", "MW")
    assert "On 1,200 windows" in sentence
    assert "of the next 4 steps were off by 0.912 times the average change of the train part" in sentence
    assert "step to step (44.10 MW)" in sentence

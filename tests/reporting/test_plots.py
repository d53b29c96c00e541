"""Pictures and tables come out whole, the same every time, and also where there is little to show."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image
from scipy.stats import binomtest

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import Champion, Estimate, Leaderboard, LeaderboardRow
from pipelines.reporting import views
from pipelines.reporting.plots import curves
from pipelines.reporting.plots.worst_mistakes import (
    TILE_ROWS,
    TILES_PER_ROW,
    draw_mistakes,
    worst_rows,
)
from pipelines.reporting.views import classification
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks import score
from pipelines.tasks.classification import GOALS, METRICS, Classification, ClassReference

LOG_LOSS, ACCURACY = GOALS["log_loss"], GOALS["accuracy"]


class Trial(NamedTuple):
    number: int
    state: str
    score: float | None


def schema(classes: int, shape: tuple[int, ...] = (8, 8)) -> Schema:
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=shape),),
        target=Field(
            name="label",
            kind="category",
            dtype="int64",
            shape=(),
            categories=tuple(f"c{code}" for code in range(classes)),
        ),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def history(seeds: int, epochs: int) -> dict[str, list[dict[str, float]]]:
    return {
        f"seed-{seed}": [
            {"epoch": epoch, "kept": epoch == 2, "train_loss": 2.0 / epoch, "valid_log_loss": 2.0 / epoch + 0.1 * seed}
            for epoch in range(1, epochs + 1)
        ]
        for seed in range(seeds)
    }


def rounds(folds: int, count: int) -> dict[str, list[dict[str, float]]]:
    return {
        f"fold-{fold}": [{"epoch": one, "kept": one == 9, "valid_log_loss": fold + 1 / one} for one in range(1, count)]
        for fold in range(folds)
    }


def answered(classes: int, rows: int, shape: tuple[int, ...] = (8, 8)) -> tuple[Part, np.ndarray]:
    """A part of noise and replies that are right about two times in three."""
    generator = np.random.default_rng(0)
    targets = generator.integers(0, classes, rows)
    predictions = generator.dirichlet(np.ones(classes), size=rows)
    predictions[np.arange(rows), targets] += 0.5
    images = generator.integers(0, 256, (rows, *shape), dtype=np.uint8)
    return Part((images,), targets), predictions / predictions.sum(1, keepdims=True)


def board(contenders: int) -> Leaderboard:
    nan = float("nan")
    rows = [
        LeaderboardRow(
            rank + 1, f"contender-{rank}", "mlp", "behind" if rank else "best", None, 0.1, nan, nan, nan,
            {metric.name: Estimate(0.9 - 0.01 * rank, 0.85, 0.95) for metric in METRICS},
            Estimate(nan, nan, nan), nan, 10, 20, 40,
        )
        for rank in range(contenders)
    ]  # fmt: skip
    blind = {metric.name: Estimate(0.1, 0.08, 0.12) for metric in METRICS}
    floor = rows[0]._replace(rank=contenders + 1, contender="majority", architecture="baseline", test_scores=blind)
    champion = Champion(
        "contender-0", "mlp", "letters", "log_loss", "noninferior", 0.1, "parameters", 0.1, ship=True, reason="",
        as_good=(),
    )  # fmt: skip
    return Leaderboard((*rows, floor), champion)


def trials(*states: str) -> list[Trial]:
    return [
        Trial(number, state, None if state == "failed" else 1 / (number + 1)) for number, state in enumerate(states)
    ]


DRAWN: dict[str, Callable[[Path], None]] = {
    "a search": lambda path: curves.draw_search_history(
        path, trials("complete", "pruned", "failed", "complete"), LOG_LOSS
    ),
    "a search of one trial": lambda path: curves.draw_search_history(path, trials("complete"), ACCURACY),
    "a search where all but one failed": lambda path: curves.draw_search_history(
        path, trials("failed", "pruned"), LOG_LOSS
    ),
    "a search where all were equal": lambda path: curves.draw_search_history(
        path, [Trial(0, "complete", 0.0)] * 3, LOG_LOSS
    ),
    "importances": lambda path: curves.draw_importances(path, {"learning_rate": 0.7, "width": 0.3, "depth": 0.0}),
    "no importances": lambda path: curves.draw_importances(path, {}),
    "curves of three seeds": lambda path: curves.draw_learning_curves(path, history(3, 12), LOG_LOSS),
    "curves of rounds": lambda path: curves.draw_learning_curves(path, rounds(5, 60), LOG_LOSS),
    "curves of eight seeds": lambda path: curves.draw_learning_curves(path, history(8, 2), LOG_LOSS),
    "a leaderboard": lambda path: curves.draw_leaderboard(path, board(3), METRICS[:2]),
    "a leaderboard of one": lambda path: curves.draw_leaderboard(path, board(1), METRICS[:2]),
    "a leaderboard of thirty": lambda path: curves.draw_leaderboard(path, board(30), METRICS[:2]),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_a_picture_is_a_png_with_the_same_bytes_every_time(draw: Callable[[Path], None], tmp_path: Path) -> None:
    draw(tmp_path / "one.png")
    draw(tmp_path / "two.png")
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 500
        assert "Software" not in picture.info
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def view(classes: int, part: Part, predictions: np.ndarray) -> EvaluationData[Classification]:
    described = schema(classes)
    return EvaluationData(described, Classification(described), part, predictions, ClassReference(part.target), {}, {})


def rows_of(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_tables_hold_every_row_and_add_up_to_the_scores(tmp_path: Path) -> None:
    part, predictions = answered(5, 120)
    classification.write_view(tmp_path, view(5, part, predictions))
    scores = score(Classification(schema(5)), predictions, ClassReference(part.target), {})
    pairs = rows_of(tmp_path / "tables" / "confusion.csv")
    assert [pair["actual"] for pair in pairs] == [f"c{code}" for code in part.target]
    assert np.mean([pair["actual"] == pair["predicted"] for pair in pairs]) == scores["accuracy"]
    bins = rows_of(tmp_path / "tables" / "reliability.csv")
    gaps = [int(one["examples"]) * abs(float(one["accuracy"]) - float(one["confidence"])) for one in bins]
    right, confidence = predictions.argmax(1) == part.target, predictions.max(1)
    inside = [(confidence > low / 15) & (confidence <= (low + 1) / 15) for low in range(15)]
    assert sum(gaps) == pytest.approx(sum(abs((right - confidence)[rows].sum()) for rows in inside), rel=1e-4)


def test_of_two_classes_the_table_holds_what_the_threshold_says(tmp_path: Path) -> None:
    part, predictions = answered(2, 120)
    calibration = {"positive": 1.0, "threshold": 0.9}
    classification.write_view(tmp_path, view(2, part, predictions)._replace(calibration=calibration))
    said = [pair["predicted"] for pair in rows_of(tmp_path / "tables" / "confusion.csv")]
    assert said == ["c1" if surely else "c0" for surely in predictions[:, 1] >= 0.9]


@pytest.mark.parametrize("right", [0, 3, 8, 10])
def test_the_interval_of_a_bin_is_wilsons_as_scipy_computes_it(right: int) -> None:
    predictions = np.tile([0.9, 0.1], (10, 1))
    (found,) = classification.reliability_bins(predictions, np.array([0] * right + [1] * (10 - right)))
    expected = binomtest(right, 10).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_worst_mistakes_come_before_the_least_confident_correct_predictions() -> None:
    wrong = np.array([False, True, False, True])
    losses = np.array([0.1, 1.0, 0.5, 3.0])
    assert worst_rows(wrong, losses) == [3, 1, 2, 0]
    assert worst_rows(wrong, losses, tiles=2) == [3, 1]


@pytest.mark.parametrize("mistakes", [0, 1, 5, TILES_PER_ROW * TILE_ROWS, 100])
def test_any_number_of_mistakes_fits_the_sheet(mistakes: int, tmp_path: Path) -> None:
    part, _ = answered(3, 120)
    wrong = np.arange(120) < mistakes
    rows = worst_rows(wrong, np.arange(120.0))
    draw_mistakes(tmp_path / "mistakes.png", schema(3), part, rows, [f"row {row}" for row in rows], wrong)
    with Image.open(tmp_path / "mistakes.png") as sheet:
        assert sheet.height > 900


def test_a_closed_form_fit_has_no_learning_curve(tmp_path: Path) -> None:
    part, predictions = answered(3, 30)
    views.write_views(tmp_path / "solved", view(3, part, predictions), history(1, 1))
    views.write_views(tmp_path / "learned", view(3, part, predictions), history(2, 5))
    assert not (tmp_path / "solved/pictures/curves.png").exists()
    assert (tmp_path / "learned/pictures/curves.png").exists()


def test_a_history_is_read_with_its_gaps(tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("member,epoch,train_loss\nseed-0,1,0.5\nseed-0,2,\n", encoding="utf-8")
    ((member, (first, second)),) = views.read_history(tmp_path / "history.csv").items()
    assert (member, first) == ("seed-0", {"epoch": 1.0, "train_loss": 0.5})
    assert np.isnan(second["train_loss"])

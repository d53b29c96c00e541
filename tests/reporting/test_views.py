"""The report of every task comes out whole and the same every time, also where there is little to show."""

import csv
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from pipelines.reporting.views import TASK_VIEWS, anomaly_detection
from pipelines.reporting.views.view import EvaluationData
from tests.support.evaluation_data import (
    classified,
    forecast,
    generated,
    reconstructed_cells,
    reconstructed_digits,
    regressed,
    segmented,
)

ODD_DIGITS = {"kind": "anomaly_detection", "normal": "1"}
ODD_CELLS = {"kind": "anomaly_detection", "normal": "benign"}


class Case(NamedTuple):
    evaluate: Callable[[], EvaluationData[Any]]
    tables: dict[str, int]  # lines of every table
    without: tuple[str, ...] = ()  # captions of pictures that this data has no use for


CASES: dict[str, Case] = {
    "ten classes": Case(lambda: classified(10, 200), {"confusion.csv": 201, "reliability.csv": 7, "per_class.csv": 11}),
    "one row": Case(lambda: classified(2, 1), {"confusion.csv": 2, "reliability.csv": 2, "per_class.csv": 3}),
    "colour": Case(
        lambda: classified(3, 50, (6, 9, 3)), {"confusion.csv": 51, "reliability.csv": 9, "per_class.csv": 4}
    ),
    "one channel": Case(
        lambda: classified(4, 40, (5, 5, 1)), {"confusion.csv": 41, "reliability.csv": 9, "per_class.csv": 5}
    ),
    "seventy classes": Case(
        lambda: classified(70, 300), {"confusion.csv": 301, "reliability.csv": 2, "per_class.csv": 71}
    ),
    "numbers": Case(lambda: regressed(80, "points"), {"predicted.csv": 81}),
    "three numbers": Case(lambda: regressed(3, "$"), {"predicted.csv": 4}),
    "many numbers": Case(lambda: regressed(4000, ""), {"predicted.csv": 4001}),
    "quantiles": Case(lambda: forecast(30, 4, "quantile"), {"horizon.csv": 5, "origins.csv": 31}),
    "two windows": Case(lambda: forecast(2, 4, "huber"), {"horizon.csv": 5, "origins.csv": 3}),
    "one step": Case(lambda: forecast(70, 1, "quantile"), {"horizon.csv": 2, "origins.csv": 71}),
    "one mask": Case(lambda: segmented(2, 1, False), {"per_class.csv": 3}),
    "masks of colour": Case(lambda: segmented(5, 7, True), {"per_class.csv": 6}),
    "masks with a background": Case(lambda: segmented(5, 7, True, background="sky"), {"per_class.csv": 6}),
    "drawn digits": Case(lambda: generated(8, 8), {"memorisation.csv": 7}),
    "drawn colours": Case(lambda: generated(6, 9, 3), {"memorisation.csv": 7}),
    "drawn in one channel": Case(lambda: generated(7, 7, 1), {"memorisation.csv": 7}),
    "clean digits": Case(lambda: reconstructed_digits({"kind": "denoising"}), {}),
    "colours": Case(lambda: reconstructed_digits({"kind": "reconstruction"}, (8, 8, 3)), {}, ("column_errors.png",)),
    "cells": Case(
        lambda: reconstructed_cells({"kind": "reconstruction"}), {"column_errors.csv": 31}, ("reconstructions.png",)
    ),
    "odd digits": Case(lambda: reconstructed_digits(ODD_DIGITS), {"flagged.csv": 11}, ("column_errors.png",)),
    "odd cells": Case(
        lambda: reconstructed_cells(ODD_CELLS), {"column_errors.csv": 31, "flagged.csv": 3}, ("reconstructions.png",)
    ),
}


# Drawn twice: together they have every picture and every table of every task, as a test below holds
TWICE = {
    *("ten classes", "numbers", "quantiles", "masks of colour", "drawn colours", "clean digits"),
    *("colours", "cells", "odd digits", "odd cells"),
}


@cache
def evaluated(name: str) -> EvaluationData[Any]:
    return CASES[name].evaluate()


def pictures_of(name: str) -> set[str]:
    return set(TASK_VIEWS[evaluated(name).task.name].captions) - set(CASES[name].without)


def written(folder: Path, data: EvaluationData[Any]) -> dict[str, bytes]:
    TASK_VIEWS[data.task.name].write_view(folder, data)
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.*"))}


@pytest.mark.parametrize("name", CASES)
def test_a_report_is_whole_and_the_same_bytes_every_time(name: str, tmp_path: Path) -> None:
    evaluate, tables, _ = CASES[name]
    first = written(tmp_path / "one", evaluated(name))
    if name in TWICE:
        assert first == written(tmp_path / "two", evaluate())
    assert set(first) == pictures_of(name) | set(tables)
    for picture in pictures_of(name):
        with Image.open(tmp_path / "one" / "pictures" / picture) as drawn:
            assert drawn.width > 500
    assert {table: len(first[table].splitlines()) for table in tables} == tables


def test_every_task_has_a_report_that_is_tried() -> None:
    assert {evaluated(name).task.name for name in CASES} == set(TASK_VIEWS)


def test_everything_that_is_drawn_or_listed_is_drawn_or_listed_twice_somewhere() -> None:
    def files(names: Iterable[str]) -> set[tuple[str, str]]:
        return {(evaluated(name).task.name, file) for name in names for file in pictures_of(name) | set(CASES[name][1])}

    assert files(TWICE) == files(CASES)


def test_the_table_of_flags_adds_up(tmp_path: Path) -> None:
    data = reconstructed_cells(ODD_CELLS)
    written(tmp_path, data)
    with (tmp_path / "tables" / "flagged.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["label"], row["kind"]) for row in rows] == [("malignant", "anomalous"), ("benign", "normal")]
    assert sum(int(row["examples"]) for row in rows) == 200
    flags = data.predictions[:, 0] >= data.calibration["threshold"]
    assert sum(int(row["flagged"]) for row in rows) == flags.sum()


@pytest.mark.parametrize("kinds", [[True], [False], [True, False]])
@pytest.mark.parametrize("scores", [0.0, 1.0])
def test_scores_that_are_all_the_same_are_drawn_as_well(tmp_path: Path, kinds: list[bool], scores: float) -> None:
    anomalous = np.array(kinds)
    anomaly_detection.draw_anomaly_scores(tmp_path / "scores.png", np.full(len(kinds), scores), anomalous, 0.5)
    assert (tmp_path / "scores.png").stat().st_size > 0

"""What a reconstruction's pictures and tables show, of real digits and cells."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn import datasets

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow
from pipelines.reporting.views import reconstruction
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks.reconstruction import Reconstruction, ReconstructionSettings


def digits_view(use: str, shape: tuple[int, ...] = (8, 8)) -> EvaluationData:
    """Digits with noise, and the clean ones half mixed with the mean as replies."""
    pixels, codes = datasets.load_digits(return_X_y=True)
    clean = np.broadcast_to((pixels * 255 / 16).reshape(-1, 8, 8, 1), (len(pixels), *(*shape, 1)[:3]))
    clean = clean.reshape(-1, *shape).astype(np.uint8)[:120]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 60, clean.shape), 0, 255).astype(np.uint8)
    shown = Field(name="noisy", kind="image", dtype="uint8", shape=shape)
    label = Field(name="digit", kind="category", dtype="int64", shape=(), categories=tuple("0123456789"))
    target = Field(name="clean", kind="image", dtype="uint8", shape=shape) if use == "denoising" else label
    schema = Schema(inputs=(shown,), target=target, title="Digits", origin="scikit-learn", licence="BSD")
    settings = {"denoising": {}, "anomalies": {"normal": "1"}, "compression": {"compress": True}}[use]
    task = Reconstruction(schema, ReconstructionSettings(**settings))
    part = Part((noisy,), clean if use == "denoising" else codes[:120])
    return view_of(task, schema, part)


def cells_view(normal: bool) -> EvaluationData:
    table = datasets.load_breast_cancer()
    inputs = tuple(Field(name=name, kind="number", dtype="float32", shape=()) for name in table.feature_names)
    target = Field(name="d", kind="category", dtype="int64", shape=(), categories=("malignant", "benign"))
    schema = Schema(inputs=inputs, target=target, title="Cells", origin="scikit-learn", licence="BSD")
    settings = ReconstructionSettings(normal="benign") if normal else ReconstructionSettings(compress=True)
    values = table.data[:200].astype(np.float32)
    values[3, 4] = np.nan
    part = Part(tuple(np.ascontiguousarray(column) for column in values.T), table.target[:200].astype(np.int64))
    return view_of(Reconstruction(schema, settings), schema, part)


def view_of(task: Reconstruction, schema: Schema, part: Part) -> EvaluationData:
    """A view of the first of the task's baselines, mixed with the truth."""
    baselines = task.baselines(part, part)
    truth = task.reference(part)
    replies = next(iter(baselines.values())).copy()
    replies[:, 1:] += 0.5 * (np.where(np.isnan(truth), replies, truth) - replies)[:, 1:]
    return EvaluationData(schema, task, part, replies, truth, task.calibrate(replies, truth), baselines)


def written(folder: Path, view: EvaluationData) -> dict[str, bytes]:
    (folder / "pictures").mkdir(parents=True)
    (folder / "tables").mkdir()
    reconstruction.write_view(folder, view)
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.*"))}


@pytest.mark.parametrize(
    ("view", "files"),
    [
        (lambda: digits_view("denoising"), {"reconstructions.png"}),
        (lambda: digits_view("compression", (8, 8, 3)), {"reconstructions.png"}),
        (lambda: digits_view("anomalies"), {"reconstructions.png", "anomaly_scores.png", "flagged.csv"}),
        (lambda: cells_view(False), {"column_errors.png", "column_errors.csv"}),
        (
            lambda: cells_view(True),
            {"column_errors.png", "column_errors.csv", "anomaly_scores.png", "flagged.csv"},
        ),
    ],
    ids=["denoising", "compression", "odd digits", "cells", "odd cells"],
)
def test_pictures_and_tables_come_out_whole_and_the_same_every_time(view, files: set[str], tmp_path: Path) -> None:
    first, second = written(tmp_path / "one", view()), written(tmp_path / "two", view())
    assert first == second
    assert set(first) == files
    for name in files:
        if name.endswith(".png"):
            assert name in reconstruction.CAPTIONS
            with Image.open(tmp_path / "one" / "pictures" / name) as picture:
                assert picture.width > 700


def test_the_table_of_flags_adds_up(tmp_path: Path) -> None:
    view = cells_view(True)
    written(tmp_path / "all", view)
    with (tmp_path / "all" / "tables" / "flagged.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["label"], row["kind"]) for row in rows] == [("malignant", "anomalous"), ("benign", "normal")]
    assert sum(int(row["examples"]) for row in rows) == 200
    flags = view.predictions[:, 0] >= view.calibration["threshold"]
    assert sum(int(row["flagged"]) for row in rows) == flags.sum()


@pytest.mark.parametrize("kinds", [[True], [False], [True, False]])
@pytest.mark.parametrize("scores", [0.0, 1.0])
def test_scores_that_are_all_the_same_are_drawn_as_well(tmp_path: Path, kinds: list[bool], scores: float) -> None:
    anomalous = np.array(kinds)
    reconstruction.draw_anomaly_scores(tmp_path / "scores.png", np.full(len(kinds), scores), anomalous, 0.5)
    assert (tmp_path / "scores.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("metrics", "kind", "words"),
    [
        (("auroc", "precision", "recall"), "category", "flagged 91.2 % of the anomalous ones"),
        (
            ("psnr", "ssim"),
            "image",
            "the clean ones as a signal-to-noise ratio (PSNR) of 0.9 dB (95 % interval: 0.9 to 0.9)",
        ),
        (("psnr", "ssim"), "category", "as close to what it was shown as"),
        (("squared_error",), "category", "leave 91.2 % of the columns' variance unexplained"),
    ],
)
def test_the_headline_is_a_sentence(metrics: tuple[str, ...], kind: str, words: str) -> None:
    estimates = dict.fromkeys(metrics, Estimate(0.9123, 0.88, 0.94))
    row = LeaderboardRow(1, "a", "mlp", "best", 0.9, 0.0, 1.0, estimates, Estimate(0, 0, 0), 1.0, 10, 10)
    target = Field(name="t", kind=kind, dtype="uint8", shape=())
    schema = Schema(inputs=(), target=target, title="", origin="", licence="")
    sentence = reconstruction.headline(row, 1200, schema)
    assert sentence.startswith("On 1,200 ")
    assert sentence.endswith(".")
    assert words in sentence

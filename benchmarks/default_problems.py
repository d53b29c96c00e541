"""Small problems of three kinds, from what installed packages hold or from generators, that defaults should suit.

At most TRAIN_ROWS rows are trained on, and at most VALID_ROWS are scored: enough for a setting to show.

Shapes: N examples, T steps.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn import datasets

from benchmarks.audit.clean_sets import clean_tables
from benchmarks.audit.leaks import table_dataset
from benchmarks.folds import small_tables
from benchmarks.sequence_tasks import APPLIANCES, appliance_currents
from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part, PartName, read_part, write_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.sources.bundled.statsmodels_series import StatsmodelsSettings
from pipelines.sources.kinds import load_dataset
from pipelines.splitting.settings import SplitSettings
from pipelines.splitting.split import Split, split_dataset, write_split
from pipelines.tasks import AnyTaskSettings, settings_from_json
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.job import TrainingJob

TRAIN_ROWS, VALID_ROWS = 500, 800
SHARES = {"valid": 0.4, "test": 0.1}
PATCH = 16  # pixels of a piece of a photograph, either way
TURNED = 45  # degrees, at most
CURRENT_STEPS = 48


class Problem(NamedTuple):
    """What is learned from what, and how it is split."""

    task: AnyTaskSettings
    data: Dataset
    split: SplitSettings


def _shipped(name: str) -> Problem:
    """A problem of params.yaml, with more rows to score."""
    problem = load_params().problems[name]
    data = load_dataset(problem.source, paths.DOWNLOADS_FOLDER)
    return Problem(problem.task, data, problem.split.model_copy(update=SHARES))


def _new(kind: str, data: Dataset) -> Problem:
    by = {"classification": "stratified", "regression": "random", "forecasting": "time"}[kind]
    return Problem(settings_from_json({"kind": kind}), data, SplitSettings.model_validate({"by": by, **SHARES}))


def _table(kind: str, title: str) -> Problem:
    tables = {one.title: one for one in clean_tables()} | small_tables()
    return _new(kind, table_dataset(tables[title]))


def _sunspots() -> Problem:
    settings = StatsmodelsSettings(kind="statsmodels", dataset="sunspots", window=44, horizon=8)
    return _new("forecasting", load_dataset(settings, paths.DOWNLOADS_FOLDER))


def _currents() -> Problem:
    """Which appliance draws a noisy current?"""
    x, appliance = appliance_currents(2 * TRAIN_ROWS, CURRENT_STEPS, seed=0)
    schema = Schema(
        inputs=(Field(name="current", kind="steps", dtype="float32", shape=(CURRENT_STEPS, 1), columns=("current",)),),
        target=_category(tuple(f"appliance {n}" for n in range(APPLIANCES))),
        title="Currents of appliances", origin="", licence="",
    )  # fmt: skip
    return _new("classification", Dataset(schema, Part((x[:, :, :1].numpy(),), appliance.numpy())))


def _turned_digits() -> Problem:
    """By how many degrees is a handwritten digit turned?"""
    from scipy.ndimage import rotate

    generator = np.random.default_rng(0)
    digits = datasets.load_digits()
    images = digits.images[digits.target == 4] * (255 / 16)
    images = images[generator.integers(0, len(images), 2 * TRAIN_ROWS)]
    degrees = generator.uniform(-TURNED, TURNED, len(images))
    turned = [rotate(image, angle, reshape=False, order=1) for image, angle in zip(images, degrees, strict=True)]
    target = Field(name="degrees", kind="number", dtype="float32", shape=())
    return _new("regression", _images(np.stack(turned), target, degrees.astype(np.float32)))


def _patches() -> Problem:
    """From which quarter of which photograph is a piece of it?"""
    generator = np.random.default_rng(0)
    photographs = datasets.load_sample_images().images
    pieces, codes = [], []
    for code in generator.integers(0, 8, 2 * TRAIN_ROWS):
        photograph = photographs[code // 4]
        height, width = (side // 2 for side in photograph.shape[:2])
        top = generator.integers(0, height - PATCH) + height * (code % 4 // 2)
        left = generator.integers(0, width - PATCH) + width * (code % 2)
        pieces.append(photograph[top : top + PATCH, left : left + PATCH])
        codes.append(code)
    return _new(
        "classification", _images(np.stack(pieces), _category(tuple(f"quarter {n}" for n in range(8))), np.array(codes))
    )


def _category(categories: tuple[str, ...]) -> Field:
    return Field(name="class", kind="category", dtype="int64", shape=(), categories=categories)


def _images(pixels: np.ndarray, target: Field, values: np.ndarray) -> Dataset:
    image = Field(name="image", kind="image", dtype="uint8", shape=pixels.shape[1:], range=(0, 255))
    schema = Schema(inputs=(image,), target=target, title="", origin="", licence="")
    return Dataset(schema, Part((np.clip(np.rint(pixels), 0, 255).astype(np.uint8),), values))


TABLES: Mapping[str, Callable[[], Problem]] = {
    "diabetes": partial(_shipped, "diabetes"),
    "friedman 1": partial(_table, "regression", "friedman 1"),
    "travel mode": partial(_table, "classification", "travel mode"),
}
IMAGES: Mapping[str, Callable[[], Problem]] = {
    "digits": partial(_shipped, "digits"),
    "turned digits": _turned_digits,
    "photographs' quarters": _patches,
}
SEQUENCES: Mapping[str, Callable[[], Problem]] = {
    "digit_rows": partial(_shipped, "digit_rows"),
    "co2": partial(_shipped, "co2"),
    "sunspots": _sunspots,
    "currents": _currents,
}


def write_problem(folder: Path, problem: Problem) -> TrainingJob:
    """Split as the stages do, but keep few rows; the job lacks its architecture."""
    split = split_dataset(problem.data, problem.split, seed=20, can_fold=False)
    generator = np.random.default_rng(0)
    rows = dict(split.rows)
    kept: tuple[tuple[PartName, int], ...] = (("train", TRAIN_ROWS), ("valid", VALID_ROWS))
    for part, most in kept:
        rows[part] = np.sort(generator.permutation(rows[part])[:most])
    write_split(folder / "split", problem.data, *Split(rows, split.clusters, split.folds))
    schema = read_schema(folder / "split" / "schema.json")
    as_they_are = augmented_copies(read_part(folder / "split" / "train", schema), schema, AugmentSettings(), 20)
    write_part(folder / "train", schema, as_they_are)
    return TrainingJob(
        "", problem.task, None, folder / "split" / "schema.json", folder / "train", folder / "split" / "valid",
        AugmentSettings(), "cpu",
    )  # fmt: skip

"""A small real problem of every kind, from the data inside the packages: its source, its split and its task."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.sources.kinds import SourceSettings, load_dataset
from pipelines.splitting.split import SplitSettings, split_rows, write_split
from pipelines.tasks import AnyTaskSettings, settings_from_json
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.job import TrainingJob

MAX_ROWS = 400  # rows at most
FEW_ROWS = 200  # for what does not depend on how well something is learned
AUGMENT_SETTINGS = AugmentSettings(copies=2, shift=1, rotate=10)


class Problem(NamedTuple):
    source: dict[str, Any]
    split_by: str
    task: dict[str, Any]
    augment: AugmentSettings = AugmentSettings()


PROBLEMS: dict[str, Problem] = {
    "digits": Problem(
        {"kind": "sklearn", "dataset": "digits"}, "stratified", {"kind": "classification"}, AUGMENT_SETTINGS
    ),
    "cells": Problem(
        {"kind": "sklearn", "dataset": "breast_cancer"},
        "stratified",
        {"kind": "classification", "weights": "balanced"},
    ),
    "texts": Problem({"kind": "docstrings", "most": 60}, "stratified", {"kind": "classification"}),
    "diabetes": Problem({"kind": "sklearn", "dataset": "diabetes"}, "random", {"kind": "regression"}),
    "sunspots": Problem(
        {"kind": "statsmodels", "dataset": "sunspots", "window": 22, "horizon": 4}, "time", {"kind": "forecasting"}
    ),
    "shapes": Problem({"kind": "sklearn", "dataset": "digits_on_photographs"}, "random", {"kind": "segmentation"}),
    "noisy": Problem({"kind": "sklearn", "dataset": "noisy_digits"}, "random", {"kind": "denoising"}),
    "malignant": Problem(
        {"kind": "sklearn", "dataset": "malignant_cells"},
        "stratified",
        {"kind": "anomaly_detection", "normal": "benign"},
    ),
    "drawings": Problem(
        {"kind": "sklearn", "dataset": "digits"}, "stratified", {"kind": "generation"}, AUGMENT_SETTINGS
    ),
}

# What an architecture is tried on; the digits unless it says otherwise
PROBLEM_BY_ARCHITECTURE = {
    "linear_regression": "diabetes",
    "pixel_logistic_regression": "shapes",
    "unet": "shapes",
    "pca": "noisy",
    "autoencoder": "noisy",
    "conv_autoencoder": "noisy",
    "gaussian": "drawings",
    "gaussian_mixture": "drawings",
    "isolation_forest": "malignant",
    "vae": "drawings",
    "gan": "drawings",
    "dcgan": "drawings",
}


def problem_of(architecture: str) -> str:
    return PROBLEM_BY_ARCHITECTURE.get(architecture, "digits")


def task_settings_of(problem: str) -> AnyTaskSettings:
    return settings_from_json(PROBLEMS[problem].task)


@cache
def load_problem(problem: str) -> Dataset:
    settings: SourceSettings = TypeAdapter(SourceSettings).validate_python(PROBLEMS[problem].source)
    return load_dataset(settings, Path())  # nothing is downloaded


def make_problem(problem: str, folder: Path, max_rows: int = MAX_ROWS) -> None:
    """Write split/ and augmented/ as the stages do."""
    row, data = PROBLEMS[problem], _limit_rows(load_problem(problem), max_rows)
    write_split(folder / "split", data, split_rows(data, SplitSettings(by=row.split_by), seed=1))
    schema = read_schema(folder / "split" / "schema.json")
    augmented = augmented_copies(read_part(folder / "split" / "train", schema), schema, row.augment, seed=1)
    write_part(folder / "augmented" / "train", schema, augmented)


def small_problems(make_folder: Callable[[str], Path]) -> Callable[[str], Path]:
    """The folder of a row of PROBLEMS with few rows, made on first use."""

    @cache
    def folder_of(problem: str) -> Path:
        folder = make_folder(problem)
        make_problem(problem, folder, FEW_ROWS)
        return folder

    return folder_of


def _limit_rows(data: Dataset, most: int) -> Dataset:
    part = Part(tuple(values[:most] for values in data.part.inputs), data.part.target[:most])
    return data._replace(part=part, keys={name: values[:most] for name, values in data.keys.items()})


def training_job_of(folder: Path, architecture: str, problem: str = "digits") -> TrainingJob:
    """What an architecture learns from, where `make` wrote the problem."""
    return TrainingJob(
        architecture=architecture,
        task_settings=task_settings_of(problem),
        goal=None,
        schema_file=folder / "split" / "schema.json",
        train_part_folder=folder / "augmented" / "train",
        valid_part_folder=folder / "split" / "valid",
        augment=PROBLEMS[problem].augment,
        device="cpu",
    )

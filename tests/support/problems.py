"""A small real problem of every kind, from the data inside the packages: its source, its split and its task."""

from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from pipelines.data.dataset import Data
from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.sources import SourceSettings, load
from pipelines.splitting.split import SplitSettings, split, write_split
from pipelines.tasks import SettingsOfTask, stored
from pipelines.training.augmentation import AugmentSettings, copies
from pipelines.training.job import Lesson

FEW = 400  # rows at most
DRAWS = AugmentSettings(copies=2, shift=1, rotate=10)


class Problem(NamedTuple):
    source: dict[str, Any]
    by: str
    task: dict[str, Any]
    augment: AugmentSettings = AugmentSettings()


PROBLEMS: dict[str, Problem] = {
    "digits": Problem({"kind": "sklearn", "dataset": "digits"}, "stratified", {"kind": "classification"}, DRAWS),
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
    "noisy": Problem({"kind": "sklearn", "dataset": "noisy_digits"}, "random", {"kind": "reconstruction"}),
    "drawings": Problem({"kind": "sklearn", "dataset": "digits"}, "stratified", {"kind": "generation"}, DRAWS),
}

# What an architecture is tried on; the digits unless it says otherwise
PROBLEM_OF = {
    "linear_regression": "diabetes",
    "pixel_logistic_regression": "shapes",
    "unet": "shapes",
    "pca": "noisy",
    "autoencoder": "noisy",
    "conv_autoencoder": "noisy",
    "gaussian": "drawings",
    "vae": "drawings",
    "gan": "drawings",
}


def problem_of(architecture: str) -> str:
    return PROBLEM_OF.get(architecture, "digits")


def task_of(problem: str) -> SettingsOfTask:
    return stored(PROBLEMS[problem].task)


def make(problem: str, folder: Path) -> None:
    """Write split/ and augmented/ as the stages do."""
    what = PROBLEMS[problem]
    settings: SourceSettings = TypeAdapter(SourceSettings).validate_python(what.source)
    data = _few(load(settings, folder / "downloads"))
    write_split(folder / "split", data, split(data, SplitSettings(by=what.by), seed=1))
    schema = read_schema(folder / "split" / "schema.json")
    drawn = copies(read_part(folder / "split" / "train", schema), schema, what.augment, seed=1)
    write_part(folder / "augmented" / "train", schema, drawn)


def _few(data: Data) -> Data:
    part = Part(tuple(values[:FEW] for values in data.part.inputs), data.part.target[:FEW])
    return data._replace(part=part, keys={name: values[:FEW] for name, values in data.keys.items()})


def lesson_of(folder: Path, architecture: str, problem: str = "digits") -> Lesson:
    """What an architecture learns from, where `make` wrote the problem."""
    return Lesson(
        architecture=architecture,
        task=task_of(problem),
        goal=None,
        schema=folder / "split" / "schema.json",
        train=folder / "augmented" / "train",
        valid=folder / "split" / "valid",
        augment=PROBLEMS[problem].augment,
        device="cpu",
    )

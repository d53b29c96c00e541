"""Evaluated test parts of every task, for its report: data that is real or noise, and predictions near the truth."""

from typing import Any

import numpy as np
from sklearn import datasets

from pipelines.data.parts import Part
from pipelines.data.schema import Field, FieldKind, Schema
from pipelines.reporting.views.view import EvaluationData
from pipelines.tasks import Task, build_task, settings_from_json
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings
from tests.support import forecasts

GENERATED = 60  # images that are drawn


def describe(inputs: tuple[Field, ...], target: Field) -> Schema:
    return Schema(inputs=inputs, target=target, title="Stand-in", origin="made here", licence="none")


def image(name: str, shape: tuple[int, ...], kind: FieldKind = "image", **more: Any) -> Field:
    return Field(name=name, kind=kind, dtype="uint8", shape=shape, **more)


def category(labels: tuple[str, ...]) -> Field:
    return Field(name="label", kind="category", dtype="int64", shape=(), categories=labels)


def evaluated(task: Task, schema: Schema, test: Part, predictions: np.ndarray, train: Part) -> EvaluationData[Any]:
    reference = task.reference(test)
    calibration = task.calibrate(predictions, reference)
    baselines = task.baselines(train, test)
    return EvaluationData(schema, task, test, predictions, reference, calibration, baselines, train)


def classified(classes: int, rows: int, shape: tuple[int, ...] = (8, 8)) -> EvaluationData[Any]:
    """Noise, with probabilities that are right about two times in three."""
    schema = describe((image("image", shape),), category(tuple(f"c{code}" for code in range(classes))))
    generator = np.random.default_rng(0)
    targets = generator.integers(0, classes, rows)
    probabilities = generator.dirichlet(np.ones(classes), size=rows)
    probabilities[np.arange(rows), targets] += 0.5
    test = Part((generator.integers(0, 256, (rows, *shape), dtype=np.uint8),), targets)
    task = build_task(settings_from_json({"kind": "classification"}), schema)
    return evaluated(task, schema, test, probabilities / probabilities.sum(1, keepdims=True), test)


def regressed(rows: int, unit: str) -> EvaluationData[Any]:
    """scikit-learn's diabetes, repeated where that is too little."""
    values, progression = datasets.load_diabetes(return_X_y=True, scaled=False)
    drawn = np.arange(rows) % len(progression)
    test = Part(tuple(values[drawn].T.astype(np.float32)), progression[drawn].astype(np.float32))
    inputs = tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(10))
    schema = describe(inputs, Field(name="y", kind="number", dtype="float32", shape=(), unit=unit))
    predictions = test.target[:, None] * 0.8 + np.random.default_rng(0).normal(0, 30, (rows, 1))
    task = build_task(settings_from_json({"kind": "regression"}), schema)
    return evaluated(task, schema, test, predictions, test)


def forecast(rows: int, horizon: int, loss: Any) -> EvaluationData[Any]:
    schema = forecasts.schema(horizon=horizon)
    task = Forecasting(schema, ForecastingSettings(loss=loss))
    train, test = forecasts.part(40, 3, horizon), forecasts.part(rows, 0, horizon)
    return evaluated(task, schema, test, forecasts.predicted(test, len(task.quantile_levels)), train)


def segmented(classes: int, images: int, colour: bool, **settings: Any) -> EvaluationData[Any]:
    """Noise, with masks that are noise too."""
    generator = np.random.default_rng(0)
    masks = generator.integers(0, classes, (images, 6, 8)).astype(np.uint8)
    predictions = np.moveaxis(generator.dirichlet(np.ones(classes), masks.shape), -1, 1).astype(np.float32)
    pixels = generator.integers(0, 256, (*masks.shape, *(3,) * colour), dtype=np.uint8)
    labels = ("sky", "sea", "ship", "sand", "sun")[:classes]
    schema = describe((image("image", pixels.shape[1:]),), image("mask", (6, 8), "mask", categories=labels))
    task = build_task(settings_from_json({"kind": "segmentation", **settings}), schema)
    test = Part((pixels,), masks)
    return evaluated(task, schema, test, predictions, test)


def generated(*shape: int) -> EvaluationData[Any]:
    """Noise, with the train images as drawn ones."""
    images = np.random.default_rng(0).integers(0, 256, (3 * GENERATED, *shape), dtype=np.uint8)
    train, test = (
        Part((some,), np.arange(len(some)) % 2) for some in (images[: 2 * GENERATED], images[2 * GENERATED :])
    )
    schema = describe((image("image", shape),), category(("a", "b")))
    task = build_task(settings_from_json({"kind": "generation"}), schema)
    data = evaluated(task, schema, test, train.inputs[0][:GENERATED].astype(np.float32), train)
    return data._replace(
        predict=lambda noise: np.clip(noise[:, :1, None], 0, 1).reshape(-1, *[1] * len(shape)) * np.full(shape, 255.0)
    )


def reconstructed_digits(task: dict[str, Any], shape: tuple[int, ...] = (8, 8)) -> EvaluationData[Any]:
    """Digits with noise, and a baseline half mixed with what should be drawn as predictions."""
    pixels, codes = datasets.load_digits(return_X_y=True)
    clean = np.broadcast_to((pixels * 255 / 16).reshape(-1, 8, 8, 1), (len(pixels), *(*shape, 1)[:3]))
    clean = clean.reshape(-1, *shape).astype(np.uint8)[:120]
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 60, clean.shape), 0, 255).astype(np.uint8)
    denoising = task["kind"] == "denoising"
    target = image("clean", shape) if denoising else category(tuple("0123456789"))
    schema = describe((image("noisy", shape),), target)
    return _mixed(task, schema, Part((noisy,), clean if denoising else codes[:120]))


def reconstructed_cells(task: dict[str, Any]) -> EvaluationData[Any]:
    """The breast cancer table with a missing cell, and a baseline half mixed with the truth as predictions."""
    table = datasets.load_breast_cancer()
    inputs = tuple(Field(name=name, kind="number", dtype="float32", shape=()) for name in table.feature_names)
    values = table.data[:200].astype(np.float32)
    values[3, 4] = np.nan
    test = Part(tuple(np.ascontiguousarray(column) for column in values.T), table.target[:200].astype(np.int64))
    return _mixed(task, describe(inputs, category(("malignant", "benign"))), test)


def _mixed(settings: dict[str, Any], schema: Schema, test: Part) -> EvaluationData[Any]:
    task = build_task(settings_from_json(settings), schema)
    predictions = next(iter(task.baselines(test, test).values())).copy()
    true = task.reference(test).values.reshape(len(predictions), -1)
    predictions[:, 1:] += 0.5 * (np.where(np.isnan(true), predictions[:, 1:], true) - predictions[:, 1:])
    return evaluated(task, schema, test, predictions, test)

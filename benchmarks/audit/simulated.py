"""Simulated problems: tasks, and predictions of contenders that are equally good.

N rows.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import ALONE, Dependence
from pipelines.data.schema import Field, FieldKind, Schema
from pipelines.tasks import Task, build_task, settings_from_json
from pipelines.tasks.anomaly_detection import AnomalyReference
from pipelines.tasks.classification import ClassReference
from pipelines.tasks.generation import ImageReference
from pipelines.tasks.metrics.forecasting import ForecastReference
from pipelines.tasks.reconstruction import ReconstructionReference
from pipelines.tasks.regression import NumberReference
from pipelines.tasks.segmentation import MaskReference

Floats = NDArray[np.float64]
HORIZON = 12  # steps of a forecast
SIDE = 8  # pixels of an image, either way


class Sample(NamedTuple):
    """A reference and the predictions of two contenders, exchangeable with each other."""

    reference: Any
    predictions: tuple[NDArray[Any], NDArray[Any]]
    dependence: Dependence = ALONE


Draw = Callable[[np.random.Generator, int], Sample]


def make_task(kind: dict[str, Any], target: Field, goal: str, inputs: tuple[Field, ...] = ()) -> Task:
    schema = Schema(inputs=inputs, target=target, title="Simulated", origin="", licence="")
    return build_task(settings_from_json(kind), schema, goal)


def category(*labels: str) -> Field:
    return Field(name="label", kind="category", dtype="int64", shape=(), categories=labels)


def image(name: str = "image", kind: FieldKind = "image", categories: tuple[str, ...] = ()) -> Field:
    return Field(name=name, kind=kind, dtype="uint8", shape=(SIDE, SIDE), categories=categories)


def classification_task(goal: str = "log_loss", classes: int = 3) -> Task:
    return make_task({"kind": "classification"}, category(*map(str, range(classes))), goal)


def regression_task(goal: str = "rmse") -> Task:
    return make_task({"kind": "regression"}, Field(name="y", kind="number", dtype="float32", shape=(), unit="m"), goal)


def forecasting_task(goal: str = "mae") -> Task:
    window, future = (
        Field(name=name, kind="steps", dtype="float32", shape=(steps, 1), columns=("load",))
        for name, steps in (("window", 24), ("future", HORIZON))
    )
    loss = {"loss": "quantile"} if goal == "pinball" else {}
    return make_task({"kind": "forecasting", **loss}, future, goal, (window,))


def anomaly_task(goal: str = "auroc") -> Task:
    columns = tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(4))
    settings = {"kind": "anomaly_detection", "normal": "normal"}
    return make_task(settings, category("normal", "odd"), goal, columns)


def segmentation_task(goal: str) -> Task:
    mask = image("mask", "mask", ("sky", "sea", "ship"))
    return make_task({"kind": "segmentation"}, mask, goal, (image(),))


def reconstruction_task(goal: str) -> Task:
    return make_task({"kind": "reconstruction"}, category("a", "b"), goal, (image(),))


def generation_task() -> Task:
    return make_task({"kind": "generation"}, category("a", "b"), "energy_distance", (image(),))


def draw_classes(generator: np.random.Generator, rows: int) -> Sample:
    truth = generator.normal(0, 1.5, (rows, 3))
    codes = (truth + generator.gumbel(size=truth.shape)).argmax(axis=1)
    logits = (truth + generator.normal(0, 0.7, truth.shape) for _ in range(2))
    one, other = (np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in logits)
    return Sample(ClassReference(codes), (one, other))


def draw_two_classes(generator: np.random.Generator, rows: int) -> Sample:
    """A rarer class of which three in ten rows are."""
    truth = generator.normal(-1.2, 1.5, rows)
    codes = (truth + generator.logistic(size=rows) > 0).astype(np.int64)
    one, other = (1 / (1 + np.exp(-truth - generator.normal(0, 0.7, rows))) for _ in range(2))
    return Sample(ClassReference(codes), (np.stack([1 - one, one], axis=1), np.stack([1 - other, other], axis=1)))


def draw_grouped_classes(generator: np.random.Generator, rows: int, size: int = 12) -> Sample:
    """Groups of which some are harder than others."""
    of_row = np.arange(rows) // size
    sample = draw_classes(generator, rows)
    hardness = generator.uniform(0.1, 1.0, of_row[-1] + 1)[of_row][:, None]
    one, other = (each**hardness / (each**hardness).sum(axis=1, keepdims=True) for each in sample.predictions)
    return Sample(sample.reference, (one, other), Dependence("clusters", of_row))


def draw_numbers(generator: np.random.Generator, rows: int) -> Sample:
    true = generator.normal(size=rows)
    shared = generator.normal(0, 0.5, rows)
    one, other = ((true + shared + generator.normal(0, 0.3, rows))[:, None] for _ in range(2))
    return Sample(NumberReference(true), (one, other))


def drifting(generator: np.random.Generator, shape: tuple[int, ...], memory: float) -> Floats:
    """Numbers of spread 1, (..., T), of which each remembers so much of the one before."""
    from scipy.signal import lfilter

    noise = generator.standard_normal((*shape[:-1], shape[-1] + 200)) * np.sqrt(1 - memory**2)
    errors: Floats = lfilter([1], [1, -memory], noise, axis=-1)[..., 200:]
    return errors


def draw_forecasts(
    generator: np.random.Generator, rows: int, memory: float = 0.8, levels: int = 1, shared: float = 0.7
) -> Sample:
    """Errors that drift over the whole series, some of them the same for both."""
    errors = drifting(generator, (3, rows * HORIZON), memory)
    mixed = (shared * errors[0] + np.sqrt(1 - shared**2) * errors[which] for which in (1, 2))
    spread = np.linspace(-1, 1, levels) if levels > 1 else np.zeros(1)
    series = 10 + 2 * drifting(generator, (rows * HORIZON,), memory).reshape(rows, HORIZON, 1)
    one, other = (series[..., None] + each.reshape(rows, HORIZON, 1, 1) + spread for each in mixed)
    reference = ForecastReference(series, np.ones((rows, 1, 1)))
    return Sample(reference, (one, other), Dependence("series", HORIZON * np.arange(rows)))


def draw_anomalies(generator: np.random.Generator, rows: int, share: float = 0.1) -> Sample:
    """Of every set the same share of rows is anomalous."""
    return _score_anomalies(generator, np.arange(rows) < max(2, round(share * rows)))


def draw_found_anomalies(generator: np.random.Generator, rows: int, share: float) -> Sample:
    """As many rows are anomalous as chance has it, on which precision depends."""
    anomalous = generator.random(rows) < share
    return (
        draw_found_anomalies(generator, rows, share) if anomalous.sum() < 2 else _score_anomalies(generator, anomalous)
    )


def _score_anomalies(generator: np.random.Generator, anomalous: NDArray[np.bool_]) -> Sample:
    rows = len(anomalous)
    values = generator.normal(size=(rows, 4))
    common = 1.5 * anomalous + generator.normal(0, 0.7, rows)
    one, other = (
        np.column_stack([common + generator.normal(0, 0.7, rows), values + generator.normal(0, 0.5, values.shape)])
        for _ in range(2)
    )
    return Sample(AnomalyReference(anomalous, values, np.ones_like(values, np.float32)), (one, other))


def draw_masks(generator: np.random.Generator, rows: int) -> Sample:
    codes = np.repeat(generator.integers(0, 3, (rows, SIDE, 1)), SIDE, axis=2)
    one, other = (
        generator.dirichlet(np.ones(3), codes.shape) + np.eye(3)[codes] * generator.uniform(0, 0.6, (rows, 1, 1, 1))
        for _ in range(2)
    )
    one, other = (np.moveaxis(each / each.sum(axis=3, keepdims=True), 3, 1) for each in (one, other))
    return Sample(MaskReference(codes), (one, other))


def draw_pictures(generator: np.random.Generator, rows: int) -> Sample:
    values = generator.integers(0, 256, (rows, SIDE, SIDE)).astype(np.float64)
    flat = values.reshape(rows, -1)
    noise = generator.exponential(20, (rows, 1))
    one, other = (np.column_stack([np.zeros(rows), flat + noise * generator.normal(size=flat.shape)]) for _ in range(2))
    return Sample(ReconstructionReference(values, np.zeros((rows, 0), np.float32)), (one, other))


def draw_drawings(generator: np.random.Generator, rows: int, off: float = 0.0) -> Sample:
    """Soft noise; drawings of the same kind, or so much brighter, as a share of the spread."""

    def some(brighter: float) -> Floats:
        level = generator.normal(128 + 30 * brighter, 30, (rows, 1, 1))
        return np.clip(level + generator.normal(0, 20, (rows, SIDE, SIDE)), 0, 255)

    return Sample(ImageReference(some(0.0)), (some(off), some(off)))

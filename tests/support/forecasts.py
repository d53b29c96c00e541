"""A small forecasting task: windows of three drifting variables, and predictions near what followed."""

from typing import Any

import numpy as np

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.tasks.forecasting import Forecasting, ForecastingSettings

W, H = 12, 4


SEEN, FORECAST = ("wind", "load", "heat"), ("load", "wind")  # in another order, and one that is not forecast


def steps(name: str, length: int, columns: tuple[str, ...], **more: Any) -> Field:
    return Field(name=name, kind="steps", dtype="float32", shape=(length, len(columns)), columns=columns, **more)


def schema(window: tuple[str, ...] = SEEN, target: tuple[str, ...] = FORECAST, horizon: int = H) -> Schema:
    return Schema(
        inputs=(steps("window", W, window),),
        target=steps("future", horizon, target, step="1 h", unit="MW"),
        title="Stand-in",
        origin="made here",
        licence="none",
    )


def task(goal: str | None = None, **settings: Any) -> Forecasting:
    return Forecasting(schema(), ForecastingSettings(**settings), goal)


def part(rows: int = 30, seed: int = 0, horizon: int = H) -> Part:
    """Windows of three drifting variables, each of its own size, the second with a season of 5 steps."""
    generator = np.random.default_rng(seed)
    series = np.cumsum(generator.normal(size=(rows + W + horizon, 3)), axis=0) * (1, 10, 0.1)
    series[:, 1] += 200 * np.sin(np.arange(len(series)) * 2 * np.pi / 5)
    windows = np.stack([series[row : row + W] for row in range(rows)])
    futures = np.stack([series[row + W : row + W + horizon][:, [1, 0]] for row in range(rows)])
    return Part((windows.astype(np.float32),), futures.astype(np.float32))


def predicted(to: Part, levels: int = 9, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(*to.target.shape, levels))
    return np.sort(to.target[..., None] + noise * 3, axis=-1)

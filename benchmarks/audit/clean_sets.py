"""Sets in which nothing is planted: tables and series inside scikit-learn and statsmodels, and generated ones."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets
from statsmodels import datasets as statsmodels_datasets


class TableSet(NamedTuple):
    """A table of numbers."""

    title: str
    columns: dict[str, NDArray[Any]]  # (N,) each
    target: NDArray[Any]  # (N,); floats, or whole numbers from 0 for classes


class SeriesSet(NamedTuple):
    """Variables that were measured at the same steps."""

    title: str
    columns: dict[str, NDArray[Any]]  # (T,) each
    target: str


def bundled_table(title: str, load: Any, *, is_class: bool) -> TableSet:
    data = load()
    names = [str(name) for name in getattr(data, "feature_names", range(data.data.shape[1]))]
    target = data.target.astype(np.int64 if is_class else np.float64)
    return TableSet(title, dict(zip(names, data.data.T.astype(np.float64), strict=True)), target)


def _generated(title: str, examples: tuple[Any, Any], *, is_class: bool) -> TableSet:
    inputs, target = examples
    columns = {f"x{place}": values for place, values in enumerate(inputs.T)}
    return TableSet(title, columns, np.unique(target, return_inverse=True)[1] if is_class else target)


def statsmodels_table(title: str, name: str, target: str, columns: tuple[str, ...], *, is_class: bool) -> TableSet:
    frame = getattr(statsmodels_datasets, name).load_pandas().data
    values = {column: frame[column].to_numpy(np.float64) for column in columns}
    return TableSet(title, values, frame[target].to_numpy(np.int64 if is_class else np.float64))


@cache
def clean_tables() -> tuple[TableSet, ...]:
    """Tables of 150 to 6,366 rows with 2 to 64 columns."""
    return (
        bundled_table("iris", datasets.load_iris, is_class=True),
        bundled_table("wine", datasets.load_wine, is_class=True),
        bundled_table("breast cancer", datasets.load_breast_cancer, is_class=True),
        bundled_table("digits", datasets.load_digits, is_class=True),
        bundled_table("diabetes", datasets.load_diabetes, is_class=False),
        _generated("classification", datasets.make_classification(n_samples=1000, random_state=0), is_class=True),
        _generated(
            "separable classification",
            datasets.make_classification(n_samples=1000, n_features=6, class_sep=2.0, flip_y=0.0, random_state=1),
            is_class=True,
        ),
        _generated("moons", datasets.make_moons(500, noise=0.1, random_state=0), is_class=True),
        _generated("circles", datasets.make_circles(500, noise=0.05, factor=0.5, random_state=0), is_class=True),
        _generated("blobs", datasets.make_blobs(500, n_features=4, random_state=0), is_class=True),
        _generated("hastie", datasets.make_hastie_10_2(2000, random_state=0), is_class=True),
        _generated("quantiles", datasets.make_gaussian_quantiles(n_samples=1000, random_state=0), is_class=True),
        _generated("regression", datasets.make_regression(1000, 12, noise=10.0, random_state=0), is_class=False),
        _generated("friedman 1", datasets.make_friedman1(1000, noise=1.0, random_state=0), is_class=False),
        _generated("friedman 2", datasets.make_friedman2(1000, noise=30.0, random_state=0), is_class=False),
        _generated("friedman 3", datasets.make_friedman3(1000, noise=0.1, random_state=0), is_class=False),
        statsmodels_table(
            "affairs",
            "fair",
            "affairs",
            ("rate_marriage", "age", "yrs_married", "children", "religious", "educ", "occupation"),
            is_class=False,
        ),
    )


def _macrodata(target: str, columns: tuple[str, ...]) -> SeriesSet:
    frame = statsmodels_datasets.macrodata.load_pandas().data
    return SeriesSet(f"macrodata, {target}", {name: frame[name].to_numpy(np.float64) for name in columns}, target)


def _seasonal() -> SeriesSet:
    """A load with a day and a week in it, the temperature behind it, and an hour of the day."""
    generator, steps = np.random.default_rng(0), np.arange(1000)
    temperature = 10 * np.sin(2 * np.pi * steps / 24) + generator.normal(size=len(steps))
    load = 50 + 0.8 * temperature + 4 * np.sin(2 * np.pi * steps / 168) + generator.normal(size=len(steps))
    columns = {"load": load, "temperature": temperature, "hour": (steps % 24).astype(np.float64)}
    return SeriesSet("load and temperature", columns, "load")


@cache
def clean_series() -> tuple[SeriesSet, ...]:
    """Three series of several variables."""
    return (
        _macrodata("realgdp", ("realgdp", "realcons", "realinv", "realdpi", "unemp", "infl")),
        _macrodata("unemp", ("unemp", "realgdp", "tbilrate", "infl")),
        _seasonal(),
    )

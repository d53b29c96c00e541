"""Planted leaks: inputs made from the target, in twenty sets of different kinds, and twenty sets with nothing planted.

python -m benchmarks.audit leaks
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.audit.claim import Finding
from benchmarks.audit.clean_sets import SeriesSet, TableSet, clean_series, clean_tables
from pipelines.data.dataset import Dataset
from pipelines.data.dataset import Finding as DataFinding
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data_checks.context import build_context
from pipelines.data_checks.inputs import check_target_copies
from pipelines.data_checks.target_leakage import check_target_leakage
from pipelines.splitting.settings import SplitSettings, SplitStrategy
from pipelines.splitting.split import split_rows

SETS = 20
NOISE = 0.01  # standard deviations of what the planted column is made from
ALLOWED_FALSE_WARNINGS = 1
WINDOW, HORIZON = 12, 6  # steps

Floats = NDArray[np.float64]


def audit_leaks(repeats: int) -> list[Finding]:
    """Plant each kind of leak in twenty sets, then look at twenty sets as they are; nothing is repeated."""
    return list(_find_leaks())


def _find_leaks() -> Iterator[Finding]:
    for name, plant in TABLE_LEAKS.items():
        found = sum(_is_named(plant_in_table(number, plant), "planted") for number in range(SETS))
        yield Finding(f"planted leaks: {name}", f"{SETS} of {SETS} found", f"{found} of {SETS}", found == SETS)
    for name, shift in SERIES_LEAKS.items():
        found = sum(_is_named(plant_in_series(number, shift), "planted") for number in range(SETS))
        yield Finding(f"planted leaks: {name}", f"{SETS} of {SETS} found", f"{found} of {SETS}", found == SETS)
    clean = [table_dataset(each) for each in clean_tables()] + [series_dataset(each) for each in clean_series()]
    warned = [data.schema.title for data in clean if any(one.level == "warning" for one in leak_findings(data))]
    yield Finding(
        "false warnings about leaks",
        f"at most {ALLOWED_FALSE_WARNINGS} in {len(clean)} clean sets",
        f"{len(warned)}{': ' if warned else ''}{', '.join(warned)}",
        len(warned) <= ALLOWED_FALSE_WARNINGS,
    )


def leak_findings(data: Dataset) -> list[DataFinding]:
    """What the checks of a split say about inputs that give the target away."""
    by: SplitStrategy = "time" if data.schema.target.kind == "steps" else "random"
    rows = split_rows(data, SplitSettings(by=by), seed=0)
    context = build_context(data, rows)
    return [one for one in (check_target_copies(context), check_target_leakage(context)) if one is not None]


def plant_in_table(number: int, plant: Callable[[np.random.Generator, TableSet], dict[str, Floats]]) -> Dataset:
    """A clean table with planted columns."""
    generator = np.random.default_rng(number)
    base = clean_tables()[number % len(clean_tables())]
    planted = plant(generator, base)
    target = planted.pop("target", base.target)
    return table_dataset(TableSet(base.title, {**base.columns, **planted}, target))


def plant_in_series(number: int, shift: Callable[[Floats], Floats]) -> Dataset:
    """Two series that belong together, and one made from the steps to come of the first."""
    generator = np.random.default_rng(number)
    steps = np.arange(600)
    walk = 0.97 if number % 2 else 1.0
    target = np.zeros(len(steps))
    for step, shock in enumerate(generator.normal(size=len(steps) - 1), start=1):
        target[step] = walk * target[step - 1] + shock
    target += 3 * np.sin(2 * np.pi * steps / 24) * (number % 3)
    future = shift(target)
    columns = {
        "target": target[: len(future)],
        "other": np.roll(target, 1)[: len(future)] * 0.5 + generator.normal(size=len(future)),
        "planted": 2.5 * future + 7 + NOISE * 2.5 * target.std() * generator.normal(size=len(future)),
    }
    return series_dataset(SeriesSet("planted", columns, "target"))


def proxy(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """The target in another unit with 1 % of noise."""
    target = base.target.astype(np.float64)
    return {"planted": 1.8 * target + 32 + NOISE * 1.8 * target.std() * generator.normal(size=len(target))}


def log_proxy(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """The logarithm of the target with 1 % of noise."""
    logarithm = np.log1p(base.target - base.target.min())
    return {"planted": logarithm + NOISE * logarithm.std() * generator.normal(size=len(logarithm))}


def flipped_labels(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """The class with 1 % of the rows drawn anew; of a number, the number rounded to a hundredth of its spread."""
    if base.target.dtype.kind == "f":
        step = base.target.std() * 0.02
        return {"planted": np.round(base.target / step) * step + 1000}
    anew = generator.random(len(base.target)) < NOISE
    return {"planted": np.where(anew, generator.permutation(base.target), base.target).astype(np.float64)}


def recorded_afterwards(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """A cell that is filled in where the outcome was above its median, with exceptions in 1 % of the rows."""
    happened = base.target > np.median(base.target) if base.target.dtype.kind == "f" else base.target == 0
    happened ^= generator.random(len(happened)) < NOISE
    return {
        "planted": np.where(happened, generator.normal(size=len(happened)), np.nan),
        "target": (base.target > np.median(base.target)).astype(np.int64)
        if base.target.dtype.kind == "f"
        else (base.target == 0).astype(np.int64),
    }


def sum_of_two(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """The target as a count that is the sum of two other columns."""
    counts = generator.poisson(40, len(base.target)), generator.poisson(150, len(base.target))
    one, other = (each.astype(np.float64) for each in counts)
    return {"planted": one, "planted_too": other, "target": one + other}


def difference_of_two(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    one, other = generator.normal(50, 9, len(base.target)), generator.gamma(3, 5, len(base.target))
    return {"planted": one, "planted_too": other, "target": one - other}


def ratio_of_two(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    one, other = generator.gamma(4, 100, len(base.target)), generator.integers(1, 9, len(base.target)).astype(float)
    return {"planted": one, "planted_too": other, "target": one / other}


def later_than_planned(generator: np.random.Generator, base: TableSet) -> dict[str, Floats]:
    """A class that says whether one column is larger than another."""
    one = generator.normal(100, 30, len(base.target))
    other = one + generator.normal(0, 5, len(base.target))
    return {"planted": one, "planted_too": other, "target": (one > other).astype(np.int64)}


TABLE_LEAKS: dict[str, Callable[[np.random.Generator, TableSet], dict[str, Floats]]] = {
    "proxy with 1 % noise": proxy,
    "logarithm with 1 % noise": log_proxy,
    "class with 1 % of its rows redrawn, or rounded number": flipped_labels,
    "column recorded afterwards": recorded_afterwards,
    "sum of two columns": sum_of_two,
    "difference of two columns": difference_of_two,
    "ratio of two columns": ratio_of_two,
    "class that compares two columns": later_than_planned,
}

SERIES_LEAKS: dict[str, Callable[[Floats], Floats]] = {
    "twin shifted by 3 steps": lambda series: series[3:],
    "twin shifted beyond the horizon": lambda series: series[HORIZON + 3 :],
    "variable from the future (a mean of steps to come)": lambda series: np.convolve(series, np.ones(6) / 6)[6:-5],
}


def table_dataset(table: TableSet) -> Dataset:
    fields = tuple(Field(name=name, kind="number", dtype="float32", shape=()) for name in table.columns)
    is_number = table.target.dtype.kind == "f"
    categories = () if is_number else tuple(f"class {code}" for code in range(int(table.target.max()) + 1))
    target = Field(
        name="outcome",
        kind="number" if is_number else "category",
        dtype="float32" if is_number else "int64",
        shape=(),
        categories=categories,
    )
    schema = Schema(inputs=fields, target=target, title=table.title, origin="", licence="")
    values = tuple(values.astype(np.float32) for values in table.columns.values())
    return Dataset(schema, Part(values, table.target.astype(np.float32 if is_number else np.int64)))


def series_dataset(series: SeriesSet) -> Dataset:
    values = np.stack(list(series.columns.values()), axis=1).astype(np.float32)  # (steps, variables)
    names = tuple(series.columns)
    place, length = names.index(series.target), len(values)
    origins = np.arange(WINDOW, length - HORIZON + 1)
    windows = np.stack([values[origin - WINDOW : origin] for origin in origins])
    future = np.stack([values[origin : origin + HORIZON, [place]] for origin in origins])
    inputs = Field(name="past", kind="steps", dtype="float32", shape=windows.shape[1:], columns=names)
    target = Field(name="future", kind="steps", dtype="float32", shape=future.shape[1:], columns=(series.target,))
    schema = Schema(inputs=(inputs,), target=target, title=series.title, origin="", licence="")
    return Dataset(schema, Part((windows,), future), keys={"origin": origins, "known": origins - 1})


def _is_named(data: Dataset, name: str) -> bool:
    return any(one.level == "warning" and name in one.sentence for one in leak_findings(data))

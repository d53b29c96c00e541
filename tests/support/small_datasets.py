"""Small data sets for the data checks: images of two classes, and a table."""

import numpy as np

from pipelines.data.dataset import Dataset, Finding
from pipelines.data.parts import PARTS, Part
from pipelines.data.schema import Field, Schema
from pipelines.data_checks.checks import run_checks
from pipelines.splitting.split import (
    SplitRows,
)


def few_classes(images: np.ndarray, target: list[int], names: tuple[str, ...] = ("cat", "dog")) -> Dataset:
    schema = Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=images.shape[1:], range=(0, 255)),),
        target=Field(name="animal", kind="category", dtype="int64", shape=(), categories=names),
        title="Animals",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part((images,), np.array(target)))


def noise(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def thirds(count: int) -> SplitRows:
    return {name: np.arange(place, count, 3) for place, name in enumerate(PARTS)}


def found(data: Dataset, rows: SplitRows, check: str) -> Finding:
    return next(finding for finding in run_checks(data, rows) if finding.check == check)


def table(columns: dict[str, np.ndarray], target: np.ndarray, name: str = "height") -> Dataset:
    """Numbers and, from whole numbers, categories; rows that are one of each."""
    fields = tuple(
        Field(name=column, kind="number", dtype="float32", shape=())
        if values.dtype.kind == "f"
        else Field(name=column, kind="category", dtype="int64", shape=(), categories=("a", "b", "c"))
        for column, values in columns.items()
    )
    kind = "number" if target.dtype.kind == "f" else "category"
    names = ("no", "yes") if kind == "category" else ()
    schema = Schema(
        inputs=fields,
        target=Field(
            name=name, kind=kind, dtype=str(target.dtype), shape=(), categories=names, unit="cm" * (not names)
        ),
        title="People",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part(tuple(columns.values()), target))


def draws(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)

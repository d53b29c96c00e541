"""Small data sets to be split."""

import numpy as np
from hypothesis import strategies as st

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.splitting.split import SplitSettings


def examples(values: list[int], labels: list[int]) -> Dataset:
    """Examples that are one number each; equal numbers are identical examples."""
    schema = Schema(
        inputs=(Field(name="value", kind="image", dtype="int64", shape=()),),
        target=Field(
            name="label", kind="category", dtype="int64", shape=(), categories=tuple(map(str, range(max(labels) + 1)))
        ),
        title="Numbers",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part((np.array(values),), np.array(labels)))


def classes_of(counts: list[int]) -> Dataset:
    """Different examples, so many of each class."""
    return examples(list(range(sum(counts))), [code for code, count in enumerate(counts) for _ in range(count)])


chosen = st.tuples(st.floats(0.05, 0.4), st.floats(0.05, 0.4)).map(lambda two: SplitSettings(valid=two[0], test=two[1]))


seeds = st.integers(0, 2**31)


labelled = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), min_size=60, max_size=200)

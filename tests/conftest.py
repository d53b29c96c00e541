"""What several files of tests start from: a small real problem, split and augmented as the stages do it."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.sources import load
from pipelines.sources.data import Data
from pipelines.sources.parts import Part, read_part, write_part
from pipelines.sources.schema import read_schema
from pipelines.sources.scikit_learn import ScikitLearnSettings
from pipelines.sources.splitting import SplitSettings, split, write_split
from pipelines.training.augmentation import AugmentSettings, copies
from pipelines.training.lesson import Lesson

SMALL = 400  # of the 1,797 digits


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """split/ and augmented/ of 400 digits, with two draws each."""
    folder = tmp_path_factory.mktemp("digits")
    everything = load(ScikitLearnSettings(kind="sklearn", dataset="digits"))
    few = Part(tuple(values[:SMALL] for values in everything.part.inputs), everything.part.target[:SMALL])
    data = Data(everything.schema, few, everything.notes)
    write_split(folder / "split", data, split(data, SplitSettings(valid=0.2, test=0.2, by="stratified"), seed=1))
    schema = read_schema(folder / "split" / "schema.json")
    settings = AugmentSettings(copies=2, shift=1, rotate=10)
    drawn = copies(read_part(folder / "split" / "train", schema), schema, settings, seed=1)
    write_part(folder / "augmented" / "train", schema, drawn)
    return folder


@pytest.fixture
def lesson(digits_folder: Path) -> Lesson:
    return lesson_of(digits_folder, "mlp")


def lesson_of(folder: Path, architecture: str) -> Lesson:
    return Lesson(
        architecture=architecture,
        task="classification",
        goal=None,
        schema=folder / "split" / "schema.json",
        train=folder / "augmented" / "train",
        valid=folder / "split" / "valid",
        augment=AugmentSettings(copies=2, shift=1, rotate=10),
        device="cpu",
    )


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The tests compute as the workers do."""
    import torch

    torch.set_num_threads(1)


def same_arrays(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)

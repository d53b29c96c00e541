"""What is too large for memory stays in its files, and everything learned from it is the same to the byte."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from pipelines.data import large_arrays
from pipelines.data.parts import Part, read_part
from pipelines.data.schema import Field, Schema
from pipelines.training import feature_cache, gradient, learners
from pipelines.training import job as training_job_module
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import TrainingJob, load_training_data
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

BUDGET = epochs(2)
LIVE = AugmentSettings(copies="live", shift=1, rotate=10, noise=3, erase=0.3)
SHIFT = AugmentSettings(copies=2, shift=1)
ENTRIES = [  # architecture and problem: every learner, every kind of field
    ("mlp", "digits"),
    ("lenet5", "digits"),
    ("logistic_regression", "digits"),
    ("mlp", "cells"),
    ("mlp", "texts"),
    ("mlp", "diabetes"),
    ("esn", "sunspots"),
    ("lstm", "sunspots"),
    ("pixel_logistic_regression", "shapes"),
    ("pca", "noisy"),
    ("vae", "drawings"),
    ("gan", "drawings"),
]


@pytest.fixture
def nothing_fits(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """From its call on, a few bytes are too many for memory."""

    def begin() -> None:
        monkeypatch.chdir(tmp_path)
        for module in (training_job_module, gradient, feature_cache, learners):
            monkeypatch.setattr(module, "MMAP_THRESHOLD_BYTES", 8)
        monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 8)
        load_training_data.cache_clear()

    yield begin
    load_training_data.cache_clear()


def train_from_disk(job: TrainingJob, folder: Path) -> tuple[object, list[bytes]]:
    result = run_trial(TrialSpec(job, make_settings(job.architecture, job.task_settings.kind, {}), 7, folder, BUDGET))
    assert result.score is not None, result.reason
    return result, [path.read_bytes() for path in sorted(folder.glob("best.*"))]


@pytest.mark.parametrize(("architecture", "problem"), ENTRIES)
def test_training_from_mapped_files_equals_training_in_memory(
    architecture: str,
    problem: str,
    folder_of_few: Callable[[str], Path],
    nothing_fits: Callable[[], None],
    tmp_path: Path,
) -> None:
    job = training_job_of(folder_of_few(problem), architecture, problem)
    resident = train_from_disk(job, tmp_path / "resident")
    nothing_fits()
    assert train_from_disk(job, tmp_path / "mapped") == resident


def test_live_draws_are_the_same_in_files_and_in_memory(
    folder_of: Callable[[str], Path], nothing_fits: Callable[[], None], tmp_path: Path
) -> None:
    job = replace(training_job_of(folder_of("digits"), "mlp"), augment=LIVE)
    resident = train_from_disk(job, tmp_path / "resident")
    nothing_fits()
    assert train_from_disk(job, tmp_path / "mapped") == resident


def test_stored_draws_are_the_same_in_files_and_in_memory(nothing_fits: Callable[[], None]) -> None:
    part = Part((np.random.default_rng(0).integers(0, 256, (9, 8, 8), dtype=np.uint8),), np.arange(9))
    schema = schema_of((8, 8), "int64", ("a", "b"))
    resident = augmented_copies(part, schema, SHIFT, seed=3)
    nothing_fits()
    mapped = augmented_copies(part, schema, SHIFT, seed=3)
    assert isinstance(mapped.inputs[0], np.memmap)
    np.testing.assert_array_equal(mapped.inputs[0], resident.inputs[0])


def test_large_columns_are_read_from_the_files_and_not_copied(
    job: TrainingJob, nothing_fits: Callable[[], None]
) -> None:
    resident = load_training_data(job)
    assert not np.shares_memory(resident.train[0].inputs[0].numpy(), resident.part.inputs[0])
    nothing_fits()
    mapped = load_training_data(job)
    assert isinstance(mapped.part.inputs[0], np.memmap)
    assert np.shares_memory(mapped.train[0].inputs[0].numpy(), mapped.part.inputs[0])


def schema_of(shape: tuple[int, ...], dtype: str, labels: tuple[str, ...]) -> Schema:
    image = Field(name="image", kind="image", dtype="uint8", shape=shape, range=(0, 255))
    target = Field(name="class", kind="category", dtype=dtype, shape=(), categories=labels)
    return Schema(inputs=(image,), target=target, title="", origin="", licence="")


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="needs to know how much memory there is")
def test_a_part_larger_than_memory_is_opened_without_being_loaded(tmp_path: Path) -> None:
    """The file is sparse: a header, and zeros that take no space."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    rows = 2 * memory // 32**2
    with (tmp_path / "image.npy").open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (rows, 32, 32)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * 32**2)
    np.save(tmp_path / "class.npy", np.zeros(3, dtype=np.int64))
    before = psutil.Process().memory_info().rss
    part = read_part(tmp_path, schema_of((32, 32), "int64", ("a",)))
    assert part.inputs[0].shape == (rows, 32, 32)
    assert not part.inputs[0][rows - 1].any()
    assert psutil.Process().memory_info().rss - before < 10_000_000

"""What draws its input again, of every form, with a part of noise and predictions for it."""

from typing import Any, TypeAlias

import numpy as np
import pytest
import torch

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.tasks import TASKS
from pipelines.tasks.anomaly_detection import AnomalyDetection, AnomalyDetectionSettings
from pipelines.tasks.denoising import Denoising, DenoisingSettings
from pipelines.tasks.reconstruction import Reconstruction, ReconstructionSettings

LABEL = Field(name="label", kind="category", dtype="int64", shape=(), categories=("good", "bad", "odd"))
Reconstructing: TypeAlias = Reconstruction | Denoising | AnomalyDetection


def image(name: str, shape: tuple[int, ...] = (8, 8)) -> Field:
    return Field(name=name, kind="image", dtype="uint8", shape=shape)


def numbers(count: int) -> tuple[Field, ...]:
    return tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(count))


def schema(inputs: tuple[Field, ...], target: Field) -> Schema:
    return Schema(inputs=inputs, target=target, title="Stand-in", origin="made here", licence="none")


def reconstruction(inputs: tuple[Field, ...], goal: str | None = None, **settings: Any) -> Reconstruction:
    return Reconstruction(schema(inputs, LABEL), ReconstructionSettings(**settings), goal)


def anomaly_detection(inputs: tuple[Field, ...], goal: str | None = None) -> AnomalyDetection:
    return AnomalyDetection(schema(inputs, LABEL), AnomalyDetectionSettings(normal="good"), goal)


def denoising(goal: str | None = None) -> Denoising:
    return Denoising(schema((image("noisy"),), image("clean")), DenoisingSettings(), goal)


IMAGES, TABLE = reconstruction((image("picture"),)), reconstruction(numbers(4))
DENOISING = denoising()
ODD_ROWS, ODD_IMAGES = anomaly_detection(numbers(4)), anomaly_detection((image("picture"),))

EVERY_FORM = pytest.mark.parametrize(
    "which",
    [IMAGES, DENOISING, TABLE, ODD_ROWS, ODD_IMAGES],
    ids=["images", "denoising", "table", "odd rows", "odd images"],
)


def with_goal(which: Reconstructing, goal: str) -> Reconstructing:
    """The same task with another goal."""
    target = image("clean") if which.name == "denoising" else LABEL
    task: Reconstructing = TASKS[which.name](schema(which.input_fields, target), which.settings, goal)
    return task


def part(which: Reconstructing, rows: int = 12, seed: int = 0) -> Part:
    """A part of noise; of a table, some cells are missing; labels of all kinds."""
    generator = np.random.default_rng(seed)
    labels = np.resize([0, 0, 1, 2], rows).astype(np.int64)
    if which.form.is_image:
        pictures = [generator.integers(0, 256, (rows, *which.form.shape), dtype=np.uint8) for _ in range(2)]
        return Part((pictures[0],), pictures[1] if which.name == "denoising" else labels)
    columns = generator.normal([0, 10, -5, 1000], [1, 2, 0.1, 300], size=(rows, 4)).astype(np.float32)
    columns[::5, 1] = np.nan
    return Part(tuple(np.ascontiguousarray(column) for column in columns.T), labels)


def predicted(which: Reconstructing, of: Part, seed: int = 1) -> np.ndarray:
    """Predictions (N, 1 + D) half-way between the truth and something else, with the score the graph gives them."""
    generator = torch.Generator().manual_seed(seed)
    transform = which.output_transform(of)
    columns = [torch.from_numpy(values) for values in which.raw_inputs(of)]
    wanted = transform.inverse(torch.from_numpy(which.target(of).values), *columns).flatten(1)
    outputs = wanted * torch.rand(len(wanted), 1, generator=generator) + 0.2 * torch.randn(
        wanted.shape, generator=generator
    )
    return which.postprocess()(transform(outputs, *columns)).numpy()

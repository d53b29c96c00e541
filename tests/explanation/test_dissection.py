"""Dissection finds a unit that was made to be a class, and knows what chance would give."""

from typing import Any

import numpy as np
import pytest
import torch

from models.stems import Model
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.explanation.dissection import dissect_network, explain_no_units, score_unit
from pipelines.explanation.subject import Effort, Subject
from pipelines.tasks.segmentation import Segmentation, SegmentationSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import build_model
from tests.support.planted import PlantedData, make_subject, train_subject

SIDE, ROWS = 18, 24  # pictures that the network pads, so that maps are larger than masks


def bright_discs() -> PlantedData:
    """Bright discs on dark noise, and masks that say where they are; class `edge` is never there."""
    generator = np.random.default_rng(0)
    places = generator.uniform(4, SIDE - 4, (ROWS, 2, 1, 1))
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij"))
    inside = np.square(grid - places).sum(axis=1) < 9
    pictures = np.where(inside, 200, 40) + generator.integers(-20, 20, inside.shape)
    schema = Schema(
        inputs=(Field(name="picture", kind="image", dtype="uint8", shape=(SIDE, SIDE), range=(0, 255)),),
        target=Field(
            name="mask", kind="mask", dtype="uint8", shape=(SIDE, SIDE), categories=("ground", "disc", "edge")
        ),
        title="discs", origin="drawn", licence="none",
    )  # fmt: skip
    return PlantedData(schema, Part((pictures.astype(np.uint8),), inside.astype(np.uint8)), inside)


@pytest.fixture(scope="module")
def subject() -> Subject:
    data = bright_discs()
    task = Segmentation(data.schema, SegmentationSettings(background="ground"))
    torch.manual_seed(0)
    settings = make_settings("unet", "segmentation", {"width": 6, "depth": 2})
    model = build_model("unet", task, settings, data.part).eval()
    return make_subject("unet", task, data, model)


def make_concept(model: Model) -> None:
    """Make unit 4 of the first layer as bright as the picture."""
    network: Any = model.network
    with torch.no_grad():
        weight = network.down[0][0][0].weight
        weight[4] = 0
        weight[4, 0, 1, 1] = 1


def test_a_unit_that_was_made_a_class_is_found(subject: Subject) -> None:
    make_concept(subject.model)  # type: ignore[arg-type]  # one network
    found = dissect_network(subject, Effort(rows=4))
    best = found.units[0]
    assert (best.layer, best.unit, best.concept) == ("down.0.0.2", 4, "disc")
    assert best.overlap > 0.95
    assert best.chance < 0.1
    np.testing.assert_array_equal(found.areas[best].mean() > 0, True)
    shown = subject.part.target[found.rows] == 1
    assert (found.areas[best] & shown).sum() > 0.95 * shown.sum()


def test_units_that_know_nothing_do_as_chance_says() -> None:
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(10, 50, 50, generator=generator) < 0.2
    unit, area = score_unit("layer", 0, "spot", torch.rand(10, 50, 50, generator=generator), mask)
    assert unit.chance == pytest.approx(0.2 / 1.8, rel=0.05)
    assert unit.overlap == pytest.approx(unit.chance, rel=0.1)
    assert area.float().mean().item() == pytest.approx(mask.float().mean().item())


def test_a_class_that_is_nowhere_is_no_concept(subject: Subject) -> None:
    found = dissect_network(subject, Effort(rows=2))
    assert {one.concept for one in found.units} == {"disc"}


def test_what_has_no_masks_says_so() -> None:
    from tests.support.planted import plant_table

    assert "masks" in explain_no_units(train_subject("mlp", plant_table(), passes=1))

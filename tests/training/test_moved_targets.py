"""Masks and clean images move with their image, by the same draw."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.reporting.plots.augmentation_preview import write_preview
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmentation import apply_affine, augment_batch, augment_with_target, border_class
from pipelines.training.augmented_copies import augmented_copies, sample_for_preview
from pipelines.training.contender_settings import make_settings
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

MOVEMENT = AugmentSettings(copies=1, crop=0.4, shift=2, rotate=40, scale=0.2, flip_horizontal=True, flip_vertical=True)
EVERYTHING = MOVEMENT.model_copy(update={"erase": 0.5, "noise": 30})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 40, size: int = 12) -> Tensor:
    """Bright rectangles on dark ground, (N, H, W) uint8: the mask of one is where it is bright."""
    drawn = torch.randint(0, 100, (count, size, size), dtype=torch.uint8, generator=generator(1))
    drawn[:, 3:7, 2:8] += 150
    return drawn


def mask_of(images: Tensor, bright: int = 128) -> Tensor:
    return (images > bright).to(torch.uint8)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (1, 0), (0, -2), (3, 4), (-11, 5)])
@pytest.mark.parametrize("flip", [(1, 1), (-1, 1), (1, -1), (-1, -1)])
def test_a_mask_that_was_moved_is_the_mask_of_the_picture_that_was(
    right: int, down: int, flip: tuple[int, int]
) -> None:
    images = pictures()
    ones = torch.ones(len(images))
    how = (0 * ones, ones, torch.tensor([right, down]).float().repeat(len(images), 1))
    flips = torch.tensor(flip).float().repeat(len(images), 1)
    moved = apply_affine(images[:, None].float(), *how, flips).round()
    mask = apply_affine(mask_of(images)[:, None].float(), *how, flips, is_mask=True)
    assert torch.equal(mask_of(moved).float(), mask)


@pytest.mark.parametrize("classes", [(0, 1), (0, 9), (3, 250), (0, 1, 2)])
def test_no_class_is_made_up_between_two(classes: tuple[int, ...]) -> None:
    masks = torch.tensor(classes, dtype=torch.uint8)[torch.randint(len(classes), (30, 15, 9), generator=generator())]
    _, moved = augment_with_target(masks, masks, EVERYTHING, generator(), is_mask=True)
    assert moved.dtype == torch.uint8
    assert set(moved.unique().tolist()) <= set(classes)


def test_outside_a_mask_lies_the_commonest_class_of_its_border() -> None:
    masks = torch.zeros(2, 1, 6, 6)
    masks[0, 0] = 2
    masks[1, 0, 0] = 1
    masks[1, 0, 1:3, 1:5] = 2  # commoner, but not at the border
    assert border_class(masks).flatten().tolist() == [2, 0]
    assert border_class(torch.tensor([[[[5.0, 3.0], [3.0, 5.0]]]])).item() == 3


def test_a_clean_image_moves_as_its_noisy_one_and_is_neither_hidden_nor_noisy() -> None:
    clean = pictures()
    noisy, moved = augment_with_target(clean, clean, EVERYTHING, generator(), is_mask=False)
    assert torch.equal(noisy, augment_batch(clean, EVERYTHING, generator()))
    assert torch.equal(moved, augment_batch(clean, MOVEMENT, generator()))
    unmoved = AugmentSettings(copies=1, erase=0.5, noise=9)
    assert torch.equal(augment_with_target(clean, clean, unmoved, generator(), is_mask=False)[1], clean)


def test_a_colour_image_moves_with_a_grey_mask() -> None:
    colour = pictures()[..., None].repeat(1, 1, 1, 3)
    drawn, moved = augment_with_target(colour, mask_of(pictures()), MOVEMENT, generator(), is_mask=True)
    assert drawn.shape == colour.shape
    agreement = (mask_of(drawn[..., 0]) == moved).float().mean()
    assert agreement > 0.95, "they differ at edges alone, which are smooth in the one and not in the other"


@pytest.mark.parametrize("crop", [0.2, 0.9])
def test_a_crop_shows_a_part_of_the_image_and_nothing_outside_it(crop: float) -> None:
    across = torch.arange(1, 33).repeat(300, 32, 1).to(torch.uint8) * 4  # every column has a value of its own
    across[:, 0] = 255  # the background would be seen
    drawn = augment_batch(across, AugmentSettings(copies=1, crop=crop), generator()).float()[:, 8:-8, 2:-2]
    step = (drawn[:, :, -1] - drawn[:, :, 0]).mean(1) / (drawn.shape[2] - 1) / 4  # columns of the image per column
    assert step.max() <= 1.02
    assert step.min() == pytest.approx(1 - crop, abs=0.05)
    assert drawn[:, :, 0].max() > 4 * (1 + 16 * crop)  # the part may be anywhere


def schema_of(target: str, images: int = 1) -> Schema:
    field = Field(name="image", kind="image", dtype="uint8", shape=(12, 12), range=(0, 255))
    inputs = tuple(field.model_copy(update={"name": f"image{place}" if place else "image"}) for place in range(images))
    goal = Field.model_validate({**field.model_dump(), "name": "target", "kind": target, "categories": ("a", "b")})
    return Schema(inputs=inputs, target=goal, title="Bright", origin="made here", licence="none")


@pytest.mark.parametrize("kind", ["mask", "image"])
def test_stored_copies_have_their_targets_moved(kind: str, tmp_path: Path) -> None:
    images = pictures().numpy()
    target = mask_of(pictures()).numpy() if kind == "mask" else images // 2
    settings = EVERYTHING.model_copy(update={"copies": 2})
    (stacked,), moved = augmented_copies(Part((images,), target), schema_of(kind), settings, seed=20)
    assert moved.shape == (3, *target.shape)
    np.testing.assert_array_equal(moved[0], target)
    for number in (1, 2):
        drawn = generator(derive_seed(20, "image", number))
        pair = (torch.from_numpy(values) for values in (images, target))
        expected = augment_with_target(*pair, settings, drawn, is_mask=kind == "mask")
        np.testing.assert_array_equal(stacked[number], expected[0].numpy())
        np.testing.assert_array_equal(moved[number], expected[1].numpy())
    for name, part in (
        ("stored", Part((stacked,), moved)),
        ("live", sample_for_preview(Part((images,), target), schema_of(kind), settings, 20)),
    ):
        write_preview(tmp_path / f"{name}.png", schema_of(kind), part, "Turned")
        assert (tmp_path / f"{name}.png").exists()


def test_a_mask_of_several_images_is_refused() -> None:
    images = pictures().numpy()
    sentence = r"augment.copies: the target is of kind mask and moves with its image, but there are 2: image, image1"
    with pytest.raises(UserError, match=sentence):
        augmented_copies(Part((images, images), images), schema_of("mask", 2), MOVEMENT, seed=0)


@pytest.mark.parametrize(("problem", "architecture"), [("shapes", "unet"), ("noisy", "conv_autoencoder")])
def test_live_draws_move_the_target_too(
    folder_of: Callable[[str], Path], tmp_path: Path, problem: str, architecture: str
) -> None:
    live = AugmentSettings(copies="live", crop=0.2, shift=1, flip_horizontal=True)
    job = replace(training_job_of(folder_of(problem), architecture, problem), augment=live)
    settings = make_settings(architecture, job.task_settings.kind, {"width": 8, "depth": 1})
    first, again = (run_trial(TrialSpec(job, settings, 3, tmp_path / name, epochs(3))) for name in ("first", "again"))
    losses = [epoch["train_loss"] for epoch in first.history]
    assert losses[-1] < losses[0]
    assert first == again

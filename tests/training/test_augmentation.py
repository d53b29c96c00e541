"""What a draw does to an image, and what it leaves alone."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from pipelines.training import augmentation
from pipelines.training.augment_settings import AugmentSettings, describe_augmentation
from pipelines.training.augmentation import TRANSFORMS, apply_affine, augment_batch, border_median

SHAPES = [(6, 8, 8), (6, 9, 14), (6, 8, 8, 1), (6, 12, 7, 3), (1, 1, 1), (2, 40, 40, 3)]
ON = {  # a value that turns each setting on
    "crop": 0.3,
    "shift": 0.9,
    "rotate": 40,
    "scale": 0.3,
    "flip_horizontal": True,
    "flip_vertical": True,
    "erase": 0.6,
    "noise": 20,
}
EVERYTHING = AugmentSettings.model_validate({"copies": 2, **ON})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(*shape: int) -> Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator(9))


def moved(images: Tensor, degrees: float = 0, factor: float = 1, right: float = 0, down: float = 0) -> Tensor:
    """The same movement of every image, (N, H, W) uint8."""
    ones = torch.ones(len(images))
    shift = torch.tensor([float(right), float(down)]).repeat(len(images), 1)
    result = apply_affine(images[:, None].float(), degrees * ones, factor * ones, shift, torch.ones_like(shift))
    return result[:, 0].round().clamp(0, 255).to(torch.uint8)


def on_black(size: int = 8, inner: int = 4) -> Tensor:
    """Random pixels in the middle of black images, so that the background is 0."""
    images = torch.zeros(5, size, size, dtype=torch.uint8)
    edge = (size - inner) // 2
    images[:, edge:-edge, edge:-edge] = random_images(5, inner, inner)
    return images


def test_every_setting_but_copies_turns_on_one_transform() -> None:
    names = [name for transform in TRANSFORMS for name in transform.setting_names]
    assert sorted([*names, "copies"]) == sorted(AugmentSettings.model_fields)
    assert set(ON) == set(names)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ON)
def test_a_draw_keeps_shape_and_type_and_leaves_the_original_alone(name: str, shape: tuple[int, ...]) -> None:
    images = random_images(*shape)
    before = images.clone()
    drawn = augment_batch(images, AugmentSettings.model_validate({"copies": 1, name: ON[name]}), generator())
    assert drawn.shape == images.shape
    assert drawn.dtype == torch.uint8
    assert torch.equal(images, before)


@pytest.mark.parametrize("name", ON)
def test_every_transform_changes_something(name: str) -> None:
    images = random_images(6, 8, 8)
    drawn = augment_batch(images, AugmentSettings.model_validate({"copies": 1, name: ON[name]}), generator())
    assert not torch.equal(drawn, images)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_settings_a_draw_is_the_image_itself(shape: tuple[int, ...]) -> None:
    images = random_images(*shape)
    assert torch.equal(augment_batch(images, AugmentSettings(), generator()), images)


@pytest.mark.parametrize("transform", TRANSFORMS, ids=lambda transform: transform.apply.__name__)
def test_a_transform_whose_settings_are_zero_changes_nothing(transform: augmentation.Transform) -> None:
    images = random_images(6, 3, 9, 14).float()
    assert torch.equal(transform.apply(images, AugmentSettings(), generator()).round(), images)


@given(seed=st.integers(0, 2**31), height=st.integers(1, 12), width=st.integers(1, 12))
def test_the_same_generator_gives_the_same_bytes(seed: int, height: int, width: int) -> None:
    images = random_images(4, height, width)
    settings = EVERYTHING.model_copy(update={"shift": 0.5})
    first, again = (augment_batch(images, settings, generator(seed)) for _ in range(2))
    assert torch.equal(first, again)


def test_the_number_of_threads_does_not_change_a_byte() -> None:
    images, threads = random_images(300, 28, 28, 3), torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append(augment_batch(images, EVERYTHING, generator()))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


@pytest.mark.parametrize(("right", "down"), [(1, 0), (0, 1), (-2, 0), (0, -2), (2, -1)])
def test_a_whole_pixel_shift_moves_every_pixel_unchanged(right: int, down: int) -> None:
    images = on_black()
    assert torch.equal(moved(images, right=right, down=down), images.roll((down, right), (1, 2)))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_rot90(quarters: int) -> None:
    images = random_images(5, 8, 8)
    assert torch.equal(moved(images, degrees=90 * quarters), images.rot90(quarters, (1, 2)))


def test_a_turn_keeps_shapes_in_images_that_are_not_square() -> None:
    images = torch.zeros(1, 9, 21, dtype=torch.uint8)
    images[:, 2:7, 8:13] = random_images(1, 5, 5)  # a square in the middle of a wide image
    expected = images.clone()
    expected[:, 2:7, 8:13] = images[:, 2:7, 8:13].rot90(1, (1, 2))
    assert torch.equal(moved(images, degrees=90), expected)


def test_twice_as_large_doubles_a_square() -> None:
    images = torch.zeros(1, 16, 16, dtype=torch.uint8)
    images[:, 6:10, 6:10] = 255
    area = moved(images, factor=2).float().sum() / 255
    assert area.item() == pytest.approx(64, rel=0.05)


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 2), ("flip_vertical", 1)])
def test_half_of_the_draws_are_flipped_and_the_others_are_not(name: str, axis: int) -> None:
    images = random_images(400, 5, 6)
    drawn = augment_batch(images, AugmentSettings.model_validate({"copies": 1, name: True}), generator())
    flipped = (drawn == images.flip(axis)).flatten(1).all(1)
    assert torch.equal(~flipped, (drawn == images).flatten(1).all(1))
    assert flipped.float().mean().item() == pytest.approx(0.5, abs=0.1)  # 4 standard deviations of 400 coins


def test_shifts_fill_their_range_and_stay_in_it() -> None:
    images = torch.zeros(500, 15, 15, dtype=torch.uint8)
    images[:, 6:9, 6:9] = 200
    drawn = augment_batch(images, AugmentSettings(copies=1, shift=3), generator()).float()
    columns = (drawn.sum(1) * torch.arange(15)).sum(1) / drawn.sum((1, 2)) - 7  # (N,), how far the centre moved
    assert columns.abs().max() <= 3.05
    assert columns.max() > 2.7
    assert columns.min() < -2.7


@pytest.mark.parametrize("shape", [(50, 40, 40), (20, 40, 40, 3)])
def test_noise_has_the_standard_deviation_that_was_asked_for(shape: tuple[int, ...]) -> None:
    grey = torch.full(shape, 128, dtype=torch.uint8)
    noise = augment_batch(grey, AugmentSettings(copies=1, noise=12), generator()).float() - 128
    # rounding to whole grey levels adds a variance of 1/12
    assert noise.std().item() == pytest.approx((12**2 + 1 / 12) ** 0.5, rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.2)


def test_colours_get_noise_of_their_own_but_move_together() -> None:
    colour = random_images(4, 9, 9)[..., None].expand(-1, -1, -1, 3).contiguous()
    still = augment_batch(colour, EVERYTHING.model_copy(update={"noise": 0}), generator())
    assert torch.equal(still[..., 0], still[..., 2])
    noisy = augment_batch(colour, AugmentSettings(copies=1, noise=20), generator())
    assert not torch.equal(noisy[..., 0], noisy[..., 2])


def test_erasing_hides_one_rectangle_no_larger_than_allowed() -> None:
    images = torch.full((300, 10, 20), 200, dtype=torch.uint8)
    images[:, 0] = images[:, -1] = images[:, :, 0] = images[:, :, -1] = 0  # the background is 0
    inner = augment_batch(images, AugmentSettings(copies=1, erase=0.4), generator())[:, 1:-1, 1:-1] == 0
    rows, columns = inner.any(2), inner.any(1)  # (N, 8), (N, 18)
    assert torch.equal(inner, rows[:, :, None] & columns[:, None, :])
    assert int(rows.sum(1).max()) == 4
    assert int(columns.sum(1).max()) == 8
    assert inner.flatten(1).any(1).float().mean() > 0.5


def test_erasing_reaches_the_last_row_and_the_last_column() -> None:
    images = torch.zeros(300, 8, 8, dtype=torch.uint8)
    images[:, -1, 4:] = images[:, 4:, -1] = 200  # a corner; most of the border is 0
    drawn = augment_batch(images, AugmentSettings(copies=1, erase=0.3), generator())
    assert (drawn[:, -1, 4] == 0).any()
    assert (drawn[:, 4, -1] == 0).any()
    assert (drawn[:, -1, -1] == 0).any()


@pytest.mark.parametrize("level", [0, 77, 255])
def test_outside_an_image_lies_its_background(level: int) -> None:
    images = torch.full((3, 8, 8), level, dtype=torch.uint8)
    images[:, 3:5, 3:5] = 128
    images[0, 0, 0] = 128  # one odd pixel in the border
    assert border_median(images[:, None].float()).flatten().tolist() == [level] * 3
    assert set(moved(images, right=5)[:, :, :4].flatten().tolist()) <= {level, 128}
    assert torch.equal(moved(images, right=7)[1:, :, :6], torch.full((2, 8, 6), level, dtype=torch.uint8))


def test_turning_a_setting_on_leaves_the_draws_of_the_others_as_they_were() -> None:
    images = random_images(6, 9, 9)
    plain = augment_batch(images, AugmentSettings(copies=1, shift=2), generator())
    also = augment_batch(images, AugmentSettings(copies=1, shift=2, rotate=1e-6, scale=1e-7), generator())
    assert torch.equal(plain, also)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"copies": -1, "shift": 1}, "must be a whole number from 0 up, or live, got -1"),
        ({"copies": 1.5, "shift": 1}, "got 1.5"),
        ({"copies": True, "shift": 1}, "got True"),
        ({"copies": "alive", "shift": 1}, "got 'alive'"),
        ({"shift": -1}, "must be 0 or more, in pixels, got -1"),
        ({"shift": float("inf")}, "must be 0 or more, in pixels, got inf"),
        ({"rotate": 181}, "must be from 0 to 180, in degrees, got 181"),
        ({"scale": 1}, "must be from 0 to 0.9, in a share of the size, got 1"),
        ({"noise": 256}, "must be from 0 to 255, in grey levels, got 256"),
        ({"crop": 1}, "must be from 0 to 0.9, in a share of the side, got 1"),
        ({"erase": float("nan")}, "must be from 0 to 0.9, in a share of the side, got nan"),
        ({"copies": 3}, "copies is 3, but every draw would be the example itself; set one of shift, rotate"),
        ({"copies": "live", "rotate": 0}, "copies is live, but every draw"),
        ({"rotation": 10}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_settings_are_refused_in_a_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        AugmentSettings.model_validate(wrong)


def test_settings_are_described_in_words() -> None:
    settings = AugmentSettings(copies=3, shift=1, rotate=10, scale=0.1)
    assert describe_augmentation(settings) == (
        "3 augmented copies per example: moved by up to 1 pixel, turned by up to 10°, larger or smaller by up to 10 %"
    )
    assert describe_augmentation(AugmentSettings(shift=1)) == "No augmentation: networks train on the original examples"
    for name, value in ON.items():
        words = describe_augmentation(AugmentSettings.model_validate({"copies": "live", name: value}))
        assert words.startswith("Augmented anew in every epoch: ")
        assert len(words) > len("Augmented anew in every epoch: ")

"""Image stem: from raw pixels to what a network reads."""

from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.stems import ColumnSpec, InputType, Model, image
from models.stems.image import ImageStem

GREY = np.random.default_rng(0).integers(0, 256, (50, 5, 7), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 200, (50, 5, 7, 3), dtype=np.uint8)


def new_stem(shape: tuple[int, ...], input_type: InputType) -> ImageStem:
    return ImageStem((ColumnSpec("image", shape),), input_type)


def fitted_stem(images: np.ndarray, input_type: InputType) -> ImageStem:
    stem = new_stem(images.shape[1:], input_type)
    stem.fit((images,))
    return stem


@pytest.mark.parametrize(
    ("images", "input_type", "input_shape"),
    [
        (GREY, "image", (1, 5, 7)),
        (GREY, "vector", (35,)),
        (COLOUR, "image", (3, 5, 7)),
        (COLOUR, "vector", (105,)),
        (GREY, "sequence", (5, 8)),
        (COLOUR, "sequence", (5, 22)),
    ],
)
@pytest.mark.parametrize("rows", [1, 2, 50])
def test_a_stem_gives_the_stated_shape(
    images: np.ndarray, input_type: InputType, input_shape: tuple[int, ...], rows: int
) -> None:
    stem = fitted_stem(images, input_type)
    assert stem.input_shape == input_shape
    assert stem(torch.from_numpy(images[:rows])).shape == (rows, *input_shape)


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_the_train_part_has_mean_0_and_deviation_1_in_every_channel(images: np.ndarray) -> None:
    values = fitted_stem(images, "image")(torch.from_numpy(images)).double()
    torch.testing.assert_close(values.mean((0, 2, 3)), torch.zeros(values.shape[1]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        values.var((0, 2, 3), correction=0), torch.ones(values.shape[1]).double(), rtol=0, atol=1e-6
    )


def test_mean_and_scale_agree_with_numpy() -> None:
    stem = fitted_stem(COLOUR, "image")
    np.testing.assert_allclose(stem.mean, COLOUR.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(stem.scale, COLOUR.std((0, 1, 2)), rtol=1e-6)


def test_pixel_positions_are_preserved() -> None:
    pixels = np.zeros((1, 5, 7, 3), dtype=np.uint8)
    pixels[0, 2, 4, 1] = 255
    stem = new_stem((5, 7, 3), "image")
    assert stem(torch.from_numpy(pixels)).nonzero().tolist() == [[0, 1, 2, 4]]  # (B, C, H, W)
    assert new_stem((5, 7, 3), "vector")(torch.from_numpy(pixels)).nonzero().tolist() == [[0, 35 + 2 * 7 + 4]]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))), st.randoms())
@settings(max_examples=50)
def test_the_order_of_the_train_part_does_not_matter(images: np.ndarray, random: Random) -> None:
    order = list(range(len(images)))
    random.shuffle(order)
    first, second = fitted_stem(images, "image"), fitted_stem(images[order], "image")
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)
    assert first(torch.from_numpy(images)).isfinite().all()


def test_a_large_train_part_is_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted_stem(GREY, "vector")
    monkeypatch.setattr(image, "MAX_CHUNK_ELEMENTS", 7)
    blocks = fitted_stem(GREY, "vector")
    assert torch.equal(whole.mean, blocks.mean)
    assert torch.equal(whole.scale, blocks.scale)


def test_a_channel_that_never_changes_is_centred_and_not_divided_by_zero() -> None:
    stem = fitted_stem(np.full((3, 4, 4), 9, dtype=np.uint8), "image")
    assert stem.scale.tolist() == [1.0]
    assert not stem(torch.full((1, 4, 4), 9, dtype=torch.uint8)).any()


def test_stem_statistics_are_saved_with_the_weights() -> None:
    trained = Model(fitted_stem(GREY, "vector"), torch.nn.Linear(35, 2))
    blank = Model(new_stem((5, 7), "vector"), torch.nn.Linear(35, 2))
    blank.load_state_dict(trained.state_dict())
    assert torch.equal(blank(torch.from_numpy(GREY)), trained(torch.from_numpy(GREY)))


@pytest.mark.parametrize("shape", [(), (8,), (8, 8, 3, 1), (0, 8)])
def test_a_shape_that_is_no_image_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="height, width"):
        new_stem(shape, "image")


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_rows_of_an_image_are_steps_that_are_all_present(images: np.ndarray) -> None:
    rows = fitted_stem(images, "sequence")(torch.from_numpy(images))  # (B, H, W * C + 1)
    whole = fitted_stem(images, "image")(torch.from_numpy(images))  # (B, C, H, W)
    assert (rows[:, :, -1] == 1).all()
    assert torch.equal(rows[:, :, :-1], whole.permute(0, 2, 3, 1).flatten(2))


@pytest.mark.parametrize("images", [GREY[:0], GREY.astype(np.float32)])
def test_only_uint8_images_are_fitted_stem(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        fitted_stem(images, "image")

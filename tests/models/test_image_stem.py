"""The first step of every model that looks at images, from raw pixels to what a network reads."""

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


def fresh(shape: tuple[int, ...], reads: InputType) -> ImageStem:
    return ImageStem((ColumnSpec("image", shape),), reads)


def fitted(images: np.ndarray, reads: InputType) -> ImageStem:
    stem = fresh(images.shape[1:], reads)
    stem.fit((images,))
    return stem


@pytest.mark.parametrize(
    ("images", "reads", "inputs"),
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
def test_a_network_gets_the_shape_it_was_promised(images, reads, inputs, rows):
    stem = fitted(images, reads)
    assert stem.input_shape == inputs
    assert stem(torch.from_numpy(images[:rows])).shape == (rows, *inputs)


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_the_train_part_comes_out_with_mean_0_and_deviation_1_in_every_channel(images):
    values = fitted(images, "image")(torch.from_numpy(images)).double()
    torch.testing.assert_close(values.mean((0, 2, 3)), torch.zeros(values.shape[1]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        values.var((0, 2, 3), correction=0), torch.ones(values.shape[1]).double(), rtol=0, atol=1e-6
    )


def test_what_was_learned_agrees_with_numpy():
    stem = fitted(COLOUR, "image")
    np.testing.assert_allclose(stem.mean, COLOUR.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(stem.scale, COLOUR.std((0, 1, 2)), rtol=1e-6)


def test_pixel_positions_are_preserved():
    picture = np.zeros((1, 5, 7, 3), dtype=np.uint8)
    picture[0, 2, 4, 1] = 255
    stem = fresh((5, 7, 3), "image")
    assert stem(torch.from_numpy(picture)).nonzero().tolist() == [[0, 1, 2, 4]]  # (B, C, H, W)
    assert fresh((5, 7, 3), "vector")(torch.from_numpy(picture)).nonzero().tolist() == [[0, 35 + 2 * 7 + 4]]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))), st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_train_part_does_not_matter(images, random):
    order = list(range(len(images)))
    random.shuffle(order)
    first, second = fitted(images, "image"), fitted(images[order], "image")
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)
    assert first(torch.from_numpy(images)).isfinite().all()


def test_a_large_train_part_is_counted_in_blocks(monkeypatch):
    whole = fitted(GREY, "vector")
    monkeypatch.setattr(image, "MAX_CHUNK_ELEMENTS", 7)
    blocks = fitted(GREY, "vector")
    assert torch.equal(whole.mean, blocks.mean)
    assert torch.equal(whole.scale, blocks.scale)


def test_a_channel_that_never_changes_is_centred_and_not_divided_by_zero():
    stem = fitted(np.full((3, 4, 4), 9, dtype=np.uint8), "image")
    assert stem.scale.tolist() == [1.0]
    assert not stem(torch.full((1, 4, 4), 9, dtype=torch.uint8)).any()


def test_stem_statistics_are_saved_with_the_weights():
    trained = Model(fitted(GREY, "vector"), torch.nn.Linear(35, 2))
    blank = Model(fresh((5, 7), "vector"), torch.nn.Linear(35, 2))
    blank.load_state_dict(trained.state_dict())
    assert torch.equal(blank(torch.from_numpy(GREY)), trained(torch.from_numpy(GREY)))


@pytest.mark.parametrize("shape", [(), (8,), (8, 8, 3, 1), (0, 8)])
def test_a_shape_that_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match="height, width"):
        fresh(shape, "image")


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_an_image_can_be_read_row_by_row_as_steps_that_are_all_present(images):
    rows = fitted(images, "sequence")(torch.from_numpy(images))  # (B, H, W * C + 1)
    whole = fitted(images, "image")(torch.from_numpy(images))  # (B, C, H, W)
    assert (rows[:, :, -1] == 1).all()
    assert torch.equal(rows[:, :, :-1], whole.permute(0, 2, 3, 1).flatten(2))


@pytest.mark.parametrize("images", [GREY[:0], GREY.astype(np.float32)])
def test_only_uint8_images_are_fitted(images):
    with pytest.raises(ValueError, match="uint8"):
        fitted(images, "image")

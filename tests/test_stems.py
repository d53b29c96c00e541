"""The first step of every model, from raw columns to what a network reads."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models import stems
from models.stems import STEMS, ImageStem, Model

GREY = np.random.default_rng(0).integers(0, 256, (50, 5, 7), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 200, (50, 5, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("images", "reads", "inputs"),
    [
        (GREY, "image", (1, 5, 7)),
        (GREY, "vector", (35,)),
        (COLOUR, "image", (3, 5, 7)),
        (COLOUR, "vector", (105,)),
    ],
)
@pytest.mark.parametrize("rows", [1, 2, 50])
def test_a_network_gets_the_shape_it_was_promised(images, reads, inputs, rows):
    stem = ImageStem.fit(images, reads)
    assert stem.inputs == inputs
    assert stem(torch.from_numpy(images[:rows])).shape == (rows, *inputs)


@pytest.mark.parametrize("images", [GREY, COLOUR])
def test_the_train_part_comes_out_with_mean_0_and_deviation_1_in_every_channel(images):
    values = ImageStem.fit(images, "image")(torch.from_numpy(images)).double()
    torch.testing.assert_close(values.mean((0, 2, 3)), torch.zeros(values.shape[1]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        values.var((0, 2, 3), correction=0), torch.ones(values.shape[1]).double(), rtol=0, atol=1e-6
    )


def test_what_was_learned_agrees_with_numpy():
    stem = ImageStem.fit(COLOUR, "image")
    np.testing.assert_allclose(stem.mean, COLOUR.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(stem.scale, COLOUR.std((0, 1, 2)), rtol=1e-6)


def test_a_pixel_stays_where_it_was():
    image = np.zeros((1, 5, 7, 3), dtype=np.uint8)
    image[0, 2, 4, 1] = 255
    stem = ImageStem((5, 7, 3), "image")
    assert stem(torch.from_numpy(image)).nonzero().tolist() == [[0, 1, 2, 4]]  # (B, C, H, W)
    assert ImageStem((5, 7, 3), "vector")(torch.from_numpy(image)).nonzero().tolist() == [[0, 35 + 2 * 7 + 4]]


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4))), st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_the_train_part_does_not_matter(images, random):
    order = list(range(len(images)))
    random.shuffle(order)
    first, second = ImageStem.fit(images, "image"), ImageStem.fit(images[order], "image")
    assert torch.equal(first.mean, second.mean)
    assert torch.equal(first.scale, second.scale)
    assert first(torch.from_numpy(images)).isfinite().all()


def test_a_large_train_part_is_counted_in_blocks(monkeypatch):
    whole = ImageStem.fit(GREY, "vector")
    monkeypatch.setattr(stems, "BLOCK", 7)
    blocks = ImageStem.fit(GREY, "vector")
    assert torch.equal(whole.mean, blocks.mean)
    assert torch.equal(whole.scale, blocks.scale)


def test_a_channel_that_never_changes_is_centred_and_not_divided_by_zero():
    stem = ImageStem.fit(np.full((3, 4, 4), 9, dtype=np.uint8), "image")
    assert stem.scale.tolist() == [1.0]
    assert not stem(torch.full((1, 4, 4), 9, dtype=torch.uint8)).any()


def test_what_was_learned_travels_with_the_weights():
    fitted = Model(ImageStem.fit(GREY, "vector"), torch.nn.Linear(35, 2))
    fresh = Model(ImageStem((5, 7), "vector"), torch.nn.Linear(35, 2))
    fresh.load_state_dict(fitted.state_dict())
    assert torch.equal(fresh(torch.from_numpy(GREY)), fitted(torch.from_numpy(GREY)))


def test_every_kind_of_column_has_a_stem_that_can_be_fitted():
    assert all(callable(stem.fit) for stem in STEMS.values())


@pytest.mark.parametrize("shape", [(), (8,), (8, 8, 3, 1), (0, 8)])
def test_a_shape_that_is_no_image_is_refused(shape):
    with pytest.raises(ValueError, match="height, width"):
        ImageStem(shape, "image")


def test_an_image_cannot_be_read_as_a_sequence():
    with pytest.raises(ValueError, match="'sequence'"):
        ImageStem((8, 8), "sequence")


@pytest.mark.parametrize("images", [GREY[:0], GREY.astype(np.float32)])
def test_only_uint8_images_are_fitted(images):
    with pytest.raises(ValueError, match="uint8"):
        ImageStem.fit(images, "image")

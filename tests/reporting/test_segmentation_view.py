"""What the pictures of a segmentation show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.reporting.plots.contact_sheet import best_median_worst
from pipelines.reporting.views import segmentation as views_segmentation


def test_every_wrong_pixel_of_the_difference_says_how_it_is_wrong() -> None:
    image = np.full((1, 4), 200, np.uint8)
    reference, answer = np.array([[0, 1, 0, 1]]), np.array([[0, 0, 1, 2]])
    shown = views_segmentation.difference_image(image, reference, answer, background=0)[0].tolist()
    assert shown[0] == [90, 90, 90]  # right: the image, darkened
    assert len({tuple(colour) for colour in shown}) == 4
    plain = views_segmentation.difference_image(image, reference, answer, background=None)[0].tolist()
    assert plain[1] == plain[2] == plain[3]


@pytest.mark.parametrize("classes", [2, 5, 13, 40, 255])
@pytest.mark.parametrize("pale", [0, 1])
def test_every_class_has_a_colour_and_one_is_pale(classes: int, pale: int) -> None:
    colours = views_segmentation.palette(classes, pale)
    assert len(colours) == classes
    assert [place for place, colour in enumerate(colours) if colour == views_segmentation.PALE_COLOUR] == [pale]
    assert len(set(colours)) == min(classes, 13)


@given(count=st.integers(1, 12), ends=st.integers(1, 4))
def test_the_examples_that_stand_for_all_are_the_worst_the_middle_and_the_best(count: int, ends: int) -> None:
    badness = np.random.default_rng(0).permutation(count).astype(float)
    chosen = best_median_worst(badness, ends)
    rows = [row for _, row in chosen]
    assert len(set(rows)) == len(rows) == min(count, 2 * ends + 1)
    assert badness[rows].tolist() == sorted(badness[rows], reverse=True)
    assert chosen[0] == ("worst", int(badness.argmax()))

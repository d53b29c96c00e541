"""Masks that are named otherwise than their images, and images without one."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.masks.load import MasksSettings
from tests.support.mask_files import CODES, loaded, photo, png, written

RETINAS = {
    **{f"images/{number}_training.tif": photo(number) for number in range(21, 33)},
    **{f"masks/{number}_manual1.gif": png(CODES, "GIF") for number in range(21, 33)},
}


def test_masks_of_other_names_are_paired_by_number_as_the_refusal_proposes(tmp_path: Path) -> None:
    folder = written(tmp_path, RETINAS)
    with pytest.raises(
        UserError, match=r"24 of 24 pairs .* `pair: number` pairs 12 by the first number in their names"
    ):
        loaded(folder)
    data = loaded(folder, pair="number")
    assert data.part.target.shape == (12, 16, 16)
    assert any("the same first number" in note for note in data.notes)


def test_a_pattern_pairs_what_it_finds_in_both_names(tmp_path: Path) -> None:
    files = {f"images/p{place // 4}/a_{place % 4}_x.png": photo(place) for place in range(12)}
    masks = {f"masks/p{place // 4}/b{place % 4}_y.png": png(CODES) for place in range(12)}
    folder = written(tmp_path, {**files, **masks})
    assert len(loaded(folder, pair="p([0-9]+)/._?([0-9]+)").part.target) == 12
    assert len(loaded(folder, pair="number").part.target) == 12  # numbers count inside their folders
    with pytest.raises(UserError, match=r"images: p0/a_0_x.png and p0/a_1_x.png .* both belong to 0"):
        loaded(folder, pair="p([0-9]+)/")
    with pytest.raises(UserError, match=r"`pair` may be a pattern whose groups are the same"):
        loaded(folder, pair="(zzz)")


def test_images_without_a_mask_are_left_out_as_the_refusal_proposes(tmp_path: Path) -> None:
    masks = {f"masks/{number:03}.png": png(CODES) for number in range(6)}
    folder = written(tmp_path, {**{f"images/{number:03}.png": photo(number) for number in range(20)}, **masks})
    with pytest.raises(
        UserError, match=r"14 of 20 pairs .*006.png \(has no mask\).* `unmatched: skip` uses the 6 pairs"
    ):
        loaded(folder)
    data = loaded(folder, unmatched="skip")
    assert len(data.part.target) == 6
    (finding,) = (each for each in data.findings if each.check == "unmatched_files")
    assert (finding.level, finding.concerns) == ("notice", 14)


def test_images_without_a_mask_are_kept_apart_where_that_is_asked_for(tmp_path: Path) -> None:
    masks = {f"masks/{number:03}.png": png(CODES) for number in range(6)}
    images = {f"images/{number:03}.png": photo(number) for number in range(20)}
    folder = written(tmp_path, {**images, **masks, "images/020.png": b"no image"})
    data = loaded(folder, unlabelled="keep")
    assert len(data.part.target) == 6
    assert data.unlabelled[0].shape == (14, *data.part.inputs[0].shape[1:])
    whole = loaded(folder, unmatched="skip").part.inputs[0]
    np.testing.assert_array_equal(whole, data.part.inputs[0])
    assert {finding.check for finding in data.findings} >= {"unlabelled_rows", "skipped_files"}
    tiled = loaded(folder, unlabelled="keep", tile=8)
    assert tiled.unlabelled[0].shape[1:] == tiled.part.inputs[0].shape[1:]


def test_files_of_one_number_and_pairs_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, {**RETINAS, "images/021_copy.png": photo()})
    with pytest.raises(UserError, match=r"images: 021_copy.png and 21_training.tif both belong to \./21; keep one"):
        loaded(folder, pair="number")
    other = written(tmp_path / "other", {"images/a.png": photo(), "masks/b.png": png(CODES)})
    with pytest.raises(UserError, match="2 of 2 pairs of an image and a mask cannot be used"):
        loaded(other, unmatched="skip")


@pytest.mark.parametrize("pair", ["image", "([0-9]+", ""])
def test_a_pair_that_is_no_way_of_pairing_is_refused(pair: str) -> None:
    with pytest.raises(ValidationError, match=r"pair\n.*must be name, number or a pattern"):
        MasksSettings(kind="masks", images="a", masks="b", pair=pair)

"""The copies of the training examples: what is stored, what is shown, and that live draws are the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.training import augmentation
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmentation import augment_batch
from pipelines.training.augmented_copies import augmented_copies, sample_for_preview

EVERYTHING = AugmentSettings(
    copies=2, shift=0.9, rotate=40, scale=0.3, flip_horizontal=True, flip_vertical=True, erase=0.6, noise=20
)


def schema_of(*shape: int) -> Schema:
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=shape, range=(0, 255)),),
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=("a", "b")),
        title="Noise",
        origin="made here",
        licence="none",
    )


def part_of(*shape: int) -> Part:
    return Part((np.random.default_rng(9).integers(0, 256, shape, dtype=np.uint8),), np.arange(shape[0]) % 2)


def test_copies_are_the_examples_then_draws_with_their_labels() -> None:
    part = part_of(6, 8, 8)
    inputs, target = augmented_copies(part, schema_of(8, 8), EVERYTHING, seed=20)
    assert inputs[0].shape == (3, 6, 8, 8)
    assert inputs[0].dtype == np.uint8
    np.testing.assert_array_equal(inputs[0][0], part.inputs[0])
    assert not np.array_equal(inputs[0][1], inputs[0][2])
    np.testing.assert_array_equal(target, np.stack([part.target] * 3))


def test_a_stored_copy_is_what_a_live_draw_gives() -> None:
    part = part_of(6, 8, 8)
    (stored,), _ = augmented_copies(part, schema_of(8, 8), EVERYTHING, seed=20)
    for number in (1, 2):
        live = augment_batch(
            torch.from_numpy(part.inputs[0]),
            EVERYTHING,
            torch.Generator().manual_seed(derive_seed(20, "image", number)),
        )
        np.testing.assert_array_equal(stored[number], live.numpy())


def test_chunked_augmentation_gives_the_same_stored_and_live_copies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(augmentation, "CHUNK_PIXELS", 2 * 8 * 8)
    test_a_stored_copy_is_what_a_live_draw_gives()


def test_more_copies_leave_the_first_ones_as_they_were() -> None:
    part, schema = part_of(6, 8, 8), schema_of(8, 8)
    (two,), _ = augmented_copies(part, schema, EVERYTHING, seed=20)
    (four,), _ = augmented_copies(part, schema, EVERYTHING.model_copy(update={"copies": 4}), seed=20)
    np.testing.assert_array_equal(four[:3], two)


def test_another_seed_gives_other_draws() -> None:
    part, schema = part_of(6, 8, 8), schema_of(8, 8)
    first, other = (augmented_copies(part, schema, EVERYTHING, seed=seed).inputs[0] for seed in (1, 2))
    assert not np.array_equal(first[1], other[1])


@pytest.mark.parametrize("settings", [AugmentSettings(), EVERYTHING.model_copy(update={"copies": "live"})])
def test_without_stored_copies_there_are_the_examples_alone(settings: AugmentSettings) -> None:
    part = part_of(6, 8, 8)
    inputs, target = augmented_copies(part, schema_of(8, 8), settings, seed=20)
    np.testing.assert_array_equal(inputs[0], part.inputs[0][None])
    np.testing.assert_array_equal(target, part.target[None])


def test_copies_of_a_part_on_disk_are_written_and_read_back(tmp_path: Path) -> None:
    schema = schema_of(8, 8)
    write_part(tmp_path / "train", schema, part_of(6, 8, 8))
    stored = augmented_copies(read_part(tmp_path / "train", schema), schema, EVERYTHING, seed=20)
    write_part(tmp_path / "augmented", schema, stored)
    again = read_part(tmp_path / "augmented", schema)
    np.testing.assert_array_equal(again.inputs[0], stored.inputs[0])
    np.testing.assert_array_equal(again.target, stored.target)


def test_the_preview_samples_every_class() -> None:
    part, schema = part_of(6, 8, 8), schema_of(8, 8)
    few = sample_for_preview(part, schema, EVERYTHING.model_copy(update={"copies": "live"}), seed=20)
    assert few.inputs[0].shape == (6, 4, 8, 8)  # 5 draws of 2 examples in each of 2 classes
    np.testing.assert_array_equal(few.inputs[0][0], part.inputs[0][:4])
    np.testing.assert_array_equal(few.target[5], [0, 1, 0, 1])


def test_a_turned_digit_keeps_its_label() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    digits = load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))
    (images,), target = augmented_copies(
        digits.part, digits.schema, AugmentSettings(copies=3, shift=1, rotate=10), seed=20
    )
    original, *drawn = images.reshape(4, -1, 64)
    reader = KNeighborsClassifier(1).fit(np.concatenate(drawn), target[1:].ravel())
    assert reader.score(original, target[0]) > 0.97  # 0.1 if labels and draws were not aligned


def test_a_shift_out_of_sight_is_a_failure_that_names_the_setting() -> None:
    sentence = r"problems.x.augment.shift: 8 pixels would move images of 9 x 8 pixels out of sight"
    with pytest.raises(UserError, match=sentence):
        augmented_copies(part_of(4, 8, 9), schema_of(8, 9), AugmentSettings(copies=1, shift=8), 0, "problems.x.augment")


def test_draws_without_images_are_a_failure() -> None:
    schema = schema_of(8, 8)
    no_image = schema.model_copy(update={"inputs": (schema.target,)})
    with pytest.raises(UserError, match=r"augment.copies: only images can be augmented"):
        augmented_copies(part_of(4, 8, 8), no_image, AugmentSettings(copies=1, shift=1), seed=0)

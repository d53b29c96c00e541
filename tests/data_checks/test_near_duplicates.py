"""Examples that are one example twice, but for little, are named where they lie in different parts."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import to_bytes
from pipelines.splitting.split import SplitSettings, split_rows
from tests.support.small_datasets import draws, few_classes, found, noise, table, thirds


def pictures(count: int, seed: int = 0) -> np.ndarray:
    """Smooth colour pictures, as photographs are, (N, 48, 48, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
    return np.stack([np.array(Image.fromarray(each).resize((48, 48), Image.Resampling.BICUBIC)) for each in coarse])


def encoded_again(picture: np.ndarray) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=60)
    return np.array(Image.open(file))


def brightened(picture: np.ndarray) -> np.ndarray:
    return np.clip(picture.astype(int) + 2, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("change", [encoded_again, brightened])
@pytest.mark.parametrize("is_grey", [False, True])
def test_a_picture_that_is_changed_a_little_is_named_across_parts(
    change: Callable[[np.ndarray], np.ndarray], is_grey: bool
) -> None:
    images = pictures(90).mean(axis=3).astype(np.uint8) if is_grey else pictures(90)
    images[1], images[50] = change(images[0]), change(images[45])  # rows 0, 1 and 50, 45 are in different parts
    images[33] = change(images[30])  # both in train
    data = few_classes(images, [0] * 45 + [1] * 45)
    finding = found(data, thirds(90), "near_duplicates")
    assert (finding.level, finding.concerns) == ("warning", 4)
    assert "2 pairs" in finding.sentence
    assert "0 in train and 1 in valid" in finding.sentence
    assert "45 in train and 50 in test" in finding.sentence


@pytest.mark.parametrize("images", [pictures(90), noise(90, 4, 4), np.zeros((90, 8, 8), np.uint8)])
def test_different_pictures_and_empty_ones_are_not_named(images: np.ndarray) -> None:
    data = few_classes(images, [0] * 45 + [1] * 45)
    assert found(data, thirds(90), "near_duplicates").level == "fine"


def test_rows_that_differ_in_one_cell_are_named_across_parts() -> None:
    columns = {name: draws(90, seed) for seed, name in enumerate(("age", "weight", "pulse"))}
    columns["number"] = np.arange(90, dtype=np.float32)
    for name in ("age", "weight", "pulse"):
        columns[name][[10, 20]] = columns[name][[0, 3]]  # 0 and 10 are in different parts, 3 and 20 too
    finding = found(table(columns, draws(90, 7)), thirds(90), "near_duplicates")
    assert (finding.level, finding.concerns) == ("warning", 4)
    assert "2 pairs but for the cell of number" in finding.sentence
    assert "0 in train and 10 in valid; 3 in train and 20 in test" in finding.sentence


def test_rows_of_a_few_categories_that_are_alike_by_chance_are_not_named() -> None:
    random = np.random.default_rng(0)
    columns = {name: random.integers(0, 3, 90) for name in "abcd"}
    assert found(table({**columns, "age": draws(90)}, draws(90, 7)), thirds(90), "near_duplicates").level == "fine"


def letters(texts: list[str]) -> Dataset:
    values = to_bytes(texts, 200)
    schema = Schema(
        inputs=(Field(name="text", kind="text", dtype="uint8", shape=values.shape[1:]),),
        target=Field(name="kind", kind="category", dtype="int64", shape=(), categories=("a", "b")),
        title="Letters",
        origin="made here",
        licence="none",
    )
    return Dataset(schema, Part((values,), np.arange(len(texts)) % 2))


def test_texts_that_differ_in_white_space_or_capitals_are_kept_in_one_part() -> None:
    texts = [f"letter number {n} to you" for n in range(60)]
    texts += [text.upper().replace(" ", "  ") + "\n" for text in texts]
    data = letters(texts)
    for seed in range(3):
        rows = split_rows(data, SplitSettings(by="random"), seed)
        for members in rows.values():
            assert set((members % 60).tolist()) == {n for n in range(60) if n in members and n + 60 in members}
        finding = found(data, rows, "duplicates")
        assert (finding.level, finding.concerns) == ("notice", 120)
        assert "but for white space and capitals" in finding.sentence


def test_where_no_texts_are_alike_the_split_is_as_if_nobody_had_looked() -> None:
    texts = letters([f"letter number {n} to you" for n in range(60)])
    values = texts.part.inputs[0]
    as_numbers = table({"text": draws(60)}, draws(60))._replace(part=Part((values,), texts.part.target))
    settings = SplitSettings(by="random")
    numbers, words = split_rows(as_numbers, settings, 5), split_rows(texts, settings, 5)
    assert all(np.array_equal(numbers[part], words[part]) for part in numbers)

"""An example of any kind is drawn the way a person would look at it, also where there is nothing to see."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.data.parts import Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.data.text import to_bytes
from pipelines.reporting.plots.augmentation_preview import write_preview
from pipelines.reporting.plots.examples import (
    LINE_CHARACTERS,
    MAX_COLUMNS,
    describe_row,
    draw_example,
    format_value,
    has_text_tiles,
)
from pipelines.reporting.plots.style import png_figure
from tests.support.problems import PROBLEMS

NAN = float("nan")


def field(name: str, kind: str, *shape: int, **more: Any) -> Field:
    return Field.model_validate({"name": name, "kind": kind, "dtype": "float32", "shape": shape, **more})


def schema_of(*inputs: Field) -> Schema:
    target = field("y", "category", categories=("no", "yes"))
    return Schema(inputs=inputs, target=target, title="Stand-in", origin="made here", licence="none")


def drawn(path: Path, schema: Schema, *columns: np.ndarray) -> bytes:
    part = Part(columns, np.zeros(len(columns[0]), dtype=np.int64))
    with png_figure(path, 3, 3) as figure:
        draw_example(figure.add_subplot(), schema, part, 0)
    return path.read_bytes()


CASES: dict[str, tuple[Schema, tuple[np.ndarray, ...]]] = {
    "grey image": (schema_of(field("x", "image", 8, 8)), (np.arange(64, dtype=np.uint8).reshape(1, 8, 8),)),
    "one channel": (schema_of(field("x", "image", 4, 4, 1)), (np.ones((1, 4, 4, 1), dtype=np.uint8),)),
    "colour image": (schema_of(field("x", "image", 5, 4, 3)), (np.ones((1, 5, 4, 3), dtype=np.uint8),)),
    "recording": (schema_of(field("x", "audio", 6, rate=8)), (np.array([[-32768, -32768, 1, 900, -40, 7]], np.int16),)),
    "silence": (schema_of(field("x", "audio", 3, rate=8)), (np.array([[-32768, 0, 0]], np.int16),)),
    "mask": (schema_of(field("x", "mask", 4, 4)), (np.arange(16, dtype=np.uint8).reshape(1, 4, 4) % 3,)),
    "steps": (schema_of(field("x", "steps", 4, 2)), (np.array([[[1, 5], [2, NAN], [3, 5], [4, 5]]], np.float32),)),
    "steps without any": (schema_of(field("x", "steps", 4, 2)), (np.full((1, 4, 2), NAN, np.float32),)),
    "one step": (schema_of(field("x", "steps", 1, 1)), (np.array([[[np.inf]]], np.float32),)),
    "text": (schema_of(field("x", "text", 9)), (to_bytes(["straße $x^2_ \\\\frac"], 40),)),
    "empty text": (schema_of(field("x", "text", 1)), (np.zeros((1, 1), dtype=np.uint8),)),
    "number": (schema_of(field("x", "number", unit="$")), (np.array([NAN], np.float32),)),
    "row": (
        schema_of(field("a $b_", "number"), field("c", "category", categories=("one",)), field("d", "text", 40)),
        (np.array([1e30], np.float32), np.array([-1]), np.full((1, 40), ord("w"), dtype=np.uint8)),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_is_drawn_with_the_same_bytes_every_time(name: str, tmp_path: Path) -> None:
    schema, columns = CASES[name]
    first = drawn(tmp_path / "one.png", schema, *columns)
    assert first == drawn(tmp_path / "two.png", schema, *columns)
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"


def test_an_image_and_its_inverse_render_differently(tmp_path: Path) -> None:
    schema, (image,) = CASES["grey image"]
    assert drawn(tmp_path / "one.png", schema, image) != drawn(tmp_path / "two.png", schema, 255 - image)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_preview_is_drawn_of_every_kind_of_problem(
    folder_of: Callable[[str], Path], problem: str, tmp_path: Path
) -> None:
    folder = folder_of(problem)
    schema = read_schema(folder / "split" / "schema.json")
    part = read_part(folder / "augmented" / "train", schema)
    for name in ("one.png", "two.png"):
        write_preview(tmp_path / name, schema, part, "As they are")
    with Image.open(tmp_path / "one.png") as sheet:
        assert sheet.width > 500
        assert (
            len({sheet.getpixel(place) for place in ((x, y) for x in range(0, 500, 7) for y in range(0, 200, 7))}) > 3
        )
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (field("x", "number", unit="kg"), 12.25, "12.25 kg"),
        (field("x", "number"), NAN, "missing"),
        (field("x", "number", unit="days since 1970-01-01"), 366.0, "1971-01-02"),
        (field("x", "number", unit="days since 1970-01-01"), NAN, "missing"),
        (field("x", "category", categories=("red", "blue")), 1, "blue"),
        (field("x", "category", categories=("red", "blue")), -1, "missing"),
        (field("x", "text", 4), np.frombuffer(b"abc\x00", np.uint8), "abc"),
    ],
)
def test_a_value_is_written_as_people_write_it(column: Field, value: Any, text: str) -> None:
    assert format_value(column, value) == text


def test_of_a_wide_table_the_first_columns_are_shown_and_the_rest_is_counted() -> None:
    columns = tuple(field(f"a column with a long name, number {number}", "number") for number in range(MAX_COLUMNS + 4))
    lines = describe_row(schema_of(*columns), Part(tuple(np.ones(1, np.float32) for _ in columns), np.zeros(1)), 0)
    assert len(lines) == MAX_COLUMNS + 1
    assert lines[-1] == "and 4 more"
    assert all(len(line) <= LINE_CHARACTERS for line in lines)
    assert has_text_tiles(schema_of(*columns))
    assert not has_text_tiles(CASES["steps"][0])

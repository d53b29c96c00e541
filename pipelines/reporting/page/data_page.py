"""The page about a problem's data, before anything is trained: what it holds, misses, and how its parts differ."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.audio import loudness
from pipelines.data.dates import DATE_UNIT
from pipelines.data.parts import PARTS, Part, PartName, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.data.text import from_bytes
from pipelines.evaluation.number_format import format_number
from pipelines.reporting.page.contents import Picture, embed_preview, sort_findings
from pipelines.reporting.page.render import fill_template
from pipelines.runtime.files import read_json, write_text

TEMPLATE = "data_page.html.j2"
MAX_VALUES = 2**20  # values of a column and a part that are looked at, evenly over all
SHOWN_EXAMPLES = 5  # rows of the train part
SHOWN_CATEGORIES = 4  # of a column, the most frequent ones
MAX_SHOWN_CHARACTERS = 80  # of a cell
LARGE_DIFFERENCE = 0.25  # standard deviations, or share of the examples, from which a difference is marked


class ColumnRow(NamedTuple):
    """What a column holds, and how the parts differ in it."""

    name: str
    role: str  # input, target
    kind: str
    holds: str  # a range with its unit, or the most frequent categories
    missing: str  # share of the cells
    parts: tuple[str, ...]  # of train, valid and test: a mean, or the share of the most frequent category
    difference: float  # of test from train: of means in standard deviations, of categories in shares; NaN if undefined
    is_large: bool


class ExampleRow(NamedTuple):
    values: tuple[str, ...]  # of every column that is no picture


class DataPage(NamedTuple):
    """The contents of the page."""

    problem: str
    schema: Schema
    examples: int
    part_counts: Mapping[str, int]
    class_names: tuple[str, ...]
    class_counts: Mapping[str, tuple[int, ...]]  # by part
    findings: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    columns: tuple[ColumnRow, ...]
    shown_columns: tuple[str, ...]
    rows: tuple[ExampleRow, ...]
    preview: Picture | None


class Values(NamedTuple):
    """A column's values in a part."""

    name: str
    field: Field
    is_target: bool
    parts: Mapping[PartName, NDArray[Any]]  # (n,) each: numbers, codes, or the bytes of texts (n, L)


def write_data_page(
    path: Path, problem: str, split_folder: Path, augment_folder: Path, changes: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write the page, one file that needs no other, from what the stages split and augment left.

    Args:
        changes: findings about the data since the split before.
    """
    page = build_data_page(problem, split_folder, augment_folder, changes)
    write_text(path, fill_template(TEMPLATE, {"page": page, "PARTS": PARTS}))


def build_data_page(
    problem: str, split_folder: Path, augment_folder: Path, changes: Sequence[Mapping[str, Any]] = ()
) -> DataPage:
    """Read the contents of the page."""
    manifest = read_json(split_folder / "manifest.json")
    schema = read_schema(split_folder / "schema.json")
    parts = {name: read_part(split_folder / name, schema) for name in PARTS}
    shown = [field for field in (*schema.inputs, schema.target) if field.kind in ("number", "category", "text")]
    return DataPage(
        problem,
        schema,
        manifest["examples"],
        {name: manifest["parts"][name]["examples"] for name in PARTS},
        tuple(manifest["classes"]),
        {name: tuple(manifest["parts"][name]["classes"].values()) for name in PARTS},
        sort_findings([*changes, *manifest["findings"]]),
        tuple(manifest["notes"]),
        tuple(_describe_column(values) for values in _columns_of(schema, parts)),
        tuple(field.name for field in shown),
        tuple(_show_example(schema, parts["train"], row) for row in range(SHOWN_EXAMPLES)),
        embed_preview(augment_folder / "preview.png"),
    )


def _columns_of(schema: Schema, parts: Mapping[PartName, Part]) -> Iterator[Values]:
    """Every column, and of steps every variable; pictures as the mean of their pixels, recordings as their loudness."""
    for place, field in enumerate((*schema.inputs, schema.target)):
        is_target = place == len(schema.inputs)
        arrays = {name: part.target if is_target else part.inputs[place] for name, part in parts.items()}
        if field.kind == "steps":
            for number, column in enumerate(field.columns):
                yield Values(
                    f"{field.name}: {column}",
                    field,
                    is_target,
                    {name: _sample(values)[..., number].ravel() for name, values in arrays.items()},
                )
        elif field.kind in ("image", "mask"):
            pixels = {name: _sample(values) for name, values in arrays.items()}
            means = {name: each.reshape(len(each), -1).mean(axis=1) for name, each in pixels.items()}
            yield Values(field.name, field, is_target, means)
        elif field.kind == "audio":
            levels = {name: loudness(_sample(values)) for name, values in arrays.items()}
            yield Values(field.name, field, is_target, levels)
        else:
            yield Values(field.name, field, is_target, {name: _sample(values) for name, values in arrays.items()})


def _sample(values: NDArray[Any]) -> NDArray[Any]:
    """Some of the rows of an array, evenly over all, so that a large one is not read whole."""
    row_values = max(1, int(np.prod(values.shape[1:])))
    return np.asarray(values[:: max(1, -(-len(values) * row_values // MAX_VALUES))])


def _describe_column(values: Values) -> ColumnRow:
    field = values.field
    describe = {"category": _describe_categories, "text": _describe_texts}.get(field.kind, _describe_numbers)
    holds, missing, shares, difference = describe(values)
    kind = "picture" if field.kind == "image" else field.kind
    return ColumnRow(
        values.name,
        "target" if values.is_target else "input",
        kind,
        holds,
        f"{missing:.1%}" if missing else "",
        shares,
        difference,
        difference >= LARGE_DIFFERENCE,
    )


Description = tuple[str, float, tuple[str, ...], float]  # what it holds, share missing, a text per part, difference


def _describe_numbers(values: Values) -> Description:
    numbers = {name: np.asarray(each, dtype=np.float64) for name, each in values.parts.items()}
    every = np.concatenate(list(numbers.values()))
    finite = {name: each[np.isfinite(each)] for name, each in numbers.items()}
    known = np.concatenate(list(finite.values()))
    if not len(known):
        return "nothing", 1.0, ("",) * len(PARTS), float("nan")
    unit = values.field.unit
    low, high = _show_number(known.min(), unit), _show_number(known.max(), unit)
    means = [finite[name].mean() if len(finite[name]) else np.nan for name in PARTS]
    spread = finite["train"].std() if len(finite["train"]) else 0.0
    difference = abs(means[-1] - means[0]) / spread if spread else float("nan")
    holds = f"{low} to {high}{f' {unit}' if unit and unit != DATE_UNIT else ''}"
    texts = tuple("" if np.isnan(mean) else _show_number(mean, unit) for mean in means)
    return holds, 1 - len(known) / len(every), texts, float(difference)


def _describe_categories(values: Values) -> Description:
    names = values.field.categories
    counts = {
        name: np.bincount(each[each >= 0], minlength=len(names)).astype(np.float64)
        for name, each in values.parts.items()
    }
    total = sum(len(each) for each in values.parts.values())
    together = np.sum(list(counts.values()), axis=0)
    first = np.argsort(-together, kind="stable")
    shares = {name: each / max(1.0, each.sum()) for name, each in counts.items()}
    listed = ", ".join(f"{names[code]} {together[code] / total:.0%}" for code in first[:SHOWN_CATEGORIES])
    more = f" and {len(names) - SHOWN_CATEGORIES} more" if len(names) > SHOWN_CATEGORIES else ""
    difference = float(np.abs(shares["test"] - shares["train"]).sum() / 2)
    texts = tuple(f"{names[first[0]]} {shares[name][first[0]]:.0%}" for name in PARTS)
    return f"{listed}{more}", 1 - together.sum() / total, texts, difference


def _describe_texts(values: Values) -> Description:
    lengths = {name: (each > 0).sum(axis=1).astype(np.float64) for name, each in values.parts.items()}
    holds, _, means, difference = _describe_numbers(
        values._replace(field=values.field.model_copy(update={"unit": "bytes"}), parts=lengths)
    )
    every = np.concatenate(list(lengths.values()))
    return holds, float((every == 0).mean()), means, difference


def _show_example(schema: Schema, part: Part, row: int) -> ExampleRow:
    fields = (*schema.inputs, schema.target)
    arrays = (*part.inputs, part.target)
    cells = [
        _show_cell(field, values[row])
        for field, values in zip(fields, arrays, strict=True)
        if field.kind in ("number", "category", "text") and row < len(values)
    ]
    return ExampleRow(tuple(cells))


def _show_cell(field: Field, value: Any) -> str:
    if field.kind == "category":
        return field.categories[int(value)] if value >= 0 else ""
    if field.kind == "text":
        (text,) = from_bytes(value[None])
        return text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[: MAX_SHOWN_CHARACTERS - 1]}…"
    return "" if np.isnan(value) else _show_number(float(value), field.unit)


def _show_number(value: float, unit: str) -> str:
    if unit == DATE_UNIT:
        return str(np.datetime64("1970-01-01") + np.timedelta64(round(value), "D"))
    return format_number(value)

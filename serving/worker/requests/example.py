"""One example of a request -> the arrays the graph reads; one decoder per kind of field.

What JSON each kind takes:

    image      nested lists of whole numbers, or {"b64": "<a PNG or JPEG as base64>"}
    number     a number, or null where it is missing; a date is ISO text
    category   its text, or null; a number or true stands for the category that is written so
    text       a text
    steps      a list of at most T steps, each a list of F numbers or nulls; or {variable: list of numbers}
    noise      {"number": 8, "seed": 3}, or a list of Z numbers
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from serving.worker.request_error import RequestError, describe_value, list_names
from serving.worker.requests import (
    image as images,
)
from serving.worker.requests import (
    noise,
)
from serving.worker.requests import (
    sequence as steps,
)
from serving.worker.requests import (
    table_cells as cells,
)
from serving.worker.requests import (
    text as texts,
)
from serving.worker.signature import Field


class FieldFormat(NamedTuple):
    """What one kind of field is in a request."""

    parse: Callable[[Any, Field, str], NDArray[Any]]
    """A JSON value -> one example's array, or several examples' with an axis more; `where` begins a refusal."""
    to_json: Callable[[NDArray[Any], Field], Any]
    """One example's array -> JSON that `read` takes for the same."""
    nesting_levels: Callable[[Field], int]
    """How many levels of lists one example has."""
    notes: Callable[[Any, NDArray[Any], Field, str], list[str]]
    """What the reply should say about a value that is answered and yet unusual."""


def _no_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    return []


def _axis_count(field: Field) -> int:
    return len(field.shape)


def _no_nesting(field: Field) -> int:
    return 0


# A further kind of field is a few functions in a file of its own and one row here.
FIELD_FORMATS: dict[str, FieldFormat] = {
    "image": FieldFormat(images.parse_image, images.image_to_json, _axis_count, _no_notes),
    "number": FieldFormat(cells.parse_number, cells.number_to_json, _no_nesting, cells.number_notes),
    "category": FieldFormat(cells.parse_category, cells.category_to_json, _no_nesting, cells.category_notes),
    "text": FieldFormat(texts.tokenize_text, texts.detokenize_text, _no_nesting, texts.text_notes),
    "steps": FieldFormat(steps.parse_sequence, steps.sequence_to_json, _axis_count, steps.sequence_notes),
    "noise": FieldFormat(noise.parse_noise, noise.noise_to_json, _axis_count, _no_notes),
}


ExtraParser = Callable[[Any, str], Any]  # reads what a request may say besides the fields; the text is its place


class Example(NamedTuple):
    """One example of a request; R is 1, except for a generator that is asked for several samples."""

    columns: dict[str, NDArray[Any]]  # (R, ...) by field
    extras: dict[str, Any]  # what the request said besides the fields and the reply needs: "time", "seed"
    notes: list[str]  # what the reply should say about the values

    @property
    def row_count(self) -> int:
        return len(next(iter(self.columns.values())))


def parse_field(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Read one field: (R, ...)."""
    array = FIELD_FORMATS[field.kind].parse(value, field, where)
    return array if array.ndim > len(field.shape) else array[None]


def parse_bare(value: Any, field: Field, where: str) -> Example:
    """Read an example that is the value of the only field, without its name."""
    array = parse_field(value, field, where)
    extras = (
        {"seed": noise.parse_number_and_seed(value, where)[1]}
        if field.kind == "noise" and isinstance(value, dict)
        else {}
    )
    return Example({field.name: array}, extras, FIELD_FORMATS[field.kind].notes(value, array[0], field, field.name))


def match_names(found: list[str], expected: list[str]) -> list[str]:
    """Names as the signature spells them, where they differ in case and signs alone: of `Sib Sp`, sib_sp.

    Names are left as they are where two would become one.
    """
    normalised = ["_".join(re.findall(r"[a-z0-9]+", name.casefold())) for name in found]
    renamed = [
        one if one in expected and name not in expected else name for one, name in zip(normalised, found, strict=True)
    ]
    return renamed if len(set(renamed)) == len(found) else found


def parse_example(
    value: Any, fields: tuple[Field, ...], extra_parsers: Mapping[str, ExtraParser], where: str
) -> Example:
    """Read one example from an object that has exactly the signature's fields, and extras if it likes.

    A name may be spelled as in the file that was learned from: `SibSp` for sibsp.

    A generator's example may be `{"number": 8, "seed": 3}` without the field's name around it.

    Raises:
        Refusal: a field is missing, unknown or wrong; the sentence begins with its place in the request.
    """
    expected = [field.name for field in fields]
    if not isinstance(value, dict):
        raise RequestError(
            400, f"{where}: expected an object with {list_names(expected)}, found {describe_value(value)}"
        )
    value = dict(zip(match_names(list(value), expected), value.values(), strict=True))
    if len(fields) == 1 and fields[0].kind == "noise" and fields[0].name not in value:
        return parse_bare(value, fields[0], where)
    if missing := [name for name in expected if name not in value]:
        raise RequestError(400, f"{where}: the field {list_names(missing)} is missing, found {describe_value(value)}")
    if unknown := [name for name in value if name not in expected and name not in extra_parsers]:
        known = [*expected, *extra_parsers]
        raise RequestError(
            400, f"{where}: expected only {list_names(known)}, found the unknown field {list_names(unknown)}"
        )
    prefix = "" if where == "request" else f"{where}."
    parsed = [parse_bare(value[field.name], field, prefix + field.name) for field in fields]
    extra_values = {
        name: read(value[name], prefix + name) for name, read in extra_parsers.items() if value.get(name) is not None
    }
    return Example(
        {name: array for one in parsed for name, array in one.columns.items()},
        {**{name: fact for one in parsed for name, fact in one.extras.items()}, **extra_values},
        [note for one in parsed for note in one.notes],
    )

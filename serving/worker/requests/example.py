"""Example parsing: one example of a request to the arrays that the graph reads.

What JSON each kind of field takes:

    image      nested lists of whole numbers, or {"b64": "<a PNG or JPEG as base64>"}
    audio      {"b64": "<a WAV or FLAC as base64>"}
    number     a number, or null where it is missing; a date is ISO text
    category   its text, or null; a number or true stands for the category that is spelled so
    text       a text
    steps      a list of at most T steps, each a list of F numbers or nulls; or {variable: list of numbers}
    noise      {"number": 8, "seed": 3}, or a list of Z numbers
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from numpy.typing import NDArray

from serving.worker.request_error import RequestError, describe_missing, describe_unknown, describe_value, list_names
from serving.worker.requests.audio import parse_recording, recording_notes
from serving.worker.requests.image import parse_image
from serving.worker.requests.noise import parse_noise, parse_number_and_seed
from serving.worker.requests.sequence import parse_sequence, sequence_notes
from serving.worker.requests.table_cells import category_notes, number_notes, parse_category, parse_number
from serving.worker.requests.text import text_notes, tokenize_text
from serving.worker.signature import Field


def _no_nesting(field: Field) -> int:
    return 0


def _axis_count(field: Field) -> int:
    return len(field.shape)


def _no_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    return []


class FieldFormat(NamedTuple):
    """How a request holds one kind of field."""

    parse: Callable[[Any, Field, str], NDArray[Any]]
    """A JSON value -> one example's array, or several examples' with one more axis; the text begins an error."""
    nesting_levels: Callable[[Field], int] = _no_nesting
    """How many levels of lists one example has."""
    notes: Callable[[Any, NDArray[Any], Field, str], list[str]] = _no_notes
    """What the reply should say about a value that is accepted and yet unusual."""


# A further kind of field is a few functions in a file of its own, one row here and one in FIELD_WRITERS of
# serving/server/golden_requests.py.
FIELD_FORMATS: dict[str, FieldFormat] = {
    "image": FieldFormat(parse_image, _axis_count),
    "audio": FieldFormat(parse_recording, notes=recording_notes),
    "number": FieldFormat(parse_number, notes=number_notes),
    "category": FieldFormat(parse_category, notes=category_notes),
    "text": FieldFormat(tokenize_text, notes=text_notes),
    "steps": FieldFormat(parse_sequence, _axis_count, sequence_notes),
    "noise": FieldFormat(parse_noise, _axis_count),
}

ExtraParser = Callable[[Any, str], Any]  # parses the value of a key beside the fields; the text is its place


class Example(NamedTuple):
    """One example of a request: R rows of the graph's inputs; R is 1, except for several samples of a generator."""

    columns: dict[str, NDArray[Any]]  # (R, ...) by field
    extras: dict[str, Any]  # values beside the fields that the reply needs: "time", "seed"
    notes: list[str]  # what the reply should say about the values

    @property
    def row_count(self) -> int:
        return len(next(iter(self.columns.values())))


def parse_example(
    value: Any, fields: tuple[Field, ...], extra_parsers: Mapping[str, ExtraParser], where: str
) -> Example:
    """Parse one example: an object with exactly the signature's fields, and extra keys if it likes.

    A name may be spelled as in the file of the training data: `SibSp` for sibsp. An example of a generator may be
    `{"number": 8, "seed": 3}` without the field's name around it.

    Raises:
        RequestError: a field is missing, unknown or wrong; the message begins with its place in the request.
    """
    names = [field.name for field in fields]
    values = _named_values(value, names, where)
    if [field.kind for field in fields] == ["noise"] and fields[0].name not in values:
        return parse_bare(values, fields[0], where)
    _check_names(values, names, list(extra_parsers), where)
    prefix = "" if where == "request" else f"{where}."
    example = _merge_fields([parse_bare(values[field.name], field, prefix + field.name) for field in fields])
    return example._replace(extras={**example.extras, **_parse_extras(values, extra_parsers, prefix)})


def parse_bare(value: Any, field: Field, where: str) -> Example:
    """Parse an example that is the value of the only field, without its name."""
    array = parse_field(value, field, where)
    has_seed = field.kind == "noise" and isinstance(value, dict)
    extras = {"seed": parse_number_and_seed(value, where)[1]} if has_seed else {}
    return Example({field.name: array}, extras, FIELD_FORMATS[field.kind].notes(value, array[0], field, field.name))


def parse_field(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse the value of one field: (R, ...)."""
    array = FIELD_FORMATS[field.kind].parse(value, field, where)
    return array if array.ndim > len(field.shape) else array[None]


def match_names(found: Sequence[str], expected: Sequence[str]) -> list[str]:
    """Respell names that differ from the signature's in case and punctuation alone: `Sib Sp` becomes sib_sp.

    Names are left as they are where two would become one.
    """
    normalised = ["_".join(re.findall(r"[a-z0-9]+", name.casefold())) for name in found]
    renamed = [
        one if one in expected and name not in expected else name for one, name in zip(normalised, found, strict=True)
    ]
    return renamed if len(set(renamed)) == len(found) else list(found)


def _named_values(value: Any, names: Sequence[str], where: str) -> dict[str, Any]:
    """The values of an object by name, as the signature spells the names."""
    if not isinstance(value, dict):
        raise RequestError(400, f"{where}: expected an object with {list_names(names)}, found {describe_value(value)}")
    return dict(zip(match_names(list(value), names), value.values(), strict=True))


def _check_names(values: Mapping[str, Any], names: Sequence[str], extra_names: Sequence[str], where: str) -> None:
    """Check that an example has every field, and nothing else but extra keys."""
    known = [*names, *extra_names]
    missing = [name for name in names if name not in values]
    unknown = [name for name in values if name not in known]
    if missing:
        found = describe_unknown("field", unknown) if unknown else describe_value(values)
        raise RequestError(400, f"{where}: {describe_missing('field', missing)}, found {found}")
    if unknown:
        raise RequestError(
            400, f"{where}: expected only {list_names(known)}, found {describe_unknown('field', unknown)}"
        )


def _parse_extras(values: Mapping[str, Any], extra_parsers: Mapping[str, ExtraParser], prefix: str) -> dict[str, Any]:
    return {
        name: parse(values[name], prefix + name)
        for name, parse in extra_parsers.items()
        if values.get(name) is not None
    }


def _merge_fields(parts: Sequence[Example]) -> Example:
    """Merge the fields of one example, each parsed by itself."""
    merged = Example({}, {}, [])
    for part in parts:
        merged.columns.update(part.columns)
        merged.extras.update(part.extras)
        merged.notes.extend(part.notes)
    return merged

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

from serving.worker.request_error import Refusal, names, shown
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


class Decoder(NamedTuple):
    """What one kind of field is in a request."""

    read: Callable[[Any, Field, str], NDArray[Any]]
    """A JSON value -> one example's array, or several examples' with an axis more; `where` begins a refusal."""
    write: Callable[[NDArray[Any], Field], Any]
    """One example's array -> JSON that `read` takes for the same."""
    nested: Callable[[Field], int]
    """How many levels of lists one example has."""
    notes: Callable[[Any, NDArray[Any], Field, str], list[str]]
    """What the reply should say about a value that is answered and yet unusual."""


def _silent(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    return []


def _axes(field: Field) -> int:
    return len(field.shape)


def _none(field: Field) -> int:
    return 0


# A further kind of field is a few functions in a file of its own and one row here.
DECODERS: dict[str, Decoder] = {
    "image": Decoder(images.image, images.image_written, _axes, _silent),
    "number": Decoder(cells.number, cells.number_written, _none, cells.number_notes),
    "category": Decoder(cells.category, cells.category_written, _none, cells.category_notes),
    "text": Decoder(texts.text, texts.text_written, _none, texts.text_notes),
    "steps": Decoder(steps.steps, steps.steps_written, _axes, steps.steps_notes),
    "noise": Decoder(noise.noise, noise.noise_written, _axes, _silent),
}


Extra = Callable[[Any, str], Any]  # reads what a request may say besides the fields; the text is its place


class Example(NamedTuple):
    """One example of a request; R is 1, except for a generator that is asked for several samples."""

    columns: dict[str, NDArray[Any]]  # (R, ...) by field
    said: dict[str, Any]  # what the request said besides the fields and the reply needs: "time", "seed"
    notes: list[str]  # what the reply should say about the values

    @property
    def rows(self) -> int:
        return len(next(iter(self.columns.values())))


def decoded(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Read one field: (R, ...)."""
    array = DECODERS[field.kind].read(value, field, where)
    return array if array.ndim > len(field.shape) else array[None]


def alone(value: Any, field: Field, where: str) -> Example:
    """Read an example that is the value of the only field, without its name."""
    array = decoded(value, field, where)
    said = {"seed": noise.asked(value, where)[1]} if field.kind == "noise" and isinstance(value, dict) else {}
    return Example({field.name: array}, said, DECODERS[field.kind].notes(value, array[0], field, field.name))


def spelled(found: list[str], expected: list[str]) -> list[str]:
    """Names as the signature spells them, where they differ in case and signs alone: of `Sib Sp`, sib_sp.

    Names are left as they are where two would become one.
    """
    plain = ["_".join(re.findall(r"[a-z0-9]+", name.casefold())) for name in found]
    renamed = [
        one if one in expected and name not in expected else name for one, name in zip(plain, found, strict=True)
    ]
    return renamed if len(set(renamed)) == len(found) else found


def example(value: Any, fields: tuple[Field, ...], extras: Mapping[str, Extra], where: str) -> Example:
    """Read one example from an object that has exactly the signature's fields, and extras if it likes.

    A name may be spelled as in the file that was learned from: `SibSp` for sibsp.

    A generator's example may be `{"number": 8, "seed": 3}` without the field's name around it.

    Raises:
        Refusal: a field is missing, unknown or wrong; the sentence begins with its place in the request.
    """
    expected = [field.name for field in fields]
    if not isinstance(value, dict):
        raise Refusal(400, f"{where}: expected an object with {names(expected)}, found {shown(value)}")
    value = dict(zip(spelled(list(value), expected), value.values(), strict=True))
    if len(fields) == 1 and fields[0].kind == "noise" and fields[0].name not in value:
        return alone(value, fields[0], where)
    if missing := [name for name in expected if name not in value]:
        raise Refusal(400, f"{where}: the field {names(missing)} is missing, found {shown(value)}")
    if unknown := [name for name in value if name not in expected and name not in extras]:
        known = [*expected, *extras]
        raise Refusal(400, f"{where}: expected only {names(known)}, found the unknown field {names(unknown)}")
    prefix = "" if where == "request" else f"{where}."
    found = [alone(value[field.name], field, prefix + field.name) for field in fields]
    extra = {name: read(value[name], prefix + name) for name, read in extras.items() if value.get(name) is not None}
    return Example(
        {name: array for one in found for name, array in one.columns.items()},
        {**{name: fact for one in found for name, fact in one.said.items()}, **extra},
        [note for one in found for note in one.notes],
    )

"""Schema of a table: field names, kinds, units and ranges of its columns."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dates import DATE_UNIT
from pipelines.data.large_arrays import allocate, release_pages, released_chunks
from pipelines.data.schema import Field
from pipelines.runtime.user_error import UserError
from pipelines.sources.table.conversion import Variable
from pipelines.sources.table.type_inference import ColumnType

MAX_NAME_CHARACTERS = 60  # characters
TYPE_WORDS: dict[ColumnType, tuple[str, str]] = {  # what one is called, and several
    "number": ("a number", "numbers"),
    "date": ("a date", "dates"),
    "boolean": ("yes or no", "yes or no"),
    "category": ("a category", "categories"),
    "text": ("a text", "texts"),
}


RESERVED_NAMES = ("probabilities", "value", "quantiles", "reconstruction", "samples")  # what a graph calls its answer


def build_fields(variables: Sequence[Variable], units: Mapping[str, str], where: str) -> tuple[Field, ...]:
    """A field for each column that is stored.

    Raises:
        UserError: a unit is stated for a column that holds no numbers.
    """
    names = field_names([each.column.name for each in variables])
    for each in variables:
        if each.column.name in units and each.type != "number":
            raise UserError(
                f"{where}: unit: {each.column.name} is of type {each.type}, which has no unit; take it out, or state "
                f"`types: {{{each.column.name}: number}}`"
            )
    return tuple(_build_field(each, name, units) for each, name in zip(variables, names, strict=True))


def field_names(columns: Sequence[str]) -> list[str]:
    """Names of lower-case letters, digits and _, each once: they become file names and names in a graph."""
    names: list[str] = list(RESERVED_NAMES)
    for place, column in enumerate(columns, start=1):
        plain = unicodedata.normalize("NFKD", column.casefold()).encode("ascii", "ignore").decode()
        name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_NAME_CHARACTERS].rstrip("_") or f"column_{place}"
        same = (f"{name}_{number}" for number in range(2, len(columns) + 3))
        names.append(name if name not in names else next(one for one in same if one not in names))
    return names[len(RESERVED_NAMES) :]


def stored_values(variable: Variable) -> NDArray[Any]:
    """The values as the schema says: float32, int64 or uint8."""
    if variable.values.dtype != np.float64:
        return variable.values
    stored = allocate(variable.values.shape, np.float32)
    for rows in released_chunks(stored):
        stored[rows] = variable.values[rows]
    release_pages(variable.values)
    return stored


def type_notes(variables: Sequence[Variable], fields: Sequence[Field], *, is_guessed: bool) -> tuple[str, ...]:
    """What was read as what; the last variable is the target, whose type is guessed or stated."""
    notes = []
    for kind, (_, plural) in TYPE_WORDS.items():
        names = [each.column.name for each in variables[:-1] if each.type == kind]
        if names:
            notes.append(f"Read as {plural}: {', '.join(names)}.")
    target = variables[-1]
    note = f"The target {target.column.name} is read as {TYPE_WORDS[target.type][0]}"
    if is_guessed and target.type == "category" and all(re.fullmatch(r"-?[0-9]+", one) for one in target.categories):
        note += f", as it holds {len(target.categories)} whole numbers ({', '.join(target.categories)}); "
        note += f"`types: {{{target.column.name}: number}}` makes it a number"
    notes.append(f"{note}.")
    renamed = [(each.column.name, field.name) for each, field in zip(variables, fields, strict=True)]
    if any(column != name for column, name in renamed):
        changed = [f"{column} is {name}" for column, name in renamed if column.lower() != name]
        note = "In files, requests and replies, columns have names of lower-case letters, digits and _"
        notes.append(f"{note}{': ' * bool(changed)}{', '.join(changed)}.")
    return tuple(notes)


def _build_field(variable: Variable, name: str, units: Mapping[str, str]) -> Field:
    values = stored_values(variable)
    if variable.type in ("number", "date"):
        return Field(
            name=name,
            kind="number",
            dtype="float32",
            shape=(),
            range=(float(np.nanmin(values)), float(np.nanmax(values))),
            unit=DATE_UNIT if variable.type == "date" else units.get(variable.column.name, ""),
        )
    if variable.type == "text":
        return Field(name=name, kind="text", dtype="uint8", shape=values.shape[1:])
    return Field(name=name, kind="category", dtype="int64", shape=(), categories=variable.categories)

"""A table: CSV, TSV or Parquet, a row per example and a column per thing known about it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, field_validator, model_validator

from pipelines.data.dataset import Data
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.user_error import Failure
from pipelines.sources.files.csv_cells import read_cells
from pipelines.sources.files.parsing import MISSING
from pipelines.sources.table.columns import (
    Table,
    columns_of_cells,
    columns_of_parquet,
    rows_of,
)
from pipelines.sources.table.conversion import Reading, variable
from pipelines.sources.table.findings import Treated, set_aside_rows, treatments
from pipelines.sources.table.roles import inputs_of, key_of, target_of
from pipelines.sources.table.schema import fields_of, notes_of, stored
from pipelines.sources.table.type_inference import Guess, Type, decimal_mark

PARQUET_ENDINGS = frozenset({".parquet", ".pq"})


def _pairs(value: Any) -> Any:
    """A mapping as sorted pairs, which are hashable."""
    if isinstance(value, dict):
        return tuple(sorted(value.items(), key=str))
    return tuple(map(tuple, value)) if isinstance(value, list) else value


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple)]


class TableSettings(BaseModel):
    """`source: {kind: table, path: data/titanic.csv, target: survived, types: {class: category}}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["table"]
    path: str  # of the file; relative to the project's folder
    target: str  # the column to be predicted
    types: Annotated[tuple[tuple[str, Type], ...], BeforeValidator(_pairs)] = ()  # where the guess is not wanted
    inputs: Names = ()  # the columns a network sees; all that are left when empty
    keys: Names = ()  # columns that a split goes by; no inputs, unless they are named there too
    unit: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)] = ()  # of columns of numbers
    missing: Annotated[tuple[str, ...] | None, BeforeValidator(_tuple)] = None  # instead of cells.MISSING
    separator: str | None = None  # found in the file when absent
    decimal: Literal[".", ","] | None = None  # found in the file when absent
    encoding: str | None = None  # UTF-8 when absent
    header: bool = True  # whether the first line names the columns; otherwise they are column_1, column_2, ...
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("separator")
    @classmethod
    def _is_one_character(cls, separator: str | None) -> str | None:
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise ValueError(f"must be one character other than a quote, such as ';' or \"\\t\", got {separator!r}")
        return separator

    @model_validator(mode="after")
    def _target_is_only_a_target(self) -> "TableSettings":
        for name, others in (("inputs", self.inputs), ("keys", self.keys)):
            if self.target in others:
                raise ValueError(f"{name}: {self.target} is the target, so it cannot be one of the {name}")
        return self


def load(settings: TableSettings) -> Data:
    """Read a table, tell what each column holds, and say what was done about cells, rows and columns.

    Raises:
        Failure: the file cannot be read as a table, or does not hold what the settings say.
    """
    whole = read_table(settings)
    _check_names(settings, whole)
    decimal, unsure = (settings.decimal, {}) if settings.decimal else decimal_mark(whole.columns.values())
    stated = dict(settings.types)
    everywhere = Reading(settings.path, whole, decimal)
    asked = target_of(everywhere, settings.target, stated.get(settings.target))
    reading = everywhere._replace(table=rows_of(whole, ~asked.missing))
    target = variable(reading.table.columns[settings.target], Guess(asked.type), reading)
    inputs, set_aside = inputs_of(reading, _candidates(settings, whole), stated, insist=bool(settings.inputs))
    fields = fields_of([*inputs, target], dict(settings.unit), settings.path)
    treated = Treated(reading, inputs, target, set_aside, unsure)
    schema = Schema(
        inputs=fields[:-1],
        target=fields[-1],
        title=settings.title or f"The table {Path(settings.path).name}",
        origin=settings.origin or f"The file {Path(settings.path).name}; where it comes from is not stated",
        licence=settings.licence,
    )
    return Data(
        schema,
        Part(tuple(stored(each) for each in inputs), stored(target)),
        notes=notes_of([*inputs, target], fields, is_guessed=settings.target not in stated),
        findings=(*set_aside_rows(everywhere, asked), *treatments(treated)),
        keys={name: key_of(reading, name, stated.get(name)) for name in settings.keys},
    )


def read_table(settings: TableSettings) -> Table:
    """The columns of the file, every cell as it stands there."""
    path = Path(settings.path)
    missing = MISSING if settings.missing is None else frozenset(mark.strip() for mark in settings.missing) | {""}
    if path.suffix.lower() in PARQUET_ENDINGS:
        return columns_of_parquet(path, missing)
    cells = read_cells(path, separator=settings.separator, encoding=settings.encoding, header=settings.header)
    return columns_of_cells(cells, missing)


def _candidates(settings: TableSettings, table: Table) -> list[str]:
    """The columns that may be inputs, in the file's order."""
    names = [*table.columns, *table.unreadable]
    if settings.inputs:
        return [name for name in names if name in settings.inputs]
    return [name for name in names if name != settings.target and name not in settings.keys]


def _check_names(settings: TableSettings, table: Table) -> None:
    """Every column that the settings name is one of the file."""
    known = [*table.columns, *table.unreadable]
    named = {
        "target": (settings.target,),
        "types": tuple(name for name, _ in settings.types),
        "inputs": settings.inputs,
        "keys": settings.keys,
        "unit": tuple(name for name, _ in settings.unit),
    }
    for setting, names in named.items():
        for name in names:
            if name not in known:
                shown = ", ".join(known[:50]) + (f" and {len(known) - 50} more" if len(known) > 50 else "")
                raise Failure(f"{settings.path}: {setting}: there is no column {name!r}; the columns are {shown}")
            if name in table.unreadable and setting in ("target", "inputs", "keys"):
                raise Failure(
                    f"{settings.path}: {setting}: {name} holds {table.unreadable[name]}, not one text, number or date "
                    f"per row; leave it out, or write a file with a value per cell"
                )

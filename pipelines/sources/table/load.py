"""Loader of tables: CSV, TSV or Parquet, a row per example."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, field_validator, model_validator

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.data.wording import format_list
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_numbers import NumberParser
from pipelines.sources.files.csv_table import read_csv
from pipelines.sources.files.parsing import MISSING_MARKS
from pipelines.sources.files.setting_types import ColumnNames, list_to_tuple
from pipelines.sources.files.tabular_file import TabularSettings, read_typed, rows_name
from pipelines.sources.files.unlabelled import UnlabelledPolicy, report_unlabelled
from pipelines.sources.table.columns import (
    Table,
    select_rows,
    table_from_csv,
    table_from_typed,
)
from pipelines.sources.table.conversion import ReadContext, Variable, convert_column, select_values
from pipelines.sources.table.findings import ConvertedTable, check_table, report_skipped_rows
from pipelines.sources.table.roles import read_inputs, read_split_key, read_target
from pipelines.sources.table.schema import build_fields, stored_values, type_notes
from pipelines.sources.table.type_inference import ColumnType, InferredType, infer_decimal_mark

MAX_LISTED_COLUMNS = 50  # columns that a message lists
NUMERIC_TYPES = frozenset({"number", "id"})  # stated for a column, no text of it is needed


def _mapping_to_pairs(value: Any) -> Any:
    """A mapping as sorted pairs, which are hashable."""
    if isinstance(value, dict):
        return tuple(sorted(value.items(), key=str))
    return tuple(map(tuple, value)) if isinstance(value, list) else value


class TableSettings(TabularSettings):
    """`source: {kind: table, path: data/titanic.csv, target: survived, types: {class: category}}`"""

    kind: Literal["table"]
    target: str  # the column to be predicted
    types: Annotated[
        tuple[tuple[str, ColumnType], ...], BeforeValidator(_mapping_to_pairs)
    ] = ()  # where the guess is not wanted
    inputs: ColumnNames = ()  # the columns a network sees; all that are left when empty
    keys: ColumnNames = ()  # columns that a split goes by; no inputs, unless they are named there too
    unit: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_mapping_to_pairs)] = ()  # of columns of numbers
    missing: Annotated[tuple[str, ...] | None, BeforeValidator(list_to_tuple)] = None  # instead of MISSING_MARKS
    decimal: Literal[".", ","] | None = None  # found in the file when absent
    header: bool = True  # whether the first line names the columns; otherwise they are column_1, column_2, ...
    unlabelled: UnlabelledPolicy = "skip"  # rows without a target: leave them out, or keep them for `semi`
    title: str = ""
    origin: str = ""
    licence: str = "not stated"

    @field_validator("separator")
    @classmethod
    def _check_separator(cls, separator: str | None) -> str | None:
        if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
            raise ValueError(f"must be one character other than a quote, such as ';' or \"\\t\", got {separator!r}")
        return separator

    @model_validator(mode="after")
    def _check_target_role(self) -> "TableSettings":
        for name, others in (("inputs", self.inputs), ("keys", self.keys)):
            if self.target in others:
                raise ValueError(f"{name}: {self.target} is the target, so it cannot be one of the {name}")
        return self


def load_table(settings: TableSettings) -> Dataset:
    """Read a table, tell what each column holds, and say what was done about cells, rows and columns.

    Raises:
        UserError: the file cannot be read as a table, or does not hold what the settings say.
    """
    full_table, decimal, ambiguous_decimals = read_with_decimal_mark(settings)
    _check_column_names(settings, full_table)
    stated_types = dict(settings.types)
    full_context = ReadContext(settings.path, full_table, decimal)
    full_target = read_target(full_context, settings.target, stated_types.get(settings.target))
    labelled = ~full_target.missing_mask
    context = full_context._replace(table=select_rows(full_table, labelled))
    target = convert_column(context.table.columns[settings.target], InferredType(full_target.type), context)
    keeps = settings.unlabelled == "keep"
    all_inputs, skipped = read_inputs(
        full_context if keeps else context,
        _candidates(settings, full_table),
        stated_types,
        named_by_user=bool(settings.inputs),
    )
    inputs, unlabelled = _set_unlabelled_apart(all_inputs, labelled) if keeps else (all_inputs, ())
    fields = build_fields([*inputs, target], dict(settings.unit), settings.path)
    converted = ConvertedTable(context, inputs, target, skipped, ambiguous_decimals)
    schema = Schema(
        inputs=fields[:-1],
        target=fields[-1],
        title=settings.title or f"The table {rows_name(settings)}",
        origin=settings.origin or f"The file {rows_name(settings)}; where it comes from is not stated",
        licence=settings.licence,
    )
    return Dataset(
        schema,
        Part(tuple(stored_values(each) for each in inputs), stored_values(target)),
        notes=type_notes([*inputs, target], fields, is_guessed=settings.target not in stated_types),
        findings=(
            *report_skipped_rows(full_context, full_target),
            *report_unlabelled(int((~labelled).sum()) if keeps else 0, "row"),
            *check_table(converted),
        ),
        keys={name: read_split_key(context, name, stated_types.get(name)) for name in settings.keys},
        unlabelled=unlabelled,
    )


def _set_unlabelled_apart(
    inputs: list[Variable], labelled: NDArray[np.bool_]
) -> tuple[list[Variable], tuple[NDArray[Any], ...]]:
    """The inputs of the rows (N,) that have a target, and of the others as they are stored."""
    return [select_values(each, labelled) for each in inputs], tuple(stored_values(each)[~labelled] for each in inputs)


def read_with_decimal_mark(settings: TableSettings) -> tuple[Table, str, dict[str, str]]:
    """The columns of the file, their decimal mark, and the columns (with a cell) of which it is not certain."""
    table = read_table(settings)
    mark, ambiguous = (settings.decimal, {}) if settings.decimal else infer_decimal_mark(table.columns.values())
    if mark == "," and any(column.decimal_vote.mark for column in table.columns.values()):
        table = read_table(settings, parses_numbers=False)  # 1.5 was read as one and a half
    return table, mark, ambiguous


def read_table(settings: TableSettings, *, parses_numbers: bool = True) -> Table:
    """The columns of the file: every cell as it stands there, or as a number where nothing is lost with its text."""
    missing = MISSING_MARKS if settings.missing is None else frozenset(mark.strip() for mark in settings.missing) | {""}
    typed = read_typed(settings.path, settings, header=settings.header)
    if typed is not None:
        return table_from_typed(typed, missing)
    stated_types = dict(settings.types)

    def number_parser(name: str) -> NumberParser | None:
        return NumberParser(missing) if stated_types.get(name, "number") in NUMERIC_TYPES and parses_numbers else None

    format = CsvFormat(Path(settings.path), settings.separator, settings.encoding, settings.header)
    return table_from_csv(read_csv(format, number_parser), missing)


def _candidates(settings: TableSettings, table: Table) -> list[str]:
    """The columns that may be inputs, in the file's order."""
    names = [*table.columns, *table.unsupported_columns]
    if settings.inputs:
        return [name for name in names if name in settings.inputs]
    return [name for name in names if name != settings.target and name not in settings.keys]


def _check_column_names(settings: TableSettings, table: Table) -> None:
    """Every column that the settings name is one of the file."""
    known = [*table.columns, *table.unsupported_columns]
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
                shown = format_list(known, MAX_LISTED_COLUMNS)
                raise UserError(f"{settings.path}: {setting}: there is no column {name!r}; the columns are {shown}")
            if name in table.unsupported_columns and setting in ("target", "inputs", "keys"):
                raise UserError(
                    f"{settings.path}: {setting}: {name} holds {table.unsupported_columns[name]}, not one text, number "
                    "or date per row; leave it out, or write a file with a value per cell"
                )

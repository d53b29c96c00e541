"""Rows and columns wherever they are: text files, sheets, JSON Lines, Parquet and databases, by the same settings."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.csv_cells import CsvFormat
from pipelines.sources.files.csv_table import read_csv
from pipelines.sources.files.database import SQLITE_SIGNATURE, DatabaseRows, read_database
from pipelines.sources.files.database_address import check_no_password, is_database_address
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.excel import EXCEL_SUFFIXES, read_excel
from pipelines.sources.files.json_lines import JSON_LINES_SUFFIXES, read_json_lines
from pipelines.sources.files.packing import inner_path
from pipelines.sources.files.parquet import PARQUET_SUFFIXES, read_parquet
from pipelines.sources.files.parsing import DecimalMark
from pipelines.sources.files.typed_table import CellTable, TypedCells, TypedTable

QUERY_WORDS = ("select", "with", "values", "table")  # how a query begins that changes nothing


class TabularSettings(BaseModel):
    """What sources of rows and columns have in common: where these are, and how they are written there."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    path: str  # of a CSV, TSV, Excel, JSON Lines, Parquet or SQLite file, its address, or the address of a database
    sheet: str | int | None = None  # of a workbook: its name, or its number from 1; the only one with cells when absent
    table: str | None = None  # of a database: the table; its only one when absent
    query: str | None = None  # of a database: a SELECT instead of a table
    separator: str | None = None  # of a text file; found there when absent
    encoding: str | None = None  # of a text file; UTF-8 when absent

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        return check_no_password(path)

    @field_validator("query")
    @classmethod
    def _check_query(cls, query: str | None) -> str | None:
        words = (query or "select").split(maxsplit=1)
        if not words or words[0].lower() not in QUERY_WORDS:
            raise ValueError(f"must read and not change, so it begins with {' or '.join(QUERY_WORDS)}, got {query!r}")
        return query

    @model_validator(mode="after")
    def _check_rows(self) -> "TabularSettings":
        if self.table is not None and self.query is not None:
            raise ValueError("table and query both say which rows; take one of them out")
        return self


class TypedFormat(NamedTuple):
    """A kind of place whose cells have types."""

    setting: tuple[str, ...]  # which settings say more of it, and belong to no other
    fits: Callable[[str], bool]  # whether a location is one
    read: Callable[[str, TabularSettings, bool], TypedTable]  # of a location, its settings and whether names come first


def _is_database(location: str) -> bool:
    if is_database_address(location):
        return True
    try:
        with Path(location).open("rb") as file:
            return file.read(len(SQLITE_SIGNATURE)) == SQLITE_SIGNATURE
    except OSError:
        return False


def _has_suffix(suffixes: frozenset[str]) -> Callable[[str], bool]:
    return lambda location: Path(location).suffix.lower() in suffixes


# A further format is a file that makes a TypedTable, and a row here.
TYPED_FORMATS = (
    TypedFormat(
        ("table", "query"),
        _is_database,
        lambda location, stated, header: read_database(DatabaseRows(location, stated.table, stated.query)),
    ),
    TypedFormat(
        ("sheet",),
        _has_suffix(EXCEL_SUFFIXES),
        lambda location, stated, header: read_excel(Path(location), stated.sheet, header),
    ),
    TypedFormat(
        (),
        lambda location: inner_path(Path(location)).suffix.lower() in JSON_LINES_SUFFIXES,
        lambda location, stated, header: read_json_lines(Path(location), stated.encoding),
    ),
    TypedFormat((), _has_suffix(PARQUET_SUFFIXES), lambda location, stated, header: read_parquet(Path(location))),
)


def resolve_rows(path: str) -> str:
    """Where rows are on this machine: an address of a database as it stands, any other location as a path.

    Raises:
        UserError: there is no such file or folder, or it cannot be fetched.
    """
    return path if is_database_address(path) else str(resolve_location(path))


def rows_name(settings: TabularSettings) -> str:
    """What a title calls the place: the file's name, or the database's; less a user, a server and what is after ?."""
    location = settings.path
    name = location.partition("?")[0].rpartition("/")[2] if is_database_address(location) else Path(location).name
    return f"{settings.table} of {name}" if settings.table else name


def read_typed(location: str, settings: TabularSettings, *, header: bool = True) -> TypedTable | None:
    """Read rows whose cells have types; None of a text file, which says nothing of types.

    Args:
        location: `settings.path`, with a path of this machine in place of a fetched file's address.
        settings: how the rows are written there.
        header: whether the first row of a sheet names the columns.

    Raises:
        UserError: they cannot be read, or a setting is for another kind of place.
    """
    found = next((each for each in TYPED_FORMATS if each.fits(location)), None)
    for setting, what in (("sheet", "an Excel workbook"), ("table", "a database"), ("query", "a database")):
        if getattr(settings, setting) is not None and (found is None or setting not in found.setting):
            raise UserError(f"{settings.path}: {setting}: is for {what}, which this is not; take it out")
    return None if found is None else found.read(location, settings, header)


def read_cells(
    location: str, settings: TabularSettings, *, header: bool = True, decimal: DecimalMark = "."
) -> CellTable:
    """Read rows as texts, wherever they are; numbers that are no texts are written with the decimal mark.

    Raises:
        UserError: as `read_typed`, or a text file breaks its form.
    """
    typed = read_typed(location, settings, header=header)
    if typed is not None:
        return TypedCells(settings.path, typed, decimal)
    return read_csv(CsvFormat(Path(location), settings.separator, settings.encoding, header))

"""Databases: the rows of a table or of a query, from an SQLite file or from a server at its SQLAlchemy address.

Nothing is written there: SQLite is opened read-only, and what a server was asked is rolled back. An error of a driver
is repeated without what stands in environment variables. https://docs.sqlalchemy.org/en/20/core/engines.html
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from pipelines.data.wording import format_list
from pipelines.runtime.progress import show_progress
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.database_address import fill_variables, is_database_address, redact
from pipelines.sources.files.typed_blocks import BLOCK_ROWS, TypedRow, build_typed_table
from pipelines.sources.files.typed_table import TypedTable

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult

SQLITE_SIGNATURE = b"SQLite format 3\0"


class DatabaseRows(NamedTuple):
    """Which rows of which database."""

    location: str  # an SQLite file, or an address whose password is in an environment variable
    table: str | None = None  # its name, maybe with a schema before a point
    query: str | None = None  # instead of a table


def read_database(wanted: DatabaseRows) -> TypedTable:
    """Read all rows; a table of a server in the order of its primary key, if it has one.

    Raises:
        UserError: the database cannot be reached, has no such table, or cannot answer the query.
    """
    with _run_query(wanted) as (result, row_count):
        cells = (row for block in result.partitions(BLOCK_ROWS) for row in block)
        rows = (TypedRow(place, row) for place, row in enumerate(cells, start=1))
        return build_typed_table(_describe(wanted), list(result.keys()), rows, "row", row_count)


def fingerprint_database(wanted: DatabaseRows) -> dict[str, Any]:
    """Hash all rows of a server's table or query, in their order: `files` (0), `bytes` (hashed) and `sha256`.

    Raises:
        UserError: as `read_database`.
    """
    digest, size = hashlib.sha256(), 0
    with _run_query(wanted) as (result, row_count):
        digest.update(repr(tuple(result.keys())).encode())
        rows = (row for block in result.partitions(BLOCK_ROWS) for row in block)
        for row in show_progress(rows, "row hashed", row_count):
            content = repr(tuple(row)).encode(errors="surrogateescape")
            digest.update(content)
            size += len(content)
    return {"files": 0, "bytes": size, "sha256": digest.hexdigest()}


class _Statement(NamedTuple):
    """What a database is asked."""

    rows: str
    row_count: str | None = None  # how many rows those are; None of a query, which would be answered twice for it


class _Answer(NamedTuple):
    """What it answers."""

    rows: "CursorResult[Any]"
    row_count: int | None


@contextmanager
def _run_query(wanted: DatabaseRows) -> Iterator[_Answer]:
    """The answer of a database; whatever goes wrong with it inside the block becomes a UserError."""
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    where = _describe(wanted)
    try:
        if is_database_address(wanted.location):
            engine = create_engine(fill_variables(wanted.location), poolclass=NullPool)
        else:
            path = _check_sqlite_file(Path(wanted.location))
            engine = create_engine("sqlite://", creator=lambda: _open_sqlite(path), poolclass=NullPool)
        with engine.connect().execution_options(stream_results=True) as connection:  # rolled back at the end
            statement = _statement(wanted, connection)
            row_count = (
                None if statement.row_count is None else connection.exec_driver_sql(statement.row_count).scalar_one()
            )
            yield _Answer(connection.exec_driver_sql(statement.rows), row_count)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        raise UserError(
            f"{where}: this kind of database needs the Python package {error.name}; install it beside Bakeoff"
        ) from None
    except ArgumentError:
        raise UserError(
            f"{where}: is no usable address of a database; write dialect://user:${{PASSWORD}}@host/database, as "
            "SQLAlchemy does"
        ) from None
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        what = " ".join(redact(str(getattr(error, "orig", None) or error), wanted.location).split())[:300]
        raise UserError(f"{where}: the database answers: {what}; check the address, the table or the query") from None


def _describe(wanted: DatabaseRows) -> str:
    if wanted.query is not None:
        return f"{wanted.location}, the query"
    return f"{wanted.location}, table {wanted.table}" if wanted.table else wanted.location


def _check_sqlite_file(path: Path) -> Path:
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise UserError(
            f"{path}: {log.name} beside it holds what is not written to the database yet; close the program that "
            "writes it, or run `PRAGMA wal_checkpoint(TRUNCATE)` in it"
        )
    return path


def _open_sqlite(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1", uri=True)


def _statement(wanted: DatabaseRows, connection: "Connection") -> _Statement:
    if wanted.query is not None:
        return _Statement(wanted.query)
    from sqlalchemy import inspect

    inspector = inspect(connection)
    schema, _, bare = (wanted.table or "").rpartition(".")
    names = [*inspector.get_table_names(schema or None), *inspector.get_view_names(schema or None)]
    if wanted.table is None:
        if len(names) != 1:
            found = f"holds {len(names)} tables, {format_list(sorted(names), 20)}" if names else "holds no table"
            raise UserError(f"{wanted.location}: {found}; name one with `table`, or state a `query`")
        bare = names[0]
    elif bare not in names:
        if wanted.table in (all_names := [*inspector.get_table_names(), *inspector.get_view_names()]):
            schema, bare = "", wanted.table
        else:
            known = format_list(sorted(all_names), 20) if all_names else "none"
            raise UserError(f"{wanted.location}: table: there is no table {wanted.table!r}; there are {known}")
    quoted = connection.dialect.identifier_preparer.quote
    keys = inspector.get_pk_constraint(bare, schema or None)["constrained_columns"] if bare in names else []
    order = f" ORDER BY {', '.join(map(quoted, keys))}" if keys else ""
    table = f"{quoted(schema) + '.' if schema else ''}{quoted(bare)}"
    return _Statement(f"SELECT * FROM {table}{order}", f"SELECT COUNT(*) FROM {table}")

"""Databases as sources: tables and queries, and an address's password that is written nowhere."""

import re
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.runtime.hash_cache import HashCache
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import typed_blocks
from pipelines.sources.files.database_address import check_no_password, redact
from pipelines.sources.files.fingerprint import fingerprint_source
from pipelines.sources.kinds import load_dataset
from pipelines.sources.series.load import SeriesSettings, load_series
from pipelines.sources.table.load import TableSettings
from tests.support.clock import pass_minutes

SECRET = "s3cr:t/p@ss"


def write_database(path: Path, tables: tuple[str, ...] = ("orders",)) -> Path:
    connection = sqlite3.connect(path)
    for name in tables:
        connection.execute(
            f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, day TEXT, amount REAL, paid TEXT, scan BLOB)'
        )
        rows = [
            (number, f"2024-01-{number % 28 + 1:02}", None if number == 5 else number * 0.5, "yn"[number % 2], b"\0")
            for number in range(56)
        ]
        connection.executemany(f'INSERT INTO "{name}" VALUES (?, ?, ?, ?, ?)', rows)
    connection.commit()
    connection.close()
    return path


def settings(path: str | Path, **stated: Any) -> TableSettings:
    return TableSettings.model_validate({"kind": "table", "path": str(path), "target": "paid", **stated})


def read(path: str | Path, **stated: Any) -> Dataset:
    return load_dataset(settings(path, **stated), Path("downloads"))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_database(tmp_path / "shop.db")


def test_a_table_of_an_sqlite_file_is_read_with_its_kinds(shop: Path) -> None:
    data = read(shop)
    assert [(field.name, field.kind, field.unit) for field in data.schema.inputs] == [
        ("day", "number", "days since 1970-01-01"),
        ("amount", "number", ""),
    ]
    assert np.flatnonzero(np.isnan(data.part.inputs[1])).tolist() == [5]
    assert data.schema.title == "The table shop.db"
    assert str(shop.parent) not in repr((data.schema, data.notes, data.findings))


def test_the_same_rows_come_by_file_by_address_and_by_query(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP", f"sqlite:///{shop}")
    ways = [
        read(shop, table="orders"),
        read(f"sqlite:///{shop}"),
        read("${SHOP}", table="main.orders"),
        read(shop, query="SELECT day, amount, paid FROM orders ORDER BY id"),
    ]
    for data in ways[1:]:
        np.testing.assert_array_equal(data.part.inputs[1], ways[0].part.inputs[1])
    assert ways[2].schema.title == "The table main.orders of ${SHOP}"


@pytest.mark.parametrize(
    ("stated", "shown"),
    [
        ({}, r"block of 16 rows 2 of 4  about .* left"),
        ({"query": "SELECT * FROM orders"}, r"block of 16 rows 2  \d+ min 0 s"),
    ],
)
def test_a_reading_that_takes_long_shows_how_far_it_is(
    stated: dict[str, Any], shown: str, shop: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pass_minutes(monkeypatch)
    monkeypatch.setattr(typed_blocks, "BLOCK_ROWS", 16)
    read(shop, **stated)
    assert re.search(f"^  {shown}$", capsys.readouterr().err, re.MULTILINE)


def test_a_series_comes_from_a_query(shop: Path) -> None:
    query = "SELECT day, sum(amount) AS amount FROM orders WHERE id < 28 AND id != 5 OR id = 33 GROUP BY day"
    stated = {"kind": "series", "path": str(shop), "query": query, "time": "day", "window": 5, "horizon": 2}
    assert load_series(SeriesSettings.model_validate(stated)).schema.title == "shop"


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"table": "sales"}, "table: there is no table 'sales'; there are orders"),
        ({"query": "SELECT absent FROM orders"}, "the database answers: no such column: absent"),
        ({"query": "WITH x AS (SELECT 1) DELETE FROM orders"}, "the database answers: attempt to write a readonly"),
        ({"query": "SELECT 1; DROP TABLE orders"}, "the database answers: You can only execute one statement"),
        ({"query": "SELECT * FROM orders WHERE 0"}, "is empty: it must hold at least one column and one row"),
        ({"query": "SELECT paid, paid FROM orders"}, "two columns are called 'paid'"),
        ({"inputs": ["scan"]}, "inputs: scan holds bytes, not one text"),
        ({"sheet": 1}, "sheet: is for an Excel workbook"),
    ],
)
def test_rows_that_cannot_be_had_end_in_a_sentence(stated: dict[str, Any], words: str, shop: Path) -> None:
    before = shop.read_bytes()
    with pytest.raises(UserError, match=words):
        read(shop, **stated)
    assert shop.read_bytes() == before


def test_several_tables_are_not_guessed_from_and_odd_names_are_quoted(tmp_path: Path) -> None:
    path = write_database(tmp_path / "two.db", ("orders", "sales"))
    with pytest.raises(UserError, match=r"holds 2 tables, orders, sales; name one with `table`, or state a `query`"):
        read(path)
    connection = sqlite3.connect(tmp_path / "odd.db")
    connection.execute('CREATE TABLE "a;b" (x REAL, paid TEXT)')
    connection.executemany('INSERT INTO "a;b" VALUES (?, ?)', [(n * 0.5, "yn"[n % 2]) for n in range(30)])
    connection.commit()
    connection.close()
    assert len(read(tmp_path / "odd.db", table="a;b").part.target) == 30


def test_a_damaged_database_and_one_that_is_being_written_end_in_a_sentence(shop: Path) -> None:
    damaged = shop.with_name("damaged.db")
    damaged.write_bytes(shop.read_bytes()[:100] + b"\xff" * 5000)
    with pytest.raises(UserError, match="the database answers"):
        read(damaged)
    shop.with_name("shop.db-wal").write_bytes(b"x")
    with pytest.raises(UserError, match=r"shop.db-wal beside it holds what is not written to the database yet"):
        read(shop)


@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://me:{SECRET}@host/shop",
        "postgresql://:only@host/shop",
        "mysql+pymysql://me:a?b@host/shop",
        "postgresql://host/shop?user=me&password=hunter2",
        "postgresql://me:${A}x@host/shop",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(address)
    (error,) = caught.value.errors(include_input=False, include_url=False)
    assert "put it into an environment variable and write ${NAME}" in error["msg"]
    assert not any(secret in error["msg"] for secret in (SECRET, "only@", "a?b", "hunter2"))


@pytest.mark.parametrize(
    "address",
    ["postgresql://me:${SHOP_PASSWORD}@host:5432/shop", "postgresql://me@host/shop", "${SHOP}", "sqlite:////a/b.db"],
)
def test_an_address_without_a_password_passes(address: str) -> None:
    assert check_no_password(address) == address


def test_an_error_of_a_driver_is_told_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    monkeypatch.setenv("SHOP", f"postgresql://me:{SECRET}@host/shop")
    for location in ("postgresql://me:${SHOP_PASSWORD}@host/shop", "${SHOP}"):
        for text in (f"login of me with {SECRET} failed", "at postgresql://me:s3cr%3At%2Fp%40ss@host/shop"):
            assert "s3cr" not in redact(text, location)


def test_an_unknown_variable_dialect_and_database_end_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOBODY", raising=False)
    monkeypatch.setenv("SHOP", SECRET)
    monkeypatch.setenv("SHOP_PASSWORD", SECRET)
    for address, words in {
        "postgresql://me:${NOBODY}@host/shop": r"the environment variable NOBODY is not set; export NOBODY=",
        "klingon://me:${SHOP_PASSWORD}@host/shop": "is no usable address of a database",
        "${SHOP}": "is no usable address of a database",
        f"sqlite:///{tmp_path}/none/x.db": "the database answers: unable to open",
        "postgresql+psycopg2://me:${SHOP_PASSWORD}@host/shop": "needs the Python package psycopg2",
    }.items():
        with pytest.raises(UserError, match=words) as caught:
            read(address)
        assert SECRET not in str(caught.value)


def test_an_edit_of_a_server_s_rows_is_noticed_and_no_secret_is_kept(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP", f"sqlite:///{shop}")
    source = {"kind": "table", "path": "${SHOP}", "table": "orders"}

    def fingerprint() -> list[dict[str, Any]]:
        return fingerprint_source(source, tmp_path / "downloads", HashCache(tmp_path / "hashes.json"))

    before = fingerprint()
    assert before == fingerprint()
    assert str(shop) not in repr(before)
    connection = sqlite3.connect(shop)
    connection.execute("UPDATE orders SET amount = 1 WHERE id = 7")
    connection.commit()
    connection.close()
    assert fingerprint() != before
    monkeypatch.delenv("SHOP")
    assert fingerprint() == [{"setting": "path", "missing": True}]

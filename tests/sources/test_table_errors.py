"""Tables with faults: repaired and reported, or refused in a sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.runtime.user_error import UserError
from pipelines.sources.table.load import TableSettings, load_table
from tests.support.hostile_tables import (
    REFUSED_TABLES,
    SENTENCES,
    TABLES_WITH_FINDINGS,
    WORDS,
    csv_with_column,
)
from tests.support.table_reading import column, field, finding, table


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.one_of(st.binary(max_size=80), st.text('ab1.,;\t"\n\r -', max_size=80).map(str.encode)))
def test_any_bytes_give_a_table_or_a_user_error(content: bytes, tmp_path: Path) -> None:
    try:
        data = table(tmp_path, content, header=False, target="column_2")
    except UserError as failure:
        assert "t.csv" in str(failure)  # noqa: PT017  either end is right
    else:
        assert all(len(values) == len(data.part.target) for values in data.part.inputs)


@pytest.mark.parametrize("name", REFUSED_TABLES)
def test_a_wrong_table_ends_in_a_sentence(name: str, tmp_path: Path) -> None:
    content, words, stated, file = REFUSED_TABLES[name]
    with pytest.raises(UserError) as caught:
        table(tmp_path, content, file, **stated)
    assert str(caught.value).startswith(str(tmp_path / file))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_end_in_a_sentence(tmp_path: Path) -> None:
    for name, words in (("none.csv", "no such file"), ("none.parquet", "no such file"), (".", "is a folder")):
        with pytest.raises(UserError, match=words):
            load_table(TableSettings(kind="table", path=str(tmp_path / name), target="y"))


@pytest.mark.parametrize("name", TABLES_WITH_FINDINGS)
def test_faults_in_a_table_are_repaired_and_reported(name: str, tmp_path: Path) -> None:
    content, check, concerns, words, stated = TABLES_WITH_FINDINGS[name]
    data = table(tmp_path, content, **stated)
    found = finding(data, check)
    assert (found.concerns, found.level in ("notice", "warning")) == (concerns, True)
    assert words in found.sentence
    assert str(tmp_path) not in repr((data.schema, data.notes, data.findings)), (
        "what is written names no machine's path"
    )


def test_a_table_without_faults_has_no_findings(tmp_path: Path) -> None:
    assert table(tmp_path, csv_with_column(WORDS)).findings == ()


def test_a_text_is_cut_between_two_characters(tmp_path: Path) -> None:
    text = "ä" * 4000 + "x" + "€" * 400  # 8,001 bytes, and 3 for each €
    data = table(tmp_path, csv_with_column([text, *SENTENCES[1:]]), types={"x": "text"})
    assert field(data, "x").shape == (8190,)
    assert column(data, "x")[0].tobytes().decode() == text[: 4001 + 63]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"separator": ";;"}, "one character"),
        ({"decimal": ";"}, "'.' or ','"),
        ({"types": {"x": "float"}}, "'number', 'category'"),
        ({"inputs": ["y"]}, "y is the target"),
        ({"keys": ["y"]}, "y is the target"),
        ({"unit": ["m"]}, "unit"),
        ({"page": 1}, "page"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        TableSettings(**{"kind": "table", "path": "t.csv", "target": "y", **wrong})


def test_settings_are_hashable_and_come_back_from_their_dump() -> None:
    stated = TableSettings(
        kind="table", path="t.csv", target="y", types={"b": "text", "a": "number"}, inputs=["a"], missing=["?"]
    )
    assert hash(stated) == hash(TableSettings.model_validate(stated.model_dump()))
    assert TableSettings.model_validate(stated.model_dump(mode="json")) == stated

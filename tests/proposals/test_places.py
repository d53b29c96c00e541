"""A file or a folder of every kind is told, with the settings that read it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pipelines.proposals.columns import find_likely_target, find_row_time, read_columns, summarise_columns
from pipelines.proposals.places import propose_source
from pipelines.proposals.source_proposal import ColumnSummary, SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.kinds import LOADERS
from tests.support.data_files import CASES, write_csv, write_ts


def likely(columns: Sequence[ColumnSummary], target: str | None) -> str:
    return str(target)


def propose(place: Path, target: str | None = None, kind: str | None = None, **settings: object) -> SourceProposal:
    return propose_source(str(place), Wishes(target, kind, settings, likely))


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_data_is_told(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = propose(case.write(tmp_path), case.target)
    assert found.source.items() >= {key: value for key, value in case.source.items() if key != "repeats"}.items()


def test_every_kind_of_file_has_a_case() -> None:
    bundled = {"sklearn", "statsmodels", "docstrings"}
    assert {case.source["kind"] for case in CASES.values()} == set(LOADERS) - bundled


def test_columns_are_described_with_type_range_missing_and_examples(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,town\n1,Rome\n,Rome\n30,Oslo\n4,\n")
    age, town = summarise_columns(read_columns(str(tmp_path / "a.csv"), {}), {"town": "target"})
    assert age == ("age", "number", "input", "1 to 30", 1, ("1", "30", "4"))
    assert town == ("town", "category", "target", "2 different", 1, ("Rome", "Oslo"))


@pytest.mark.parametrize(
    ("names", "target", "is_sure"),
    [
        (["Survived", "age"], "Survived", True),
        (["medianHouseValue", "town"], "medianHouseValue", True),
        (["a", "b"], "b", False),
        (["label", "class", "c"], "c", False),
    ],
)
def test_the_likely_target_is_told_by_its_name_or_its_place(names: list[str], target: str, is_sure: bool) -> None:
    columns = [ColumnSummary(name, "number", "input", "", 0, ()) for name in names]
    assert find_likely_target(columns) == (target, is_sure)


@pytest.mark.parametrize(("header", "by_time"), [("sold_date", True), ("birth_date", False)])
def test_a_split_goes_by_dates_that_say_when_a_row_was(header: str, by_time: bool, tmp_path: Path) -> None:
    days = np.random.default_rng(0).permutation(90)
    lines = [f"2020-{1 + day // 28:02d}-{1 + day % 28:02d},{day % 5}.5" for day in days for _ in range(2)]
    (tmp_path / "sales.csv").write_text("\n".join([f"{header},price", *lines, ""]))
    assert (find_row_time(read_columns(str(tmp_path / "sales.csv"), {}), "price") is not None) == by_time
    assert propose(tmp_path / "sales.csv").split.get("by") == ("time" if by_time else None)


def test_a_stated_kind_and_settings_outrank_what_is_found(tmp_path: Path) -> None:
    found = propose(CASES["series"].write(tmp_path), "load", "table", title="Mine")
    assert found.source["kind"] == "table"
    assert found.source["title"] == "Mine"


def test_a_folder_around_one_file_is_that_file(tmp_path: Path) -> None:
    write_csv(tmp_path)
    assert propose(tmp_path, "sold").source["path"] == f"{tmp_path}/shop.csv"


@pytest.mark.parametrize("spelled", ["{}/", "{}"])
def test_a_path_stands_in_the_file_as_it_was_spelled(spelled: str, tmp_path: Path) -> None:
    place = spelled.format(write_ts(tmp_path))
    found = propose_source(place, Wishes(None, None, {}, likely))
    assert found.source["test_path"] == f"{tmp_path}/Moves_TEST.ts"


REFUSED = {
    "nothing": ({}, None, "it is empty"),
    "unknown": ({"a.pdf": "x"}, None, "nothing in this folder is read by a source .*; found a.pdf"),
    "two tables": ({"a.csv": "x\n1\n", "b.csv": "x\n1\n"}, None, r"holds 2 files \(a.csv, b.csv\); name one"),
    "two sets": ({"A_TRAIN.ts": "", "B_TRAIN.ts": ""}, None, "holds 2 data sets, A, B; name a file"),
    "no roles": ({"p.npy": "", "q.npy": ""}, None, "do not say which holds the inputs"),
    "no column": ({"a.csv": "x,y\n1,2\n"}, "z", "there is no column 'z' to predict; the columns are x, y"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_said(name: str, tmp_path: Path) -> None:
    files, target, sentence = REFUSED[name]
    for file, content in files.items():
        (tmp_path / file).write_text(content)
    with pytest.raises(UserError, match=sentence):
        propose(tmp_path, target)


def test_data_that_make_clean_would_delete_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    write_csv(Path("data"))
    with pytest.raises(UserError, match="lies in a folder that `make clean` deletes"):
        propose(Path("data/shop.csv"), "sold")

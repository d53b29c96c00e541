"""What differs between two input records is said in sentences."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.record_changes import Change, describe_record_changes

RECORD: dict[str, Any] = {
    "settings": {
        "seed": 20,
        "contender": {"architecture": "mlp", "search": {"width": [16, 64]}, "fix": {}},
        "problem": {"goal": None, "source": {"path": "files/a.csv"}},
    },
    "code": {"models/mlp.py": "ab", "pipelines/tasks": "cd"},
    "sources": [{"setting": "path", "sha256": "01", "bytes": 2, "files": 1}],
}


def edit(*path: Any, value: Any) -> dict[str, Any]:
    record = copy.deepcopy(RECORD)
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


def test_equal_records_differ_in_nothing() -> None:
    assert describe_record_changes(RECORD, copy.deepcopy(RECORD)) == []


@pytest.mark.parametrize(
    ("record", "change"),
    [
        (edit("settings", "seed", value=21), Change("settings", "seed: 20 -> 21")),
        (
            edit("settings", "contender", "search", "width", value=[16, 128]),
            Change("settings", "contender.search.width: [16, 64] -> [16, 128]"),
        ),
        (edit("settings", "problem", "goal", value="f1"), Change("settings", "problem.goal: null -> f1")),
        (
            edit("settings", "contender", "search", "depth", value=2),
            Change("settings", "contender.search.depth: now 2, was not there"),
        ),
        (
            edit("settings", "contender", "search", value={"width": [16, 64], "batch_size": {"choice": [8, 16]}}),
            Change("settings", "contender.search.batch_size.choice: now [8, 16], was not there"),
        ),
        (edit("code", "models/mlp.py", value="ac"), Change("code", "models/mlp.py was edited")),
        (edit("code", "models/stems", value="ef"), Change("code", "models/stems counts now")),
        (edit("code", value={"models/mlp.py": "ab"}), Change("code", "pipelines/tasks counts no more")),
        (edit("sources", 0, "sha256", value="02"), Change("source", "what path names was edited")),
        (
            edit("sources", 0, value={"setting": "path", "missing": True}),
            Change("source", "what path names is missing"),
        ),
        (edit("sources", value=[]), Change("source", "path names no file any more")),
    ],
)
def test_a_change_is_named_with_what_was_there_before(record: dict[str, Any], change: Change) -> None:
    assert describe_record_changes(RECORD, record) == [change]


def test_a_setting_that_is_gone_is_named_with_its_last_value() -> None:
    record = copy.deepcopy(RECORD)
    del record["settings"]["problem"]["source"]
    (change,) = describe_record_changes(RECORD, record)
    assert change.what == "problem.source.path: no longer there, was files/a.csv"


def test_a_long_value_is_cut() -> None:
    record = edit("settings", "contender", "search", "width", value=list(range(1000)))
    (change,) = describe_record_changes(RECORD, record)
    assert len(change.what) < 150
    assert change.what.endswith(" ...")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.text("ab", min_size=1, max_size=2), inner, max_size=2),
    max_leaves=6,
)
RECORDS = st.fixed_dictionaries(
    {
        "settings": st.dictionaries(st.sampled_from("ab"), VALUES, max_size=2),
        "code": st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"), max_size=2),
        "sources": st.lists(
            st.fixed_dictionaries({"setting": st.sampled_from("ab")}, optional={"sha256": st.integers(0, 2)}),
            max_size=2,
            unique_by=lambda source: source["setting"],
        ),
    }
)


@given(RECORDS, RECORDS)
def test_records_that_differ_have_a_change_and_equal_ones_have_none(old: dict[str, Any], new: dict[str, Any]) -> None:
    same = old["settings"] == new["settings"] and old["code"] == new["code"]
    by_setting = [{source["setting"]: source for source in record["sources"]} for record in (old, new)]
    assert bool(describe_record_changes(old, new)) == (not same or by_setting[0] != by_setting[1])

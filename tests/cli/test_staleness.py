"""Which stages would run again, and why: from DVC's report, dvc.lock and the input records."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.record_changes import Change
from pipelines.cli.staleness import (
    CACHE_FOLDER,
    NOT_RUN_YET,
    UNKNOWN_RECORD,
    StageFiles,
    StaleStage,
    list_record_changes,
    list_reported_changes,
    list_stale_stages,
)
from pipelines.cli.status import format_table

STAGES = [
    StageFiles("split@a", ("pipelines/split.py",), ("data/a/split/train", "data/a/split/schema.json")),
    StageFiles("tune@x", ("data/a/split",), ("artifacts/a/tune/x/best.json",)),
    StageFiles("tune@y", ("data/a/split",), ("artifacts/a/tune/y/best.json",)),
    StageFiles("train@x", ("data/a/split/train", "artifacts/a/tune/x/best.json"), ("artifacts/a/train/x",)),
    StageFiles("compare@a", ("artifacts/a/tune", "artifacts/a/train"), ("artifacts/a/compare",)),
]
EDIT = Change("code", "models/x.py was edited")


def test_a_stage_waits_for_the_last_stale_stages_before_it() -> None:
    assert list_stale_stages(STAGES, {"tune@x": [EDIT]}) == [
        StaleStage("tune@x", (EDIT,), ()),
        StaleStage("train@x", (), ("tune@x",)),
        StaleStage("compare@a", (), ("train@x",)),
    ]
    stale = {one.stage: one.waits_for for one in list_stale_stages(STAGES, {"split@a": [NOT_RUN_YET]})}
    assert stale == {
        "split@a": (),
        "tune@x": ("split@a",),
        "tune@y": ("split@a",),
        "train@x": ("tune@x",),
        "compare@a": ("tune@y", "train@x"),
    }


def test_nothing_is_stale_without_a_change() -> None:
    assert list_stale_stages(STAGES, {}) == []


def test_data_that_a_stale_stage_writes_anew_is_no_reason_of_its_own() -> None:
    missing = Change("data", "artifacts/a/tune is missing", "artifacts/a/tune")
    gone = Change("output", "artifacts/a/tune/x/best.json is missing")
    assert list_stale_stages(STAGES, {"tune@x": [gone], "compare@a": [missing]})[-1] == (
        "compare@a",
        (),
        ("train@x",),
    )
    assert list_stale_stages(STAGES, {"compare@a": [missing]}) == [StaleStage("compare@a", (missing,), ())]


def test_a_report_of_dvc_is_put_into_words() -> None:
    entries: list[Any] = [
        {
            "changed deps": {
                "pipelines/tasks": "modified",
                "models": "modified",
                "data/a/split/train": "deleted",
                "data/inputs/tune/x.json": "modified",
                "params.yaml": {"contenders.x": "modified"},
            }
        },
        {"changed outs": {"artifacts/a/tune/x/best.json": "not in cache"}},
        "changed command",
        "always changed",
    ]
    assert [tuple(change)[:2] for change in list_reported_changes(entries)] == [
        ("command", "its command in dvc.yaml was edited"),
        ("code", "pipelines/tasks changed"),
        ("code", "models changed"),
        ("data", "data/a/split/train is missing"),
        ("settings", "contenders.x changed in params.yaml"),
        ("output", "artifacts/a/tune/x/best.json is not in DVC's cache"),
    ]


# Input records

RECORD = Path("data/inputs/tune/x.json")
BEFORE = {"settings": {"seed": 20, "width": [1, 2]}, "code": {"models/x.py": "ab"}, "sources": []}
NOW = {**BEFORE, "settings": {"seed": 21, "width": (1, 2)}}
CONTENT = json.dumps(BEFORE).encode()
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def write_file(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def changes_of_record(now: dict[str, Any]) -> list[Change]:
    return list_record_changes(["data/a", RECORD.as_posix()], {RECORD.as_posix(): MD5}, {RECORD: now})


@pytest.mark.parametrize("place", [RECORD, CACHE_FOLDER / MD5[:2] / MD5[2:]], ids=["file", "cache"])
def test_a_record_is_compared_with_the_one_that_the_lock_names(place: Path) -> None:
    write_file(RECORD, b"{}")  # what another run has written since
    write_file(place, CONTENT)
    assert changes_of_record(NOW) == [Change("settings", "seed: 20 -> 21")]
    assert changes_of_record({**BEFORE, "settings": {"seed": 20, "width": (1, 2)}}) == []


def test_a_record_whose_earlier_version_is_lost_has_changed_somehow() -> None:
    write_file(RECORD, b"{}")
    assert changes_of_record(NOW) == [UNKNOWN_RECORD]


def test_paths_that_are_no_records_are_left_to_dvc() -> None:
    assert list_record_changes(["data/a"], {}, {RECORD: NOW}) == []


# The table


def test_the_table_has_a_line_per_reason() -> None:
    stale = [
        StaleStage("tune@x", (EDIT, Change("settings", "seed: 20 -> 21")), ("split@a",)),
        StaleStage("tune@y", (NOT_RUN_YET,), ("split@a",)),
        StaleStage("compare@a", (), ("a@1", "a@2", "a@3", "a@4", "a@5")),
    ]
    assert format_table(stale).splitlines() == [
        "stage      why       what changed",
        "tune@x     code      models/x.py was edited",
        "           settings  seed: 20 -> 21",
        "           waits     for split@a",
        "tune@y     new       has not run yet",
        "compare@a  waits     for a@1, a@2, a@3 and 2 more",
        "",
        "2 to run, 1 waiting. `bakeoff run` does it.",
    ]

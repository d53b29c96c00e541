"""Sizes and names of files: short stages, at most 300 lines, no catch-all names."""

import pytest

from tests.support.modules import ROOT, STAGES, TOP_FOLDERS

MAX_LINES = 300
MAX_STAGE_LINES = 60  # that are not empty
FILES = [
    path.relative_to(ROOT)
    for top in (*TOP_FOLDERS, "tests", "benchmarks")
    for path in sorted((ROOT / top).rglob("*.py"))
]


@pytest.mark.parametrize("verb", STAGES)
def test_stage_modules_are_short(verb: str) -> None:
    lines = (ROOT / "pipelines" / f"{verb}.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line]) <= MAX_STAGE_LINES, "a stage loads, reads, calls and writes"


def test_files_have_at_most_300_lines() -> None:
    lines = {str(file): len((ROOT / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file: count for file, count in lines.items() if count > MAX_LINES} == {}


def test_no_file_has_a_catch_all_name() -> None:
    catch_all = {"util", "utils", "common", "helper", "helpers", "manager", "base", "misc"}
    assert [file for file in FILES if file.stem in catch_all or catch_all & set(file.parts)] == []

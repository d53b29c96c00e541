"""Paths of the settings resolved to files, and what is said where there is none."""

from pathlib import Path

import pytest

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.downloads import resolve_location


def test_a_local_path_resolves_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a")
    assert resolve_location("x.csv") == Path("x.csv")
    assert resolve_location(str(tmp_path)) == tmp_path


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dta/titanic.csv", "the project's folder holds data. A path is relative"),
        ("data/titanic.cvs", r"data holds titanic.csv \.\.\.\. A path"),
        ("data/zzz", r"data holds b.txt, c.txt, titanic.csv\. A path"),
        ("data/titanic.csv/x", "data/titanic.csv is a file, not a folder"),
        ("data/empty/x", "data/empty is empty"),
        ("data/gone", "is a link to nothing"),
    ],
)
def test_a_missing_path_is_named_with_what_is_nearby(
    path: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "empty").mkdir(parents=True)
    for name in ("titanic.csv", "b.txt", "c.txt"):
        (tmp_path / "data" / name).write_text("a")
    if "holds" in words:
        (tmp_path / "data" / "empty").rmdir()
    if "link" in words:
        (tmp_path / "data" / "gone").symlink_to("nowhere")
    with pytest.raises(UserError, match=words):
        resolve_location(path, tmp_path / ".cache")

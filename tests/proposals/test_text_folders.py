"""Folders of texts are told whatever their files end in, with the encoding they are written in."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.proposals.places import propose_source
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.runtime.user_error import UserError


def propose(folder: Path, files: dict[str, bytes], kind: str | None = None, **settings: Any) -> SourceProposal:
    for name, raw in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(raw)
    return propose_source(str(folder), Wishes(None, kind, settings, lambda columns, likely: str(likely)))


MAILS = {f"{group}/{number:04d}.7c53": f"mail {number}".encode() for group in ("ham", "spam") for number in range(5)}
OLD = {name: "café".encode("cp1252") for name in list(MAILS)[:3]}


@pytest.mark.parametrize("ending", ["", ".7c53", ".eml", ".txt"])
def test_files_of_any_ending_in_folders_are_texts(ending: str, tmp_path: Path) -> None:
    found = propose(tmp_path, {f"{name[:-5]}{ending}": raw for name, raw in MAILS.items()})
    assert found.source == {"kind": "text", "path": str(tmp_path)}


@pytest.mark.parametrize(
    ("files", "encoding"),
    [
        (OLD, "cp1252"),
        ({"ham/old": b"a \x81 b"}, "latin-1"),  # a byte that cp1252 does not know
        ({name: "café".encode() for name in OLD}, None),
        ({**dict.fromkeys(MAILS, "café".encode()), **dict(list(OLD.items())[:1])}, None),  # which would be garbled
        ({"ham/photo": b"\xff\xd8\0"}, None),
    ],
)
def test_the_encoding_of_old_files_is_proposed(files: dict[str, bytes], encoding: str | None, tmp_path: Path) -> None:
    found = propose(tmp_path, {**MAILS, **files})
    assert found.source.get("encoding") == encoding
    assert any("no UTF-8" in reason for reason in found.reasons) == (encoding is not None)


def test_a_stated_encoding_outranks_the_proposed(tmp_path: Path) -> None:
    assert propose(tmp_path, {**MAILS, **OLD}, encoding="latin-1").source["encoding"] == "latin-1"


def test_a_stated_kind_takes_a_folder_for_texts_whatever_else_is_in_it(tmp_path: Path) -> None:
    assert propose(tmp_path, {**MAILS, "notes.csv": b"a\n1\n"}, kind="text").source["kind"] == "text"


def test_folders_of_files_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing in this folder is read by a source"):
        propose(tmp_path, dict.fromkeys(MAILS, b"\x7fELF\x00"))

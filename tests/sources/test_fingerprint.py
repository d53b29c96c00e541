"""Fingerprints of files and folders: they follow names and contents, and unchanged files are not read again."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.runtime.hash_cache import HashCache
from pipelines.runtime.user_error import UserError
from pipelines.sources.files import fingerprint as module


def fingerprint(path: Path, memory: Path) -> dict[str, Any]:
    """What one process finds, and remembers for the next."""
    hashes = HashCache(memory)
    found = module.fingerprint(path, hashes)
    hashes.save()
    return found


def filled(folder: Path) -> Path:
    (folder / "deep").mkdir(parents=True)
    for name, text in (("a.txt", "one"), ("deep/b.txt", "two"), (".hidden", "x")):
        (folder / name).write_text(text)
    return folder


def aged(folder: Path) -> Path:
    """As if nothing had been touched for a minute: what was changed just now is not remembered."""
    then = time.time_ns() - 60 * 10**9
    for path in (folder, *folder.rglob("*")):
        os.utime(path, ns=(then, then))
    return folder


def test_a_fingerprint_follows_from_names_and_contents_alone(tmp_path: Path) -> None:
    one = fingerprint(filled(tmp_path / "one"), tmp_path / "memory.json")
    other = fingerprint(aged(filled(tmp_path / "elsewhere" / "other")), tmp_path / "memory.json")
    assert one == other
    assert (one["files"], one["bytes"]) == (2, 6)


@pytest.mark.parametrize("change", ["content", "name", "more", "less", "moved"])
def test_every_change_changes_the_fingerprint(change: str, tmp_path: Path) -> None:
    folder, memory = aged(filled(tmp_path / "x")), tmp_path / "memory.json"
    before = fingerprint(folder, memory)
    if change == "content":
        (folder / "a.txt").write_text("eno")  # as many bytes
    elif change == "name":
        (folder / "a.txt").rename(folder / "c.txt")
    elif change == "more":
        (folder / "c.txt").write_text("")
    elif change == "less":
        (folder / "a.txt").unlink()
    else:
        (folder / "deep" / "b.txt").rename(folder / "b.txt")
    assert fingerprint(folder, memory)["sha256"] != before["sha256"]


def test_what_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    folder, memory = aged(filled(tmp_path / "x")), tmp_path / "memory.json"
    fingerprint(folder, memory)
    entries = json.loads(memory.read_text())
    name = str(folder / "a.txt")
    entries[name][2] = "remembered"  # a hash that no file has: it counts if, and only if, the file is not read
    memory.write_text(json.dumps(entries))
    believed = fingerprint(folder, memory)
    os.utime(folder / "a.txt")
    assert fingerprint(folder, memory)["sha256"] != believed["sha256"]


def test_a_file_that_was_changed_just_now_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("one")
    fingerprint(tmp_path / "x", tmp_path / "memory.json")
    assert not (tmp_path / "memory.json").exists()


def test_files_that_are_gone_are_forgotten_and_others_are_not(tmp_path: Path) -> None:
    one, other, memory = aged(filled(tmp_path / "x")), aged(filled(tmp_path / "xy")), tmp_path / "memory.json"
    fingerprint(one, memory)
    fingerprint(other, memory)
    (one / "a.txt").unlink()
    fingerprint(one, memory)
    names = {os.path.relpath(name, tmp_path) for name in json.loads(memory.read_text())}
    assert names == {"x/deep/b.txt", "xy/a.txt", "xy/deep/b.txt"}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"x": 3}', b'"x"', b"\xff"])
def test_a_damaged_fingerprint_cache_is_rebuilt(content: bytes, tmp_path: Path) -> None:
    folder = aged(filled(tmp_path / "x"))
    expected = fingerprint(folder, tmp_path / "other.json")
    (tmp_path / "memory.json").write_bytes(content)
    assert fingerprint(folder, tmp_path / "memory.json") == expected


def test_a_file_has_a_fingerprint_and_nothing_has_none(tmp_path: Path) -> None:
    filled(tmp_path / "x")
    assert fingerprint(tmp_path / "x" / "a.txt", tmp_path / "memory.json")["files"] == 1
    with pytest.raises(UserError, match="no such file or folder"):
        fingerprint(tmp_path / "y", tmp_path / "memory.json")


def test_links_to_nothing_and_loops_have_a_place_in_the_fingerprint(tmp_path: Path) -> None:
    folder = filled(tmp_path / "x")
    before = fingerprint(folder, tmp_path / "memory.json")
    (folder / "loop").symlink_to(folder)
    assert fingerprint(folder, tmp_path / "memory.json") == before
    (folder / "gone").symlink_to(folder / "nowhere")
    assert fingerprint(folder, tmp_path / "memory.json")["files"] == 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(files=st.dictionaries(st.sampled_from(["a", "b", "ab", "a b", "ä"]), st.binary(max_size=3), min_size=1))
def test_one_more_empty_file_changes_the_fingerprint(files: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "x"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    memory = folder.with_suffix(".json")
    before = fingerprint(folder, memory)
    (folder / "z").write_bytes(b"")
    grown = fingerprint(folder, memory)
    (folder / "z").unlink()
    assert fingerprint(folder, memory) == before != grown

"""Addresses are fetched once, taken up where they broke off, and checked; what has not changed is not read again."""

import hashlib
import http.server
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.fingerprint import fingerprint

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT at every address, and does what the test says at some."""

    cuts: list[int]  # after how many bytes each of the next connections breaks off
    ranges: bool = True  # whether a part can be asked for
    lengths: bool = True  # whether it says how long a reply is
    answers: list[tuple[int, str | None]]  # the Range of every request, by status


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        status, start = 200, 0
        if self.path.startswith("/status/"):
            return self.send_error(int(self.path.split("/")[2]))
        if self.path == "/moved/data.bin":
            self.send_response(302)
            self.send_header("Location", "/data.bin")
            return self.end_headers()
        if asked and self.server.ranges:
            status, start = 206, int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(CONTENT):
            status = 416
        self.server.answers.append((status, asked))
        self.send_response(status)
        if status != 200:
            last = f"{start}-{len(CONTENT) - 1}" if status == 206 else "*"
            self.send_header("Content-Range", f"bytes {last}/{len(CONTENT)}")
        body = b"" if status == 416 else CONTENT[start:]
        if self.server.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)
        return None

    def log_message(self, *words: object) -> None:
        """Nothing is printed."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    found = Server(("127.0.0.1", 0), Handler)
    found.cuts, found.answers = [], []
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def address(server: Server, path: str = "/data.bin", sha256: str = SHA256) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}{path}" + (f"#sha256={sha256}" if sha256 else "")


# fetching


def test_an_address_is_fetched_once(server: Server, tmp_path: Path) -> None:
    path = resolve_location(address(server), tmp_path)
    assert path == tmp_path / SHA256 / "data.bin"
    assert path.read_bytes() == CONTENT
    assert resolve_location(address(server), tmp_path) == path
    assert server.answers == [(200, None)]
    server.shutdown()
    assert resolve_location(address(server), tmp_path) == path  # without any network


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/data.bin?version=3&x=/y", "data.bin"),
        ("/a/b/c.npy", "c.npy"),
        ("/moved/data.bin", "data.bin"),
        ("/", "download"),
        ("", "download"),
        ("/..", "download"),
        ("/x%2F..%2F..%2Fy.bin", "y.bin"),
        ("/lock", "download"),
        ("/my%20data.bin", "my data.bin"),
        ("/.hidden", "hidden"),
    ],
)
def test_the_copy_has_the_files_name_and_stays_in_the_cache(
    path: str, name: str, server: Server, tmp_path: Path
) -> None:
    assert resolve_location(address(server, path), tmp_path) == tmp_path / SHA256 / name


def test_the_hash_may_be_in_capitals(server: Server, tmp_path: Path) -> None:
    assert resolve_location(address(server, sha256=SHA256.upper()), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("cuts", [[300_000], [1, 1, 1], [500_000, 500_000], [1_023_999]])
def test_a_connection_that_breaks_off_is_taken_up_where_it_broke(
    cuts: list[int], server: Server, tmp_path: Path
) -> None:
    server.cuts = list(cuts)
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT
    starts = [sum(cuts[:number]) for number in range(len(cuts) + 1)]
    assert server.answers == [(200, None)] + [(206, f"bytes={start}-") for start in starts[1:]]


def test_what_was_fetched_is_kept_for_a_later_call(server: Server, tmp_path: Path) -> None:
    server.cuts = [400_000, 0]
    with pytest.raises(UserError, match="broke off after 400000 of 1024000 bytes; 400000 bytes are kept"):
        resolve_location(address(server), tmp_path)
    assert (tmp_path / SHA256 / "data.bin.part").read_bytes() == CONTENT[:400_000]
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT
    assert server.answers[-1] == (206, "bytes=400000-")
    assert not (tmp_path / SHA256 / "data.bin.part").exists()


def test_a_server_that_gives_no_parts_gives_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.cuts = False, [400_000]
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT
    assert server.answers == [(200, None), (200, "bytes=400000-")]


def test_a_part_that_was_whole_already_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / SHA256).mkdir()
    (tmp_path / SHA256 / "data.bin.part").write_bytes(CONTENT)
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT
    assert server.answers == [(416, f"bytes={len(CONTENT)}-")]


def test_a_part_that_is_longer_than_the_file_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / SHA256).mkdir()
    (tmp_path / SHA256 / "data.bin.part").write_bytes(CONTENT + b"more")
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT


def test_a_part_of_another_file_is_found_by_the_hash(server: Server, tmp_path: Path) -> None:
    (tmp_path / SHA256).mkdir()
    (tmp_path / SHA256 / "data.bin.part").write_bytes(b"other")
    with pytest.raises(UserError, match=f"but the settings say {SHA256}"):
        resolve_location(address(server), tmp_path)
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT  # nothing of it was kept


def test_a_reply_of_unknown_length_is_judged_by_the_hash(server: Server, tmp_path: Path) -> None:
    server.lengths = False
    assert resolve_location(address(server), tmp_path).read_bytes() == CONTENT
    server.cuts = [400_000]
    with pytest.raises(UserError, match="another file, or was damaged on its way"):
        resolve_location(address(server, "/other.bin"), tmp_path)


def test_another_file_is_refused_with_both_hashes(server: Server, tmp_path: Path) -> None:
    wrong = "0" * 64
    with pytest.raises(UserError, match=f"has the sha256 {SHA256}, but the settings say {wrong}"):
        resolve_location(address(server, sha256=wrong), tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["lock"]


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 503])
def test_a_server_that_refuses_is_quoted(status: int, server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"the server answers {status} .*; check the address"):
        resolve_location(address(server, f"/status/{status}"), tmp_path)


def test_a_server_that_is_not_there_is_a_sentence(server: Server, tmp_path: Path) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(UserError, match=r"cannot be reached \(Connection refused\); check the address and the network"):
        resolve_location(address(server), tmp_path)


@pytest.mark.parametrize("ending", ["", "#", "#sha256=", "#sha256=abc", "#md5=" + "0" * 64, "#" + "g" * 64])
def test_an_address_without_a_hash_is_refused_and_told_how_to_get_one(ending: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs the sha256 .* run `sha256sum FILE`"):
        resolve_location("https://example.org/x.npy" + ending, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["ftp://example.org/x", "file:///etc/passwd", "s3://bucket/x", "HTPS://x/y"])
def test_other_kinds_of_address_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="begins with http:// or https://"):
        resolve_location(f"{path}#sha256={SHA256}", tmp_path)


@pytest.mark.parametrize(
    "path", ["http://", "http:///x.npy", "http://a b/x.npy", "http://[::1/x", "http://x:y/z", "http://x:0"]
)
def test_an_unusable_address_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no usable address; it must be written as https://"):
        resolve_location(f"{path}#sha256={SHA256}", tmp_path)


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(UserError) as failure:
        resolve_location("https://me:secret@example.org/x.npy", tmp_path)
    assert "secret" not in str(failure.value)


def test_concurrent_fetches_download_once(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=resolve_location, args=(address(server), tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.answers == [(200, None)]


# paths


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


# fingerprints


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

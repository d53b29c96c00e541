"""Files behind addresses: fetched once, checked by their hash, continued where a connection broke off."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.runtime.user_error import UserError
from pipelines.sources.files.downloads import resolve_location

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
        requested = self.headers.get("Range")
        status, start = 200, 0
        if self.path.startswith("/status/"):
            return self.send_error(int(self.path.split("/")[2]))
        if self.path == "/moved/data.bin":
            self.send_response(302)
            self.send_header("Location", "/data.bin")
            return self.end_headers()
        if requested and self.server.ranges:
            status, start = 206, int(requested.removeprefix("bytes=").removesuffix("-"))
        if start >= len(CONTENT):
            status = 416
        self.server.answers.append((status, requested))
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

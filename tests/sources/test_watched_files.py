"""Files outside of the project are looked at in every run, so that an edit is seen; what is missing stops nothing."""

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from pipelines.runtime.hash_cache import HashCache
from pipelines.settings import paths
from pipelines.sources.files.fingerprint import fingerprint_source
from pipelines.sources.files.locations import LOCATION_SETTINGS, source_locations
from pipelines.sources.kinds import LOADERS, SourceSettings

SETTINGS: dict[str, type[BaseModel]] = {
    get_args(one.model_fields["kind"].annotation)[0]: one for one in get_args(get_args(SourceSettings)[0])
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def seen(**source: Any) -> list[dict[str, Any]]:
    """What a run finds of a source's places."""
    hashes = HashCache(paths.SOURCE_HASHES_FILE)
    found = fingerprint_source(source, paths.DOWNLOADS_FOLDER, hashes)
    hashes.save()
    return found


def settled(path: Path) -> None:
    """As if it had been written a while ago: what is younger is read in every run."""
    os.utime(path, (1e9, 1e9))


def test_an_edited_file_changes_what_is_seen() -> None:
    Path("a.csv").write_text("x,y\n1,2\n")
    first = seen(kind="table", path="a.csv")
    assert seen(kind="table", path="a.csv") == first
    Path("a.csv").write_text("x,y\n1,3\n")
    assert seen(kind="table", path="a.csv") != first
    Path("a.csv").write_text("x,y\n1,2\n")
    assert seen(kind="table", path="a.csv") == first, "what was taken back is as if it had never been"


def test_a_file_added_to_a_folder_is_seen_and_nothing_holds_a_time_or_place(project: Path) -> None:
    Path("pictures").mkdir()
    Path("pictures", "1.png").write_bytes(b"one")
    before = seen(kind="images", path="pictures")
    settled(Path("pictures", "1.png"))
    assert seen(kind="images", path="pictures") == before
    assert str(project) not in str(before)
    Path("pictures", "2.png").write_bytes(b"two")
    (place,) = seen(kind="images", path="pictures")
    assert (place["setting"], place["files"], place["bytes"]) == ("path", 2, 6)


def test_what_is_missing_is_noted_and_stops_nothing() -> None:
    assert seen(kind="table", path="nowhere.csv") == [{"setting": "path", "missing": True}]
    Path("nowhere.csv").write_text("x\n1\n")
    assert "missing" not in seen(kind="table", path="nowhere.csv")[0]


def test_a_source_without_a_path_has_no_places() -> None:
    assert seen(kind="sklearn", dataset="digits") == []
    assert seen(kind="arrays", path=None, inputs=None) == []


class Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "rows.csv").write_bytes(b"x,y\n1,2\n")
    handler = partial(Silent, directory=str(tmp_path / "web"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()
        thread.join()


def test_an_address_is_fetched_once_and_seen_as_its_file(server: str, tmp_path: Path) -> None:
    stated = hashlib.sha256(b"x,y\n1,2\n").hexdigest()
    address = f"{server}/rows.csv#sha256={stated}"
    before = seen(kind="table", path=address)
    (tmp_path / "web" / "rows.csv").unlink()
    assert seen(kind="table", path=address) == before
    assert (before[0]["files"], before[0]["bytes"]) == (1, 8)
    assert seen(kind="table", path=f"{server}/rows.csv#sha256={'0' * 64}") == [{"setting": "path", "missing": True}]


# Which settings name places


def test_every_kind_of_source_has_settings_and_every_one_with_places_is_a_kind() -> None:
    assert set(SETTINGS) == set(LOADERS)
    assert set(LOCATION_SETTINGS) <= set(LOADERS)


@pytest.mark.parametrize("kind", LOCATION_SETTINGS)
def test_places_are_settings_of_their_source(kind: str) -> None:
    assert set(LOCATION_SETTINGS[kind]) <= set(SETTINGS[kind].model_fields)


@pytest.mark.parametrize("kind", SETTINGS)
def test_no_setting_that_is_called_a_path_is_overlooked(kind: str) -> None:
    called = {name for name in SETTINGS[kind].model_fields if name in ("folder", "path") or name.endswith("_path")}
    assert called <= set(LOCATION_SETTINGS.get(kind, ()))


def test_a_setting_may_name_several_places() -> None:
    source = {"kind": "arrays", "inputs": ["a.npy", "b.npy"], "target": "y.npy", "step": "1 h"}
    assert list(source_locations(source)) == [("inputs", "a.npy"), ("inputs", "b.npy"), ("target", "y.npy")]

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
import yaml
from pydantic import BaseModel

from pipelines.fetch import fetch
from pipelines.runtime.files import read_json
from pipelines.settings import paths
from pipelines.sources.kinds import LOADERS, SourceSettings
from pipelines.sources.files.locations import LOCATION_SETTINGS, source_locations

SETTINGS: dict[str, type[BaseModel]] = {
    get_args(one.model_fields["kind"].annotation)[0]: one for one in get_args(get_args(SourceSettings)[0])
}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def entered(**sources: Any) -> None:
    Path("params.yaml").write_text(
        yaml.safe_dump({"problems": {name: {"source": one} for name, one in sources.items()}})
    )


def seen(problem: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_json(paths.watched_file(problem))["places"]
    return found


def settled(path: Path) -> None:
    """As if it had been written a while ago: what is younger is read in every run."""
    os.utime(path, (1e9, 1e9))


def test_an_edited_file_changes_what_was_seen_of_its_own_problem_alone() -> None:
    Path("a.csv").write_text("x,y\n1,2\n")
    Path("b.csv").write_text("x,y\n3,4\n")
    entered(first={"kind": "table", "path": "a.csv"}, second={"kind": "table", "path": "b.csv"})
    fetch()
    first, second = (paths.watched_file(name).read_bytes() for name in ("first", "second"))
    fetch()
    assert paths.watched_file("first").read_bytes() == first
    Path("a.csv").write_text("x,y\n1,3\n")
    fetch()
    assert paths.watched_file("first").read_bytes() != first
    assert paths.watched_file("second").read_bytes() == second
    Path("a.csv").write_text("x,y\n1,2\n")
    fetch()
    assert paths.watched_file("first").read_bytes() == first, "what was taken back is as if it had never been"


def test_a_file_added_to_a_folder_is_seen_and_the_bytes_hold_no_time_or_place(project: Path) -> None:
    Path("pictures").mkdir()
    Path("pictures", "1.png").write_bytes(b"one")
    entered(pets={"kind": "images", "path": "pictures"})
    fetch()
    before = paths.watched_file("pets").read_bytes()
    settled(Path("pictures", "1.png"))
    fetch()
    assert paths.watched_file("pets").read_bytes() == before
    assert str(project).encode() not in before
    Path("pictures", "2.png").write_bytes(b"two")
    fetch()
    (place,) = seen("pets")
    assert (place["setting"], place["files"], place["bytes"]) == ("path", 2, 6)


def test_what_is_missing_is_noted_and_stops_nothing() -> None:
    Path("here.csv").write_text("x\n1\n")
    entered(gone={"kind": "table", "path": "nowhere.csv"}, there={"kind": "table", "path": "here.csv"})
    fetch()
    assert seen("gone") == [{"setting": "path", "missing": True}]
    assert seen("there")[0]["files"] == 1
    Path("nowhere.csv").write_text("x\n1\n")
    fetch()
    assert "missing" not in seen("gone")[0]


@pytest.mark.parametrize(
    "source",
    [
        {"kind": "sklearn", "dataset": "digits"},
        {"kind": "unheard of", "path": "x"},
        {"path": "x"},
        {"kind": "table"},
        {"kind": "table", "path": 7},
        {"kind": ["table"], "path": "x"},
        "digits",
        None,
    ],
    ids=str,
)
def test_a_source_without_a_path_is_left_to_its_stage(source: Any) -> None:
    entered(odd=source)
    fetch()
    assert seen("odd") == []


def test_a_problem_that_left_is_not_watched_any_more() -> None:
    Path("a.csv").write_text("x\n1\n")
    entered(old={"kind": "table", "path": "a.csv"})
    fetch()
    entered(new={"kind": "table", "path": "a.csv"})
    fetch()
    assert [path.name for path in paths.WATCHED_FOLDER.iterdir()] == ["new.json"]


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
    entered(far={"kind": "table", "path": f"{server}/rows.csv#sha256={stated}"})
    fetch()
    (tmp_path / "web" / "rows.csv").unlink()
    before = seen("far")
    fetch()
    assert seen("far") == before
    assert (before[0]["files"], before[0]["bytes"]) == (1, 8)
    entered(far={"kind": "table", "path": f"{server}/rows.csv#sha256={'0' * 64}"})
    fetch()
    assert seen("far") == [{"setting": "path", "missing": True}]


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

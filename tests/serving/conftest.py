"""Archives of all small models, a handler for each, and one server of them all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import Client
from serving.server.server import Server, running_server
from serving.worker.handler import Handler
from tests.support.handler_calls import start_handler
from tests.support.small_model import build_model_archive as build_digits_archive
from tests.support.small_models import SMALL_MODELS, build_model_archive


@pytest.fixture(scope="session")
def archive_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archives of all small models, `<name>.mar`."""
    folder = tmp_path_factory.mktemp("archives")
    for name in SMALL_MODELS:
        build_model_archive(folder, name)
    return folder


@pytest.fixture(scope="session")
def handlers(archive_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Handler]:
    """A handler per small model."""
    folder = tmp_path_factory.mktemp("unpacked")
    return {name: start_handler(archive_folder / f"{name}.mar", folder / name) for name in SMALL_MODELS}


@pytest.fixture(scope="session")
def server(archive_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server of the digits and all small models; it is ready when every one gave its golden outputs over HTTP."""
    digits = build_digits_archive(tmp_path_factory.mktemp("served"))
    with running_server([digits, *(archive_folder / f"{name}.mar" for name in SMALL_MODELS)], timeout=240) as server:
        yield server


@pytest.fixture(scope="session")
def client(server: Server) -> Client:
    return Client(server.address)

"""TensorBoard itself reads the files: each of its pages is asked over HTTP for what it draws."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request

import pytest

from models import ARCHITECTURES
from models.blocks.hyperparameters import default_settings
from pipelines.tracking.tensorboard import BOARD_FOLDER, board_command_line, write_boards
from tests.support.small_project import CONTENDERS, EPOCHS, SEEDS, TRIALS

RUN = "digits/digits-mlp"
Ask = Callable[..., bytes]


@pytest.fixture(scope="module")
def ask(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """A function that fetches what a page draws: (path, body to post, **query) -> answer."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("shown") / "project")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with chdir(folder):
        write_boards(dict.fromkeys(CONTENDERS, "digits"))
        runs = len({path.parent for path in BOARD_FOLDER.rglob("events.out.*")})
        server = subprocess.Popen([sys.executable, "-m", *board_command_line(port)], stderr=subprocess.DEVNULL)

    def fetch(path: str, body: dict[str, Any] | None = None, **query: str) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        asked = f"http://127.0.0.1:{port}/{path}" + (f"?{urlencode(query)}" if query else "")
        with urllib.request.urlopen(Request(asked, data, {"Content-Type": "application/json"})) as answer:
            found: bytes = answer.read()
        return found

    try:
        while server.poll() is None and not _is_ready(fetch, runs):
            time.sleep(0.2)
        yield fetch
    finally:
        server.terminate()
        server.wait()


def _is_ready(fetch: Ask, runs: int) -> bool:
    """Whether it answers and has read all runs."""
    try:
        return len(json.loads(fetch("data/runs"))) == runs
    except URLError:
        return False


def test_every_page_draws_what_the_artifacts_hold(ask: Ask) -> None:
    def page(path: str, **query: str) -> Any:
        return json.loads(ask(f"data/plugin/{path}", **query))

    curve = page("scalars/scalars", run=f"{RUN}/seed-0", tag="valid_log_loss")
    assert [step for _, step, _ in curve] == list(range(1, EPOCHS + 1))
    assert f"{RUN}/seed-{SEEDS - 1}" in page("scalars/tags")
    (histogram,) = page("histograms/histograms", run=f"{RUN}/seed-0", tag="network.head.weight")
    assert sum(count for _, _, count in histogram[2]) > 0
    (picture,) = page("images/images", run=RUN, tag="confusion", sample="0")
    assert ask(f"data/plugin/images/individualImage?{picture['query']}").startswith(b"\x89PNG")
    graph = ask("data/plugin/graphs/graph", run=RUN, conceptual="false")
    assert b"node {" in graph
    assert RUN in page("projector/runs")
    (points,) = page("projector/info", run=RUN)["embeddings"]
    assert len(ask("data/plugin/projector/tensor", run=RUN, name=points["tensorName"])) > 0


def test_the_page_of_settings_has_every_trial_with_its_score_and_all_settings(ask: Ask) -> None:
    asked = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN"], "sliceSize": 100}
    groups = json.loads(ask("data/plugin/hparams/session_groups", body=asked))["sessionGroups"]
    mlp = [group for group in groups if group["sessions"][0]["name"].startswith(RUN)]
    assert len(mlp) == TRIALS
    first = min(mlp, key=lambda group: str(group["sessions"][0]["name"]))
    assert first["hparams"]["width"] == 256
    assert first["metricValues"][0]["value"] == pytest.approx(0.1)
    columns = json.loads(ask("data/plugin/hparams/experiment", body={"experimentName": ""}))["hparamInfos"]
    settings = {name for group in groups for name in group["hparams"]}
    assert settings == {column["name"] for column in columns}
    assert settings >= {name for one in CONTENDERS.values() for name in default_settings(ARCHITECTURES[one].config)}

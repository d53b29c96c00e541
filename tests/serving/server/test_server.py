"""Start and stop of a server: it is ready when it is right, a failure is a message, and nothing stays behind."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from serving.archive import Package, read_archive
from serving.client import Client
from serving.server import server as server_module
from serving.server.server import running_server
from serving.server.torchserve import ServingError, free_port
from tests.support import small_model

ROOT = Path(__file__).parents[3]
SECONDS = 300.0  # longest wait for anything


@pytest.fixture(scope="module")
def mar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.build_model_archive(tmp_path_factory.mktemp("server"))


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def start_command(folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """Start the server command, its output in a file, its temporary files in `folder`."""
    folder.mkdir(exist_ok=True)
    with (folder / "output.txt").open("w") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "serving.server", *map(str, arguments)],
            cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": str(folder)},
        )  # fmt: skip


def processes(folder: Path) -> list[psutil.Process]:
    """The processes of the TorchServe whose private folder is below `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(str(folder) in part for part in process.cmdline()) or str(folder) in process.environ().get(
                "TEMP", ""
            ):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short temporary folder: a worker's socket lies in it and its path may hold about 100 characters."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as name:
        yield Path(name)


def is_gone(folder: Path) -> bool:
    return not processes(folder) and not list(folder.glob("bakeoff-*"))


def test_ctrl_c_ends_all_of_it_and_leaves_nothing(mar: Path, folder: Path) -> None:
    server = start_command(folder, mar, "--port", free_port())
    wait_until(lambda: "Ctrl-C" in (folder / "output.txt").read_text())
    assert len(processes(folder)) >= 3  # the supervisor, Java and a worker
    server.send_signal(signal.SIGINT)
    assert server.wait(SECONDS) == 0
    assert is_gone(folder)
    printed = (folder / "output.txt").read_text()
    assert "Stopped." in printed
    assert "Traceback" not in printed


def test_a_signal_while_starting_leaves_nothing(mar: Path, folder: Path) -> None:
    server = start_command(folder, mar, "--port", free_port())
    wait_until(lambda: "Starting" in (folder / "output.txt").read_text())
    server.send_signal(signal.SIGTERM)
    assert server.wait(SECONDS) == 0
    assert is_gone(folder)


@pytest.mark.parametrize("words", ["Starting", "Ctrl-C"])
def test_kill_9_leaves_nothing(mar: Path, folder: Path, words: str) -> None:
    server = start_command(folder, mar, "--port", free_port())
    wait_until(lambda: words in (folder / "output.txt").read_text())
    server.kill()
    server.wait()
    wait_until(lambda: is_gone(folder))


def test_a_killed_supervisor_is_noticed_and_nothing_stays(mar: Path, folder: Path) -> None:
    server = start_command(folder, mar, "--port", free_port())
    wait_until(lambda: "Ctrl-C" in (folder / "output.txt").read_text())
    (supervisor,) = [
        process for process in processes(folder) if any("supervisor.py" in part for part in process.cmdline())
    ]
    supervisor.kill()
    assert server.wait(SECONDS) == 1
    wait_until(lambda: is_gone(folder))
    assert "serve: TorchServe ended" in (folder / "output.txt").read_text()


def test_a_killed_worker_is_replaced_and_a_killed_java_is_noticed(mar: Path) -> None:
    with running_server([mar]) as server:
        (before,) = [worker["pid"] for worker in server.list_workers("digits")]
        os.kill(before, signal.SIGKILL)
        wait_until(
            lambda: [w["pid"] for w in server.list_workers("digits") if w["status"] == "READY"] not in ([], [before])
        )
        client = Client(server.address)
        assert client.predict("digits", small_model.load_digit_images()[0][0])["label"] == "0"
        os.killpg(server.torchserve.process_group, signal.SIGKILL)
        wait_until(lambda: not server.is_running())


def test_two_at_once_and_two_models_in_one(mar: Path, tmp_path: Path) -> None:
    other = small_model.build_model_archive(tmp_path, "numbers")
    with running_server([mar]) as first, running_server([mar, other]) as second:
        for server, name in ((first, "digits"), (second, "digits"), (second, "numbers")):
            assert Client(server.address).predict(name, small_model.load_digit_images()[0][0])["label"] == "0"
        assert not set(first.torchserve.ports.values()) & set(second.torchserve.ports.values())
        assert "numbers" in second.curl_command("numbers")


def failure_message(*archives: Path, port: int | None = None, timeout: float = 120.0) -> str:
    """Why a server of these archives does not start."""
    with pytest.raises(ServingError) as raised, running_server(archives, port=port, timeout=timeout):
        raise AssertionError("it must not become ready")
    return str(raised.value)


def test_a_port_that_is_taken_is_an_error_message(mar: Path, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"cannot listen on 127.0.0.1:{port}" in failure_message(mar, port=port)


def test_a_flipped_byte_refuses_to_serve_and_names_the_file(mar: Path, tmp_path: Path) -> None:
    content = bytearray(mar.read_bytes())
    content[content.index(small_model.build_onnx()) + 300] ^= 1
    (tmp_path / "digits.mar").write_bytes(content)
    assert "model.onnx" in failure_message(tmp_path / "digits.mar")


def test_a_byte_flipped_after_the_first_check_is_found_by_the_worker(
    mar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's own check is left out here, so that the reason must come from the worker's log."""
    damaged = tmp_path / "digits.mar"
    with zipfile.ZipFile(mar) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, content[:-1] + bytes([content[-1] ^ 1]) if name == "model.onnx" else content)
    package = read_archive(mar)

    def read_unchecked(path: Path) -> Package:
        return package

    monkeypatch.setattr(server_module, "read_archive", read_unchecked)
    assert "model.onnx does not match its checksum" in failure_message(damaged)


def test_a_model_that_misses_its_golden_outputs_never_becomes_ready(tmp_path: Path) -> None:
    found = failure_message(small_model.build_model_archive(tmp_path, golden_error=0.5))
    assert "a model could not be loaded" in found
    assert "does not give the golden outputs" in found
    assert "Traceback" not in found


def test_two_archives_of_one_name_are_refused(mar: Path, tmp_path: Path) -> None:
    assert "more than one archive is called digits" in failure_message(mar, small_model.build_model_archive(tmp_path))


def test_too_little_time_is_an_error_message(mar: Path) -> None:
    assert "not ready after 0.2 seconds" in failure_message(mar, timeout=0.2)


def test_nothing_to_serve_says_what_to_run(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "serving.server", "--store", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert "make run" in found.stderr
    assert "Traceback" not in found.stderr

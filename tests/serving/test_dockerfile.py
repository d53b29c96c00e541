"""The serving image, as far as a machine without a Docker engine can tell: its text, and its command run for real."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.client import Client
from serving.server.torchserve import free_port
from tests.support import small_model

ROOT = Path(__file__).parents[2]
MARS = "artifacts/*/package/*.mar"
WORKERS_NEED = {"packaging", "psutil", "pyyaml", "torch", "torchserve"}  # imported by TorchServe's own worker
DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml", "ts": "torchserve"}  # where the import has another name


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, rest of the line), comments dropped and continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    words = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(instruction, rest) for instruction, rest in words]


def arguments_of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def copied() -> list[tuple[list[str], str]]:
    """(sources, target) of every COPY."""
    return [(words[:-1], words[-1]) for words in (rest.split() for rest in arguments_of("COPY"))]


def command(text: str) -> list[str]:
    """An exec-form command; the shell form would put a shell in front, which does not pass SIGTERM on."""
    words: list[str] = json.loads(text.removeprefix("CMD "))
    return words


def health_command() -> list[str]:
    (check,) = arguments_of("HEALTHCHECK")
    return command(check[check.index("CMD") :])


def installed() -> set[str]:
    (run,) = [rest for rest in arguments_of("RUN") if "pip install" in rest]
    run = re.sub(r"\$\{.*?\}", "", run)  # an index to install from, if one is named
    words = run.split("pip install", 1)[1].split()
    skipped = {place + 1 for place, word in enumerate(words) if word == "--constraint"}
    return {word for place, word in enumerate(words) if place not in skipped and not word.startswith("--")}


def test_the_base_is_slim_and_of_the_python_that_trained() -> None:
    assert arguments_of("FROM") == ["python:3.11-slim"]


def test_every_source_it_copies_is_there() -> None:
    for sources, _ in copied():
        for source in sources:
            assert source == MARS or (ROOT / source).exists(), f"{source} is not there"


def test_it_copies_serving_the_archives_and_the_pins_and_nothing_else() -> None:
    assert {source for sources, _ in copied() for source in sources} == {"constraints.txt", "serving/", MARS}
    assert not arguments_of("ADD")


def test_the_docker_engine_gets_only_what_is_copied() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert allowed == {source.rstrip("/") for sources, _ in copied() for source in sources}


def test_the_archives_are_copied_from_where_the_package_stage_writes_them() -> None:
    from pipelines.settings import paths

    assert str(paths.package_folder("*") / "*.mar") == MARS


def test_it_does_not_run_as_root() -> None:
    names = [name for name, _ in instructions()]
    assert names.index("USER") < names.index("CMD")
    assert all(re.fullmatch(r"[1-9]\d*", user) for user in arguments_of("USER"))


def test_only_the_port_of_predictions_is_open() -> None:
    words = command(arguments_of("CMD")[0])
    assert arguments_of("EXPOSE") == [words[words.index("--port") + 1]]
    properties = (ROOT / "serving" / "server" / "config.properties").read_text()
    for name in (
        "management_address=http://",
        "metrics_address=http://",
        "grpc_inference_address=",
        "grpc_management_address=",
    ):
        assert f"\n{name}127.0.0.1" in properties


def test_every_package_is_pinned() -> None:
    pinned = {
        re.split(r"[=\[ ]", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    }
    assert installed() <= pinned
    assert "--constraint constraints.txt" in " ".join(arguments_of("RUN"))


def test_it_installs_what_serving_imports_and_no_training_package() -> None:
    imported = set()
    for path in (ROOT / "serving").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(str(node.module).split(".")[0])
    outside = imported - set(sys.stdlib_module_names) - {"serving"}
    assert {DISTRIBUTIONS.get(name, name) for name in outside} | WORKERS_NEED == installed()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A folder that holds what the image's work folder would, and nothing else."""
    for sources, target in copied():
        for source in sources:
            if source == MARS:
                (tmp_path / target).mkdir()
                small_model.build_model_archive(tmp_path / "made")
                shutil.move(tmp_path / "made" / "digits.mar", tmp_path / target)
                shutil.rmtree(tmp_path / "made")
            elif (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
            elif (ROOT / source).exists():
                shutil.copy(ROOT / source, tmp_path / target)
    return tmp_path


def test_its_command_serves_its_health_check_passes_and_sigterm_ends_it(image: Path) -> None:
    port = str(free_port())
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run, health = (
        [sys.executable, *(word.replace("8080", port) for word in words[1:])]
        for words in (command(arguments_of("CMD")[0]), health_command())
    )
    with (image / "output.txt").open("w") as output:
        server = subprocess.Popen(run, cwd=image, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        assert subprocess.run(health, cwd=image, env=environment, capture_output=True, check=False).returncode == 1
        end = time.monotonic() + 600
        while "Ctrl-C" not in (image / "output.txt").read_text():
            assert server.poll() is None, (image / "output.txt").read_text()
            assert time.monotonic() < end
            time.sleep(0.1)
        digit = small_model.load_digit_images()[0][4]
        assert Client(f"http://127.0.0.1:{port}").predict("digits", digit)["label"] == "4"
        subprocess.run(health, cwd=image, env=environment, capture_output=True, check=True)
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0
    finally:
        server.kill()
        server.wait()

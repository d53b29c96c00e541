"""Stages run side by side leave the dvc.lock that `dvc repro` leaves, byte for byte, in real DVC projects."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtime.dvc_project import LOCK_HEADER, is_supported, read_lock_blocks

ROOT = Path(__file__).parents[2]
RUN = """
import sys
from pathlib import Path
from pipelines.runtime.dvc_project import DvcProject
from pipelines.runtime.scheduler import Run, RunSettings

class Printed:
    def on_end(self, end):
        print(end.address, end.end, end.reason, sep="|", flush=True)
    def on_tick(self, run):
        pass

project = DvcProject()
ends = Run(project.plan(sys.argv[2:]), project, RunSettings(int(sys.argv[1]), Path(".state")), Printed()).run()
sys.exit(any(end.end == "failed" for end in ends))
"""
WAITING_RUN = """
import time
from pathlib import Path
from pipelines.runtime.dvc_project import DvcProject

project = DvcProject()
project.plan()
Path("planned").touch()
while Path("planned").exists():
    time.sleep(0.02)
Path("out/two/x").write_text("edited")
project.record("draw@two")
"""
STAGES: dict[str, Any] = {
    "watch": {"cmd": "mkdir -p data && wc -c < source.txt > data/size", "always_changed": True, "outs": ["data/size"]},
    "draw": {
        "foreach": {"one": {"n": 1}, "two": {"n": 2}, "a_rather_long_name_that_is_folded_by_nobody": {"n": 3}},
        "do": {
            "cmd": "mkdir -p out/${key}\nhead -c ${item.n} source.txt > out/${key}/x; cp out/${key}/x y_${key}",
            "deps": ["source.txt", "data/size"],
            "params": ["seed"],
            "outs": ["out/${key}"],
            "metrics": [{"y_${key}": {"cache": False}}],
        },
    },
    "sum": {"cmd": "cat out/*/x > total", "deps": ["out"], "plots": ["total"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def new_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DVC project of five stages, not yet run."""
    folder = tmp_path_factory.mktemp("dvc") / "project"
    folder.mkdir()
    (folder / "source.txt").write_text("some text\n")
    (folder / "params.yaml").write_text("seed: 1\nother: 2\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}, sort_keys=False))
    (folder / ".gitignore").write_text("/.state/\n")
    call(folder, "git", "init", "--quiet")
    call(folder, "dvc", "init", "--quiet")
    call(folder, "dvc", "config", "core.analytics", "false")
    return folder


@pytest.fixture
def project(new_project: Path, tmp_path: Path) -> Path:
    """A copy of it, of the test's own."""
    return Path(shutil.copytree(new_project, tmp_path / "project", symlinks=True))


def start(folder: Path, *command: str) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, start_new_session=True)  # fmt: skip


def call(folder: Path, *command: str, status: int = 0) -> str:
    process = start(folder, *command)
    output, _ = process.communicate()
    assert process.returncode == status, output
    return output


def run(folder: Path, *targets: str, slots: int = 2, status: int = 0) -> dict[str, str]:
    """How each stage ended."""
    output = call(folder, sys.executable, "-c", RUN, str(slots), *targets, status=status)
    return dict(line.split("|")[:2] for line in output.splitlines() if "|" in line)


def lock_of(folder: Path) -> bytes:
    return (folder / "dvc.lock").read_bytes()


def copy_of(folder: Path, name: str) -> Path:
    return Path(shutil.copytree(folder, folder.with_name(name), symlinks=True))


def test_this_is_the_version_of_dvc_that_is_pinned() -> None:
    assert is_supported(), "look at what changed in DVC, then at DVC_VERSION"


def test_any_number_of_stages_at_once_leaves_the_lock_of_dvc_repro(project: Path) -> None:
    plain = copy_of(project, "plain")
    call(plain, "dvc", "repro")
    for slots in (1, 2, 8):
        folder = copy_of(project, f"slots-{slots}")
        assert set(run(folder, slots=slots).values()) == {"done"}
        assert lock_of(folder) == lock_of(plain)
        assert (folder / ".gitignore").read_text() == (plain / ".gitignore").read_text()
        assert json.loads(call(folder, "dvc", "status", "--json")) == {"watch": ["always changed"]}
        again = run(folder, slots=slots)
        assert again.pop("watch") == "done"
        assert set(again.values()) == {"up to date"}
        assert lock_of(folder) == lock_of(plain)


def test_an_edit_leaves_the_lock_of_dvc_repro(project: Path) -> None:
    run(project)
    plain = copy_of(project, "plain")
    for folder in (project, plain):
        (folder / "params.yaml").write_text("seed: 2\nother: 3\n")
    call(plain, "dvc", "repro")
    assert run(project)["draw@two"] == "done"
    assert lock_of(project) == lock_of(plain)


def test_what_dvc_has_in_its_cache_is_not_computed_again(project: Path) -> None:
    run(project)
    before = lock_of(project)
    (project / "params.yaml").write_text("seed: 2\n")
    run(project)
    (project / "params.yaml").write_text("seed: 1\n")
    shutil.rmtree(project / "out")
    ends = run(project)
    assert {ends[f"draw@{name}"] for name in STAGES["draw"]["foreach"]} == {"restored"}
    assert lock_of(project) == before
    assert (project / "out" / "one" / "x").read_text() == "s"


def test_a_part_of_the_stages_is_run_with_what_it_needs(project: Path) -> None:
    assert run(project, "draw@two") == {"watch": "done", "draw@two": "done"}
    assert b"draw@one" not in lock_of(project)
    rest = run(project)
    assert rest["draw@two"] == "up to date"
    whole = copy_of(project, "whole")
    (whole / "dvc.lock").unlink()
    call(whole, "dvc", "repro")
    assert lock_of(project) == lock_of(whole), "what was run first stands where it stands otherwise"


def test_a_lock_that_is_laid_out_otherwise_is_left_to_dvc(project: Path) -> None:
    run(project, "draw@two")
    (project / "dvc.lock").write_text("# written by hand\n" + (project / "dvc.lock").read_text())
    assert read_lock_blocks(project / "dvc.lock") is None
    assert run(project)["draw@two"] == "up to date"
    assert json.loads(call(project, "dvc", "status", "--json")) == {"watch": ["always changed"]}
    assert (project / "dvc.lock").read_text().startswith("# written by hand\n")


def test_what_another_dvc_command_writes_into_the_lock_meanwhile_stays(project: Path) -> None:
    run(project)
    process = start(project, sys.executable, "-c", WAITING_RUN)
    while not (project / "planned").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    text = (project / "dvc.lock").read_text()
    (project / "dvc.lock").write_text(text.replace("draw@one:", "draw@gone:"))
    (project / "planned").unlink()
    assert process.communicate()[0] == ""
    assert "draw@gone:" in (project / "dvc.lock").read_text()


def test_a_failure_is_said_and_the_rest_is_kept(project: Path) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text())
    stages["stages"]["draw"]["do"]["cmd"] = "test ${key} != two || exit 1; " + stages["stages"]["draw"]["do"]["cmd"]
    (project / "dvc.yaml").write_text(yaml.safe_dump(stages, sort_keys=False))
    ends = run(project, status=1)
    assert (ends["draw@two"], ends["draw@one"], ends["sum"]) == ("failed", "done", "skipped")
    assert b"draw@one" in lock_of(project)
    assert b"draw@two" not in lock_of(project)


def test_dvc_answers_while_stages_run(project: Path) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text())
    stages["stages"]["sum"]["cmd"] = (
        f"touch {project}/is_running; while test -e {project}/is_running; do sleep 0.05; done; {STAGES['sum']['cmd']}"
    )
    (project / "dvc.yaml").write_text(yaml.safe_dump(stages, sort_keys=False))
    process = start(project, sys.executable, "-c", RUN, "2")
    while not (project / "is_running").exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    assert "sum" in json.loads(call(project, "dvc", "status", "--json"))
    assert "y_one" in call(project, "dvc", "metrics", "show")
    (project / "is_running").unlink()
    process.communicate()
    assert process.returncode == 0


def test_a_run_that_was_killed_ends_with_the_same_lock(project: Path) -> None:
    plain = copy_of(project, "plain")
    call(plain, "dvc", "repro")
    for part, moment in (("runner", "data/size"), ("all", "out/two/x"), ("runner", "dvc.lock"), ("all", "y_one")):
        process = start(project, sys.executable, "-c", RUN, "2")
        while process.poll() is None and not (project / moment).exists():
            time.sleep(0.001)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL) if part == "all" else process.kill()
        process.communicate()
    run(project)
    assert lock_of(project) == lock_of(plain)


def test_what_a_killed_dvc_leaves_damaged_is_put_right(project: Path) -> None:
    (project / ".dvc" / "tmp").mkdir(exist_ok=True)
    (project / ".dvc" / "tmp" / "rwlock").write_text("")
    assert set(run(project).values()) == {"done"}


def test_what_another_dvc_command_is_writing_is_left_alone(project: Path) -> None:
    (project / ".dvc" / "tmp").mkdir(exist_ok=True)
    writer = {"pid": os.getpid(), "cmd": "dvc repro"}
    (project / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"write": {str(project / "out" / "two"): writer}}))
    ends = run(project, status=1)
    assert (ends["draw@two"], ends["draw@one"]) == ("failed", "done")


@given(names=st.lists(st.text("abcdef@-_0123", min_size=1, max_size=6), unique=True, max_size=8))
def test_the_text_of_a_lock_is_cut_into_stages_and_joined_again(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from dvc.utils.serialize import dumps_yaml

    content = {"schema": "2.0", "stages": {name: {"cmd": f"do {name}\n", "deps": [{"path": name}]} for name in names}}
    path = tmp_path_factory.mktemp("lock") / "dvc.lock"
    path.write_text(dumps_yaml(content))
    blocks = read_lock_blocks(path)
    if names:
        assert blocks is not None
        assert LOCK_HEADER + "".join(blocks.values()) == path.read_text()
        assert len(blocks) == len(names)

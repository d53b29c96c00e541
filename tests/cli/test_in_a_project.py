"""The command in a real project, in processes of its own: a part that is run, what is stale, exit codes, Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
import yaml

from tests.support.commands import listen_to_ctrl_c, run_bakeoff
from tests.support.pages import ROOT, command_environment
from tests.support.project import SMALL_PARAMS, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose data is split, by a command that knows of no activated environment."""
    project = Project(tmp_path_factory.mktemp("project"), SMALL_PARAMS)
    command = [sys.executable, "-m", "pipelines.cli", "run", "split@digits"]
    environment = {**command_environment(), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=project.folder, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return project


def read_status(project: Project) -> dict[str, tuple[list[str], list[str]]]:
    """By stage: the kinds of its changes, and what it waits for."""
    asked = run_bakeoff(project.folder, "status", "--json")
    assert asked.returncode == 0, asked.stderr
    return {
        one["stage"]: ([change["kind"] for change in one["changes"]], one["waits_for"])
        for one in json.loads(asked.stdout)
    }


def test_a_stage_that_is_named_is_run_with_what_it_needs_and_no_other(project: Project) -> None:
    ran = yaml.safe_load(project.lock_text)["stages"]
    assert [address for address in ran if "@" in address] == ["split@digits"]  # besides what always runs


def test_status_says_what_has_not_run_yet_and_what_was_edited(project: Project) -> None:
    assert read_status(project)["augment@digits"] == (["new"], [])
    assert "split@digits" not in read_status(project)
    params = project.folder / "params.yaml"
    kept = params.read_text()
    params.write_text(kept.replace("valid: 0.2", "valid: 0.25"))
    try:
        assert read_status(project)["split@digits"] == (["settings"], [])
        assert read_status(project)["augment@digits"] == (["new"], ["split@digits"])
        table = run_bakeoff(project.folder, "status").stdout
        assert "split@digits" in table
        assert "`bakeoff run` does it." in table
    finally:
        params.write_text(kept)


def test_a_run_for_a_script_prints_one_json_document(project: Project) -> None:
    ran = run_bakeoff(project.folder, "run", "split@digits", "--json")
    assert ran.returncode == 0, ran.stderr
    printed = json.loads(ran.stdout)
    assert printed["boards"] == []  # nothing is evaluated yet
    assert {stage["address"]: stage["end"] for stage in printed["stages"]} == {
        "pipelines/dvc.yaml:resolve": "done",
        "split@digits": "up to date",
    }


def test_with_another_dvc_stages_run_one_after_the_other(project: Project) -> None:
    script = (
        "from pipelines.runtime import dvc_project; dvc_project.DVC_VERSION = '0.1'; from pipelines.cli import main"
    )
    called = subprocess.run(
        [sys.executable, "-c", f"{script}; raise SystemExit(main(['run', 'augment@digits']))"],
        cwd=project.folder,
        env=command_environment(),
        capture_output=True,
        text=True,
    )
    assert called.returncode == 0, called.stderr
    assert "DVC is not version 0.1, so stages run one after the other" in called.stderr
    assert "Running stage 'augment@digits'" in called.stderr


def test_a_name_that_there_is_not_ends_with_2_before_anything_runs(project: Project) -> None:
    called = run_bakeoff(project.folder, "run", "split@digits", "digit")
    assert (called.returncode, called.stdout) == (2, "")
    assert "no problem, contender or stage is called 'digit'; did you mean digits" in called.stderr
    assert "Running stage" not in called.stdout


def test_a_stage_that_fails_ends_the_command_with_1(project: Project) -> None:
    params = project.folder / "params.yaml"
    kept = params.read_text()
    params.write_text(kept.replace("dataset: digits", "dataset: fingers"))
    try:
        called = run_bakeoff(project.folder, "run", "split@digits", "--json")
        assert called.returncode == 1
        assert "problems.digits.source.dataset" in called.stderr
        *_, last = json.loads(called.stdout)["stages"]
        assert (last["address"], last["end"]) == ("split@digits", "skipped")
        assert "Traceback" not in called.stderr
    finally:
        params.write_text(kept)


def test_a_port_that_is_taken_gets_a_sentence(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        called = run_bakeoff(project.folder, "ui", "--port", str(port))
    assert called.returncode == 1
    assert f"port {port} cannot be listened on" in called.stderr
    assert f"--port {port + 1}" in called.stderr
    assert not (project.folder / "mlflow.db").exists()


def test_with_nothing_to_serve_the_server_says_so(project: Project) -> None:
    called = run_bakeoff(project.folder, "serve", "--port", "18080")
    assert called.returncode == 1
    assert "make run" in called.stderr


@pytest.mark.parametrize(
    ("name", "status", "sentence"),
    [
        ("digit", 2, "no problem is called 'digit'; did you mean digits"),
        ("digits", 1, "digits has no champion to serve yet: there is no artifacts/digits/package/digits.mar"),
        ("elsewhere/digits.mar", 1, "elsewhere/digits.mar"),
    ],
)
def test_what_cannot_be_served_gets_a_sentence(project: Project, name: str, status: int, sentence: str) -> None:
    called = run_bakeoff(project.folder, "serve", name, "--port", "18080")
    assert called.returncode == status
    assert sentence in called.stderr
    assert "Traceback" not in called.stderr


def test_only_contenders_are_tracked(project: Project) -> None:
    called = run_bakeoff(project.folder, "track", "digits-lent5")
    assert called.returncode == 2
    assert "no contender is called 'digits-lent5'; did you mean digits-lenet5" in called.stderr


def test_beside_a_run_others_are_answered_and_ctrl_c_ends_it_with_a_sentence(project: Project) -> None:
    project.write_params({**SMALL_PARAMS, "defaults": {"budget": {"epochs": 100_000, "max_steps": 10**9}}})
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "tune@digits-lenet5"],  # of more epochs than anybody waits for
        cwd=project.folder,
        env=command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=listen_to_ctrl_c,
    )
    try:
        while not list(project.folder.glob(".state/tune/digits-lenet5/*/trial-*")):  # the stage has begun its work
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        for second in (run_bakeoff(project.folder, "run"), project.run_command("dvc", "repro")):
            assert second.returncode != 0
            said = f"{second.stdout}{second.stderr}"
            assert f"a run is under way in this folder (process {process.pid})" in said
            assert "Traceback" not in said
        assert "split@digits" not in read_status(project)
        project.run_checked("dvc", "status")
        os.killpg(process.pid, signal.SIGINT)
        ending, _ = process.communicate()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    project.write_params(SMALL_PARAMS)
    assert process.returncode == 130, ending
    assert ending.endswith("bakeoff: stopped; call it again to go on from here\n")
    assert "Traceback" not in ending


def test_the_installed_command_runs_the_code_of_the_folder_it_is_called_in(project: Project) -> None:
    page = project.folder / "pipelines" / "cli" / "command.py"
    kept = page.read_text()
    page.write_text(kept.replace("A fair competition", "An edited competition"))
    script = "import sys; from pipelines.cli import main; sys.exit(main())"
    try:
        for folder, words in ((project.folder, "An edited competition"), (ROOT, "A fair competition")):
            environment = {**command_environment(), "PYTHONPATH": ""}
            starter = f"import sys; sys.path[0] = {str(ROOT)!r}; {script}"  # as an editable installation finds ROOT
            called = subprocess.run(
                [sys.executable, "-c", starter, "--help"], cwd=folder, env=environment, capture_output=True, text=True
            )
            assert words in called.stdout, called.stderr
    finally:
        page.write_text(kept)

"""The command as a newcomer and a script meet it: its pages of help, its exit codes, its errors."""

import subprocess
import sys
from pathlib import Path

import pytest
from click import Argument, Command

from pipelines.cli.command import COMMANDS, main
from tests.support.commands import run_bakeoff
from tests.support.pages import ROOT

HEAVY = ("torch", "mlflow", "dvc", "pandas", "numpy", "sklearn", "matplotlib", "pydantic", "ruamel")


def test_the_page_of_help_lists_the_commands_in_their_order_each_on_one_line(tmp_path: Path) -> None:
    helped = run_bakeoff(tmp_path, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    listed = helped.stdout.split("Commands:")[1].split("Example:")[0].strip().splitlines()
    assert [line.split()[0] for line in listed] == [command.name for command in COMMANDS]
    assert all(line.endswith(".") for line in listed)
    assert "bakeoff run digits" in helped.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_every_command_has_an_example(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(command.name), "--help"]) == 0
    assert f"Examples:\n    bakeoff {command.name}" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["run", "--no-such-option"], ["rum"]])
def test_help_and_wrong_calls_import_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    script = (
        f"import sys\nfrom pipelines.cli import main\nmain({arguments})\nprint(sorted({set(HEAVY)} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rum"], "Did you mean 'run'"),
        (["status", "--jso"], "Did you mean '--json'"),
        (["ui", "--port", "many"], "'many' is not a valid integer"),
        ([], "Usage: bakeoff"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_what_is_right(arguments: list[str], words: str, tmp_path: Path) -> None:
    called = run_bakeoff(tmp_path, *arguments)
    assert (called.returncode, called.stdout) == (2, "")
    assert words in called.stderr
    assert "Traceback" not in called.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.name))
def test_outside_of_a_project_every_command_says_so(command: Command, tmp_path: Path) -> None:
    required = ["x" for one in command.params if isinstance(one, Argument) and one.required]
    called = run_bakeoff(tmp_path, str(command.name), *required)
    assert (called.returncode, called.stdout) == (1, "")
    assert called.stderr == ("bakeoff: there is no params.yaml here; go to the project's folder and call it there\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ("- a\n", "params.yaml: problems: must be names, each with settings, found None"),
        ("problems: {a: 3}\ncontenders: {}\n", "params.yaml: problems.a: must be settings, found 3"),
        ("problems: {a: {}}\ncontenders: [b]\n", "params.yaml: contenders: must be names, each with settings"),
        ("problems: {a: {}\n", "params.yaml is not readable as YAML: line"),
    ],
)
def test_a_broken_params_yaml_gets_a_sentence(
    params: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(params)
    Path("dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    for arguments in (["run"], ["run", "a"], ["board"], ["status"], ["track"]):
        assert main(arguments) == 1
        assert capsys.readouterr().err.startswith(f"bakeoff: {sentence}")


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "bakeoff 0.1.0\n"

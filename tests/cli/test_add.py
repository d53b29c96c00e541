"""`bakeoff add` and `remove`: what is shown and asked, and that params.yaml is changed whole or not at all."""

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.cli.command import main
from pipelines.settings import paths
from tests.support.commands import take_the_terminal
from tests.support.data_files import write_csv, write_pictures, write_series
from tests.support.modules import ROOT
from tests.support.pages import command_environment

ADD = ["add", "shop", "shop.csv", "--target", "sold"]


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml"):
        Path(name).write_bytes((ROOT / name).read_bytes())
    write_csv(tmp_path)


def params() -> bytes:
    return paths.PARAMS_FILE.read_bytes()


def test_a_file_is_shown_added_and_removed(capsys: pytest.CaptureFixture[str]) -> None:
    before = params()
    assert main([*ADD, "--yes"]) == 0
    printed = capsys.readouterr().out
    for text in (
        "a table of 120 rows and 4 columns",
        "green",
        "not read",
        "class: 0 ",
        "shop-mlp",
        "Next: `bakeoff run",
    ):
        assert text in printed
    assert b"  shop-mlp: {problem: shop, architecture: mlp}\n" in params()
    assert main([*ADD, "--yes"]) == 1
    assert "there is a problem called 'shop' already" in capsys.readouterr().err
    assert main(["remove", "shop"]) == 0
    assert params() == before


def test_a_dry_run_and_a_missing_terminal_leave_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    before = params()
    assert main([*ADD, "--dry-run"]) == 0
    assert "Nothing was added." in capsys.readouterr().out
    assert main(ADD) == 1
    assert "there is no terminal to ask at; say --yes" in capsys.readouterr().err
    assert params() == before


def test_a_script_reads_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ADD, "--dry-run", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not found["added"]
    assert found["settings"]["source"] == {"kind": "table", "path": "shop.csv", "target": "sold"}
    assert [column["role"] for column in found["columns"]] == ["id", "input", "input", "target"]
    assert all(contender["seconds"] > 0 for contender in found["contenders"])


def test_a_target_is_asked_for_where_no_name_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["add", "shop", "shop.csv", "--yes"]) == 1
    error = capsys.readouterr().err
    assert "no name of a column says what is to be predicted" in error
    assert "the columns are size, colour, sold" in error


def test_a_series_is_forecast_in_all_its_numbers_without_a_question(tmp_path: Path) -> None:
    write_series(tmp_path)
    assert main(["add", "load", "load.csv", "--yes"]) == 0
    assert b"time: when, window:" in params()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["add", "digits", "shop.csv"], 1, "there is a problem called 'digits' already"),
        (["add", "Shop!", "shop.csv"], 1, "no problem may be called 'Shop!'"),
        (["add", "inputs", "shop.csv"], 1, "no problem may be called 'inputs'"),
        (["add", "shop", "nowhere.csv"], 1, "nowhere.csv: there is no such file or folder"),
        (["add", "shop", "shop.csv", "--kind", "film"], 2, "must be one of table, series"),
        (["add", "shop", "shop.csv", "--task", "film"], 2, "must be one of classification, regression"),
        ([*ADD, "--task", "generation", "--yes"], 1, "--task generation is not for rows of a table"),
        (["add", "shop", "shop.csv", "--set", "sheet"], 2, "must be NAME=VALUE"),
        (
            ["add", "shop", "shop.csv", "--set", "shet=2", "--target", "sold", "--yes"],
            1,
            "no source has a setting shet",
        ),
        (["remove", "nothing"], 2, "no problem is called 'nothing'"),
        (["check", "nothing"], 2, "no problem is called 'nothing'"),
    ],
)
def test_mistakes_get_a_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = params()
    assert main(arguments) == code
    assert sentence in capsys.readouterr().err
    assert params() == before


def test_a_file_in_braces_is_refused_before_anything_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    paths.PARAMS_FILE.write_text('{\n\t"seed": 20,\n\t"problems": {},\n\t"contenders": {}\n}\n')
    before = params()
    assert main(["add", "shop", "nowhere.csv", "--yes"]) == 1
    assert "the whole file stands in braces, as JSON does" in capsys.readouterr().err
    assert params() == before


@pytest.mark.parametrize("columns", ["20", "60"])
def test_a_narrow_terminal_cuts_the_table(
    columns: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    write_pictures(tmp_path)
    for arguments in (ADD, ["add", "signs", "signs"]):
        assert main([*arguments, "--dry-run"]) == 0
        shown = capsys.readouterr().out.partition("Lines for params.yaml")[0]
        assert max(map(len, shown.splitlines())) <= max(int(columns), 60)


def test_a_run_under_way_is_not_disturbed(capsys: pytest.CaptureFixture[str]) -> None:
    import fcntl

    paths.RUN_LOCK_FILE.parent.mkdir(parents=True)
    before = params()
    with paths.RUN_LOCK_FILE.open("w") as lock:
        lock.write("123")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert main(["remove", "co2"]) == 1
    assert "a run is under way in this folder (process 123)" in capsys.readouterr().err
    assert params() == before


# On a terminal


def answer(keys: bytes, *arguments: str) -> tuple[int, str]:
    """Call the command on a terminal, and type the keys when it asks; its exit code, and what it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        env={**command_environment(), "PYTHONPATH": str(ROOT)},
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=take_the_terminal,
    )  # fmt: skip
    os.close(theirs)
    shown, is_asked = b"", False
    while True:
        try:
            block = os.read(ours, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not block:
            break
        shown += block
        if not is_asked and b"?" in shown and (b"[sold]:" in shown or b"[Y/n]:" in shown):
            is_asked = True
            time.sleep(0.2)  # until it reads
            os.write(ours, keys)
    os.close(ours)
    return process.wait(), shown.decode()


def test_a_question_is_asked_on_a_terminal_and_its_answer_is_taken() -> None:
    code, shown = answer(b"colour\nn\n", "add", "shop", "shop.csv")
    assert code == 0, shown
    assert "Which column is to be predicted?" in shown
    assert "target: colour" in shown
    assert "Nothing was added." in shown


@pytest.mark.parametrize("arguments", [ADD, ADD[:3]], ids=["at the end", "at the target"])
def test_ctrl_c_in_a_question_leaves_the_file(arguments: list[str]) -> None:
    before = params()
    code, shown = answer(b"\x03", *arguments)
    assert code == 130, shown
    assert "Nothing was added." in shown
    assert "Traceback" not in shown
    assert params() == before

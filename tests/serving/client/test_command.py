"""The client command: a line per example, messages for what is wrong, and images as files."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from serving.client.__main__ import main
from serving.server.server import Server
from tests.support import small_model
from tests.support.request_bodies import blank_png


def test_the_command_prints_a_line_per_image(
    server: Server, image_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label = small_model.predict(small_model.load_digit_images()[0][5][None])[0].argmax()
    assert main(["digits", str(image_file), str(image_file), "--address", server.address]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1].split(" ")[0] for line in lines] == [str(label)] * 2


def test_the_command_says_what_is_wrong_and_goes_on(
    server: Server, image_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "large.png").write_bytes(blank_png(size=(28, 28)))
    (tmp_path / "text.png").write_text("hello")
    wrong = [str(tmp_path / name) for name in ("absent.png", "large.png", "text.png")]
    assert main(["digits", *wrong, str(image_file), "--address", server.address]) == 1
    printed = capsys.readouterr()
    assert [words in printed.err for words in ("cannot be read", "28 wide", "PNG or JPEG")] == [True] * 3
    assert len(printed.out.splitlines()) == 1


def test_the_command_takes_json_text_and_numbers_of_samples(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str, status: int = 0) -> Any:
        assert main([*arguments, "--address", server.address]) == status
        return capsys.readouterr()

    (tmp_path / "rooms.json").write_text('{"rooms": 3}')
    value = "2750 euros (2630 to 2870 in 90% of cases)"
    assert run("prices", "--json", '{"rooms": 3}').out == f"example 1: {value}\n"
    assert run("prices", "--json", f"@{tmp_path / 'rooms.json'}").out == f"{tmp_path / 'rooms.json'}: {value}\n"
    assert run("spam", "--text", "you have won", "--text", "!").out.startswith("text 1: late (72.1%; then plain ")
    drawn = run("drawn", "--number", "2", "--seed", "5", "--out", str(tmp_path / "out")).out.splitlines()
    assert drawn == ["drawn: 2 samples from seed 5", *(str(path) for path in sorted((tmp_path / "out").iterdir()))]
    assert "expected JSON" in run("prices", "--json", "{rooms}", status=1).err
    assert "expected a JSON object" in run("prices", "--json", "3", status=1).err
    assert "cannot be read" in run("prices", "--json", "@nowhere.json", status=1).err
    with pytest.raises(SystemExit):
        main(["digits"])


def test_the_command_runs_as_documented(server: Server, image_file: Path) -> None:
    command = [sys.executable, "-m", "serving.client", "digits", str(image_file), "--address", server.address]
    found = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    assert found.stdout.startswith(str(image_file))
    assert found.stderr == ""


def test_an_invalid_address_is_an_error_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["digits", "--text", "a", "--address", "ftp://localhost"]) == 1
    assert capsys.readouterr().err.startswith("--address: an address looks like http://")

"""The `bakeoff` command: called as a user calls it, and its lines on a page checked without running them."""

import fcntl
import shlex
import signal
import subprocess
import sys
import termios
from contextlib import chdir
from pathlib import Path

from click.testing import CliRunner

from pipelines.cli.command import bakeoff
from pipelines.cli.names import resolve_targets
from pipelines.cli.project import read_project
from tests.support.pages import ROOT, Block, command_environment, split_commands


def listen_to_ctrl_c() -> None:
    """As what a terminal starts does; what a script starts in its background ignores it, and so would our processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def take_the_terminal() -> None:
    """Have standard input as the terminal whose Ctrl-C reaches this process."""
    listen_to_ctrl_c()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def run_bakeoff(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command in a folder, with the code under test, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments],
        cwd=folder,
        env={**command_environment(), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def is_a_command(block: Block, project: Path) -> None:
    """The commands and options of a block are known, and so are the names of what is to be run or shown."""
    with chdir(project):
        names = read_project()
    for program, *words in split_commands(block):
        assert program == "bakeoff"
        with bakeoff.make_context(program, list(words)) as context:
            name, command, rest = bakeoff.resolve_command(context, words)
            assert command is not None
            given = command.make_context(name, rest, parent=context).params
            assert set(given.get("problems", ())) <= set(names.problems)
            assert resolve_targets(names, given.get("names", ())) or name != "run"


def is_added_run_and_served(block: Block, project: Path) -> None:
    """The first line is run, on a file with such a column; the others are commands about what it added."""
    (add, *rest), text = split_commands(block), (project / "params.yaml").read_bytes()
    assert add[:2] == ["bakeoff", "add"]
    name, file, target = add[2], project / add[3], add[add.index("--target") + 1]
    file.parent.mkdir(exist_ok=True)
    file.write_text("".join(["Age,Sex,", target, "\n", *(f"{row}.5,{'mf'[row % 2]},{row % 2}\n" for row in range(60))]))
    with chdir(project):
        added = CliRunner().invoke(bakeoff, [*add[1:], "--yes"])
    assert added.exit_code == 0, added.output
    is_a_command(Block(block.language, "\n".join(map(shlex.join, rest))), project)
    assert rest[-1] == ["bakeoff", "serve", name]
    with chdir(project):
        assert CliRunner().invoke(bakeoff, ["remove", name]).exit_code == 0
    assert (project / "params.yaml").read_bytes() == text

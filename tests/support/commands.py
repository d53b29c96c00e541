"""The `bakeoff` command: called as a user calls it, and its lines on a page checked without running them."""

import subprocess
import sys
from contextlib import chdir
from pathlib import Path

from pipelines.cli.command import bakeoff
from pipelines.cli.names import resolve_targets
from pipelines.cli.project import read_project
from tests.support.pages import ROOT, Block, command_environment, split_commands


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

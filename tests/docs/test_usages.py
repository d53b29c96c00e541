"""Every module that a page says to run can be run, and says how."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import PAGES, ROOT, command_environment

# Asks every module for its help in one process, because each imports PyTorch, and most the same packages
ASK_FOR_HELP = """
import contextlib, io, json, runpy, sys
usages = {}
for module in sys.argv[1:]:
    sys.argv, said = [module, "--help"], io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    usages[module] = said.getvalue()
print(json.dumps(usages))
"""


def named_modules() -> list[str]:
    pages = [(ROOT / name).read_text(encoding="utf-8") for name in (*PAGES, "Makefile")]
    named = {found for page in pages for found in re.findall(r"python -m ([\w.]+)", page)}
    return sorted(named - {"venv", "pip", "pytest"})


def source_of(module: str) -> str:
    path = ROOT / Path(*module.split("."))
    return (path / "__main__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


def takes_options(module: str) -> bool:
    return "ArgumentParser" in source_of(module) or (ROOT / Path(*module.split("."))).is_dir()


@pytest.fixture(scope="module")
def usages() -> dict[str, str]:
    """What each module that takes options prints for --help."""
    command = [sys.executable, "-c", ASK_FOR_HELP, *filter(takes_options, named_modules())]
    done = subprocess.run(command, cwd=ROOT, env=command_environment(), stdout=subprocess.PIPE, text=True, check=True)
    printed: dict[str, str] = json.loads(done.stdout)
    return printed


@pytest.mark.parametrize("module", named_modules())
def test_every_module_that_is_to_be_run_says_how(module: str, usages: dict[str, str]) -> None:
    assert 'if __name__ == "__main__":' in source_of(module)
    assert not takes_options(module) or "usage:" in usages[module]

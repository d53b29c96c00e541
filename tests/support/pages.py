"""The pages a person reads, taken apart: the README's fenced blocks, tables and tree, and what runs its commands."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ruamel.yaml import YAML

from tests.support.environment import users_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES += [str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))]


KEPT_ENTRIES = {  # of params.yaml, in a copy of the project
    "problems": {"digits", "co2"},
    "contenders": {"digits-logistic_regression", "digits-mlp", "co2-linear_regression"},
}


class Block(NamedTuple):
    """A fenced block of the README."""

    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.strip().splitlines()


def fenced_blocks() -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]


def split_commands(block: Block) -> list[list[str]]:
    """The words of every command; one may span lines within quotes."""
    found, open_quote = [], ""
    for line in block.lines:
        open_quote += f"{line}\n"
        if open_quote.count("'") % 2 == 0:
            found.append(shlex.split(open_quote))
            open_quote = ""
    return found


class CurlRequest(NamedTuple):
    """What a `curl` of the page sends."""

    address: str  # http://127.0.0.1:8080
    problem: str
    media_type: str
    body: bytes


def parse_curl(words: list[str], folder: Path) -> CurlRequest:
    """The request of a `curl` line; a body that is `@a file` is read from the folder."""
    assert words[0] == "curl"
    address, problem = words[1].split("/predictions/")
    media, body = words[words.index("-H") + 1].removeprefix("Content-Type: "), words[-1]
    return CurlRequest(address, problem, media, (folder / body[1:]).read_bytes() if body[0] == "@" else body.encode())


def table_cells(title: str, page: str = README) -> list[list[str]]:
    """The cells of the table with that first column, without quotes around names."""
    rows = re.search(rf"^\| {re.escape(title)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
    assert rows, title
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[1].splitlines()]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in line] for line in cells]


def paths_of_tree(text: str) -> list[str]:
    """The paths of a tree whose lines are an indented name, two spaces or more, and a caption; folders without a /."""
    parents: list[str] = []
    paths = []
    for line in text.splitlines():
        found = re.fullmatch(r"((?:  )*)(\S+) {2,}\S.*", line)
        assert found, f"a line of the tree is an indented name, two spaces or more, and a caption: {line!r}"
        parents = parents[: len(found[1]) // 2]
        paths.append("".join(parents) + found[2].rstrip("/"))
        parents.append(found[2])
    return paths


def list_project_files() -> list[str]:
    """The files of the project: in git, or on their way into it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


# A copy of the project in which commands are run


def command_environment() -> dict[str, str]:
    identity = {f"GIT_{role}_{what}": "t@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    kept = {name: value for name, value in users_environment().items() if not name.startswith("GIT_")}
    return {**kept, **identity}


def run_shell(script: str, folder: Path) -> str:
    """Run a script; return what it printed."""
    completed = subprocess.run(
        ["bash", "-c", f"set -e\n{script}"],
        cwd=folder,
        env=command_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert completed.returncode == 0, f"{script}\n{completed.stdout}"
    return completed.stdout


def copy_project_with_artifacts(folder: Path) -> None:
    """Copy the project, with the smallest artifacts that `dvc metrics` and `dvc plots` can show, into git.

    Few contenders are left in its params.yaml, because every command of DVC goes through the stages of all of them.
    """
    for name in list_project_files():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for lock in ("dvc.lock", "pipelines/dvc.lock"):
        (folder / lock).unlink(missing_ok=True)
    params = _leave_few_contenders(folder / "params.yaml")
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values():
        for key, item in params[entry["foreach"].strip("${}")].items() if "foreach" in entry else ():
            _write_artifacts(folder, entry["do"], lambda path, key=key, item=item: _fill_template(path, key, item))
    run_shell("git init --quiet && git add --all && git commit --quiet --message start", folder)


def _leave_few_contenders(path: Path) -> dict[str, Any]:
    round_trip = YAML()
    content: dict[str, Any] = round_trip.load(path)
    for section, kept in KEPT_ENTRIES.items():
        for name in set(content[section]) - kept:
            del content[section][name]
    round_trip.dump(content, path)
    return content


def _fill_template(path: str, key: str, item: dict[str, Any]) -> str:
    for name, value in item.items():
        path = path.replace(f"${{item.{name}}}", str(value))
    return path.replace("${key}", key)


def _write_artifacts(folder: Path, stage: dict[str, Any], fill_path: Callable[[str], str]) -> None:
    for path in stage.get("metrics", []):
        _write_file(folder / fill_path(path), json.dumps({"test": {"accuracy": 0.5}}))
    for plot in stage.get("plots", []):
        for path, look in plot.items() if isinstance(plot, dict) else ():
            _write_file(folder / fill_path(path), f"{look['x']},{look['y']}\n1,1\n2,2\n")


def _write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

"""Reproduction of a training: the same stage in a folder of its own, and how far its files agree with the first's."""

import contextlib
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.cli.names import ProjectNames, check_names
from pipelines.cli.processes import own_environment
from pipelines.cli.staleness import find_stale_stages
from pipelines.runtime.files import read_json
from pipelines.runtime.machine import machine_differences
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths

VERIFY_FOLDER = paths.STATE_FOLDER / "verify"
MACHINE_FILE = "machine.json"  # says where; that is compared in words
LINKED = ("params.yaml", "dvc.yaml", "pipelines", "models", "data")  # what a training reads of the project
ROUNDING = 1e-3  # share of a score; differences below it do not show in a leaderboard


class Comparison(NamedTuple):
    """How a training agrees with that of the same name."""

    sentence: str
    is_reproduced: bool


def champions_of(project: ProjectNames, names: Sequence[str]) -> tuple[str, ...]:
    """The contenders that names stand for: their own, a problem's champion; every champion without a name.

    Raises:
        UnknownName: a name is neither a contender's nor a problem's.
        UserError: a problem has no champion yet.
    """
    check_names(names, (*project.contenders, *project.problems), "contender or problem")
    problems = [name for name in names if name in project.problems] or ([] if names else list(project.problems))
    champions = {}
    for problem in problems:
        file = paths.compare_folder(problem) / "champion.json"
        if file.exists():
            champions[problem] = str(read_json(file)["contender"])
        elif names:
            raise UserError(f"{problem} has no champion yet; call `bakeoff run {problem}`")
    found = [champions.get(name, name) for name in names] if names else list(champions.values())
    if not found:
        raise UserError("no problem has a champion yet; call `bakeoff run`")
    return tuple(dict.fromkeys(found))


def check_is_trained(problem: str, name: str) -> None:
    """Check that the contender was trained, by the code and the settings that there are now.

    Raises:
        UserError: it was not; what differs would be the edit, not the machine.
    """
    if not (paths.train_folder(problem, name) / "model.json").exists():
        raise UserError(f"{name} is not trained yet; call `bakeoff run {name}`")
    if any(one.stage in (f"train@{name}", f"tune@{name}") for one in find_stale_stages()):
        raise UserError(
            f"{name} was trained with other code, settings or data than there are now (`bakeoff status` says "
            f"which); call `bakeoff run {name}`, or go back to the commit of dvc.lock"
        )


@contextlib.contextmanager
def train_again(problem: str, name: str) -> Iterator[Path]:
    """Run the stage `train` in a folder with links to what it reads; that folder, which is deleted afterwards.

    Raises:
        UserError: the training failed.
    """
    folder = VERIFY_FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    tuned = folder / paths.tune_folder(problem, name)
    tuned.parent.mkdir(parents=True)
    try:
        tuned.symlink_to(paths.tune_folder(problem, name).absolute())
        for entry in LINKED:
            (folder / entry).symlink_to(Path(entry).absolute())
        command = [sys.executable, "-m", "pipelines.train", name]
        if subprocess.run(command, cwd=folder, env=own_environment()).returncode:
            raise UserError(f"{name} could not be trained again; the reason stands above")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compare_trainings(problem: str, name: str, folder: Path) -> Comparison:
    """Compare the training under `folder` with that of the project: its files, then its scores."""
    before, again = paths.train_folder(problem, name), folder / paths.train_folder(problem, name)
    machine = _compare_machines(before / MACHINE_FILE, again / MACHINE_FILE)
    hashes = _file_hashes(before), _file_hashes(again)
    if hashes[0] == hashes[1]:
        return Comparison(f"{name}: reproduced bit for bit, {len(hashes[0])} files. {machine}", is_reproduced=True)
    differing = sorted(file for file in {*hashes[0], *hashes[1]} if hashes[0].get(file) != hashes[1].get(file))
    scores = [[member["score"] for member in read_json(one / "model.json")["members"]] for one in (before, again)]
    change = _largest_change(*scores)
    found = f"{len(differing)} of {len(hashes[0])} files differ ({', '.join(differing[:5])})"
    if change is not None and change <= ROUNDING:
        sentence = (
            f"{name}: reproduced within {change:.1g} of every member's score, not bit for bit: {found}. {machine}"
        )
        return Comparison(sentence, is_reproduced=True)
    by = "another member failed" if change is None else f"a member's score differs by {change:.2%}"
    pairs = "; ".join(f"{_format(one)} then, {_format(other)} now" for one, other in zip(*scores, strict=False))
    return Comparison(f"{name}: not reproduced, {by} ({pairs}): {found}. {machine}", is_reproduced=False)


def _compare_machines(before: Path, again: Path) -> str:
    if not before.exists():
        return "On which kind of machine it was trained before is not recorded."
    differences = machine_differences(read_json(before), read_json(again))
    return (
        f"The machine is of another kind: {'; '.join(differences)}."
        if differences
        else "The machine is of the same kind."
    )


def _file_hashes(folder: Path) -> dict[str, str]:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != MACHINE_FILE)
    return {file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _largest_change(before: list[Any], again: list[Any]) -> float | None:
    """The largest change of a member's score, as a share of it; None if not the same members have one."""
    if [one is None for one in before] != [one is None for one in again]:
        return None
    pairs = [(one, other) for one, other in zip(before, again, strict=True) if one is not None]
    return max((abs(one - other) / max(abs(one), 1e-12) for one, other in pairs), default=0.0)


def _format(score: float | None) -> str:
    return "failed" if score is None else f"{score:.6g}"

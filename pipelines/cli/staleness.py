"""Stale stages: which would run again, and why.

DVC says what differs from dvc.lock. The input records that stages depend on are files that the last run left: they are
computed anew here, and compared with those that dvc.lock names.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.cli.names import BEFORE_CONTENDERS, OF_CONTENDERS
from pipelines.cli.processes import capture_module
from pipelines.cli.project import read_project
from pipelines.cli.record_changes import Change, ChangeKind, describe_record_changes
from pipelines.runtime.dvc_yaml import Stage, read_stages
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import read_yaml
from pipelines.settings.origins import complete_records, list_origins, start_files

RECORDS_FOLDER = "data/inputs/"
CODE_FOLDERS = ("models/", "pipelines/", "serving/")
LOCK_FILE = Path("dvc.lock")
CACHE_FOLDER = Path(".dvc", "cache", "files", "md5")

NOT_RUN_YET = Change("new", "has not run yet")
COMMAND_EDITED = Change("command", "its command in dvc.yaml was edited")
UNKNOWN_RECORD = Change("settings", "its settings, code or source changed; what they were is not in DVC's cache")
STATES = {  # DVC's word -> ours
    "modified": "changed",
    "deleted": "is missing",
    "new": "is new",
    "not in cache": "is not in DVC's cache",
}


class StaleStage(NamedTuple):
    """A stage that would run now."""

    stage: str  # its address: tune@digits-mlp
    changes: tuple[Change, ...]  # of its own; empty if it only waits
    waits_for: tuple[str, ...]  # the last stages before it that would run first


class StageFiles(NamedTuple):
    """A stage with the paths it reads and writes."""

    address: str
    deps: tuple[str, ...]
    outs: tuple[str, ...]


def find_stale_stages() -> list[StaleStage]:
    """The stages that would run, in the order in which they would.

    Raises:
        UserError: the current folder is not a project's, or DVC cannot say.
    """
    from pipelines.resolve import build_records

    read_project()  # explains what is wrong with params.yaml if its names cannot be read
    stages = [
        StageFiles(f"{stage.verb}@{stage.name}", (*stage.deps, *start_files(stage)), stage.outs)
        for stage in _order_stages(read_stages())
    ]
    reports, locked, records = _read_dvc_status(), _read_locked_hashes(), build_records()
    records |= complete_records(records)
    return list_stale_stages(
        stages,
        {
            stage.address: (
                [
                    *list_record_changes(stage.deps, locked[stage.address], records),
                    *list_reported_changes(reports.get(stage.address, ())),
                ]
                if stage.address in locked
                else [NOT_RUN_YET]
            )
            for stage in stages
        },
    )


def _order_stages(stages: Sequence[Stage]) -> list[Stage]:
    """As dvc.yaml has them, but contenders that start from others behind these."""

    def place(stage: Stage) -> tuple[int, int]:
        if stage.verb not in OF_CONTENDERS:
            return (0 if stage.verb in BEFORE_CONTENDERS else 2), 0
        return 1, len(list_origins(stage.name))

    return sorted(stages, key=place)


def list_stale_stages(stages: Sequence[StageFiles], changes: Mapping[str, Sequence[Change]]) -> list[StaleStage]:
    """The stages with changes of their own, and those that read what a stale stage writes.

    Data that a stale stage will write anew is no change of its reader's own.

    Args:
        stages: in an order in which each stands behind those it depends on.
        changes: by the stages' addresses.
    """
    stale: dict[str, StaleStage] = {}
    outs: dict[str, tuple[str, ...]] = {}  # of the stale stages
    before: dict[str, set[str]] = {}  # all stale stages before each stale one
    for stage in stages:
        direct = [other for other in outs if any(_overlaps_any(dep, outs[other]) for dep in stage.deps)]
        own = [
            change
            for change in changes.get(stage.address, ())
            if not (change.path and any(_overlaps_any(change.path, outs[other]) for other in direct))
        ]
        if own or direct:
            earlier = set().union(*(before[other] for other in direct))
            last = tuple(other for other in direct if other not in earlier)
            stale[stage.address] = StaleStage(stage.address, tuple(own), last)
            outs[stage.address], before[stage.address] = stage.outs, earlier | set(direct)
    return list(stale.values())


def _overlaps_any(path: str, others: Sequence[str]) -> bool:
    """Whether a path is one of the others, or one of them is a folder that holds the other."""
    return any(path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in others)


def _read_dvc_status() -> dict[str, list[Any]]:
    """What `dvc status` says, by the stages' addresses."""
    found = capture_module("dvc", "status", "--json")
    if found.returncode != 0:
        reason = " ".join(found.stderr.split()).removeprefix("ERROR: ")
        raise UserError(f"DVC cannot say what changed: {reason or 'it gives no reason'}")
    reports: dict[str, list[Any]] = json.loads(found.stdout)
    return reports


def _read_locked_hashes() -> dict[str, dict[str, str]]:
    """The hashes of what each stage read when it ran last: address -> path -> md5."""
    if not LOCK_FILE.exists():
        return {}
    stages = (read_yaml(LOCK_FILE) or {}).get("stages", {})
    return {
        address: {dep["path"]: str(dep.get("md5", "")) for dep in entry.get("deps", ())}
        for address, entry in stages.items()
    }


def list_record_changes(
    deps: Sequence[str], locked: Mapping[str, str], records: Mapping[Path, Mapping[str, Any]]
) -> list[Change]:
    """What differs between a stage's input records now and those it ran with.

    Args:
        deps: the paths that the stage reads.
        locked: the md5 of each when it ran, as dvc.lock has it.
        records: the records as they would be now, by path.
    """
    changes: list[Change] = []
    for path in filter(records.__contains__, map(Path, deps)):
        old = _read_locked_record(path, locked.get(path.as_posix(), ""))
        new = json.loads(json.dumps(records[path]))  # as it would be read back: without tuples
        changes += [UNKNOWN_RECORD] if old is None else describe_record_changes(old, new)
    return changes


def _read_locked_record(path: Path, md5: str) -> Mapping[str, Any] | None:
    """The record with this hash: the file itself, or else that in DVC's cache; None if it is neither."""
    for place in (path, CACHE_FOLDER / md5[:2] / md5[2:]):
        if place.is_file() and hashlib.md5(content := place.read_bytes(), usedforsecurity=False).hexdigest() == md5:
            record: Mapping[str, Any] = json.loads(content)
            return record
    return None


def list_reported_changes(entries: Sequence[Any]) -> list[Change]:
    """What DVC reports of one stage, but for its input records.

    Args:
        entries: as `dvc status --json` has them: "changed command", or {"changed deps": {path: state}}.
    """
    changes = [COMMAND_EDITED] if "changed command" in entries else []
    for title, states in (item for entry in entries if isinstance(entry, dict) for item in entry.items()):
        for path, state in states.items():
            if not path.startswith(RECORDS_FOLDER):
                changes += _path_changes("output" if title == "changed outs" else _kind_of(path), path, state)
    return changes


def _path_changes(kind: ChangeKind, path: str, state: Any) -> list[Change]:
    """The change of one path; of params.yaml, DVC names the settings that differ."""
    if isinstance(state, dict):
        return [Change("settings", f"{name} {STATES.get(one, one)} in {path}") for name, one in state.items()]
    return [Change(kind, f"{path} {STATES.get(state, state)}", path if kind == "data" else "")]


def _kind_of(path: str) -> ChangeKind:
    if path == "params.yaml":
        return "settings"
    return "code" if f"{path}/".startswith(CODE_FOLDERS) else "data"

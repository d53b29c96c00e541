"""Origins: which contenders start from the weights of another, which files these are, and what the search records.

The search of such a contender depends on what the other's training wrote. Its input record is complete only when that
is there: `resolve` writes what params.yaml and the code say of it to data/inputs/start/, and a stage behind the other's
training, which pipelines/settings/origin_graph.py adds, writes the record itself, with the hashes of the weights.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.dvc_yaml import Stage
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import read_yaml
from pipelines.settings import paths

WEIGHTS_SUFFIXES = (".pt", ".pth", ".safetensors")  # what start_from ends with if it is a file; no name has a dot


class Origin(NamedTuple):
    """A contender whose weights another starts from."""

    contender: str
    problem: str

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """What is read of it: model.json, the weights of its members, and the schema of what it was trained on."""
        folder = paths.train_folder(self.problem, self.contender)
        return folder / "model.json", folder / "weights", paths.schema_file(self.problem)

    @property
    def is_trained(self) -> bool:
        return all(path.exists() for path in self.files)


def is_weights_file(start_from: str) -> bool:
    return start_from.endswith(WEIGHTS_SUFFIXES)


def read_origins() -> dict[str, Origin]:
    """The contenders that start from another one, by name; params.yaml is checked elsewhere."""
    params = read_yaml(paths.PARAMS_FILE) if paths.PARAMS_FILE.exists() else None
    contenders = params.get("contenders") if isinstance(params, dict) else None
    entries = {name: entry for name, entry in (contenders or {}).items() if isinstance(entry, dict)}
    origins = {
        str(name): Origin(entry["start_from"], str(entries[entry["start_from"]].get("problem")))
        for name, entry in entries.items()
        if isinstance(entry.get("start_from"), str) and entry["start_from"] in entries
    }
    return {name: origin for name, origin in origins.items() if not _leads_back(name, origins)}


def _leads_back(name: str, origins: Mapping[str, Origin]) -> bool:
    """Whether a contender starts from itself, by way of others perhaps: refused elsewhere, and no graph for DVC."""
    passed: set[str] = set()
    while name in origins and name not in passed:
        passed.add(name)
        name = origins[name].contender
    return name in passed


def list_origins(name: str) -> list[str]:
    """What a contender starts from, what that one starts from, and so on."""
    origins = read_origins()
    found = []
    while name in origins:
        name = origins[name].contender
        found.append(name)
    return found


def start_files(stage: Stage) -> tuple[str, ...]:
    """What a search reads besides what dvc.yaml lists: the weights that its contender starts from."""
    origin = read_origins().get(stage.name) if stage.verb == "tune" else None
    return () if origin is None else tuple(path.as_posix() for path in origin.files)


def base_record_file(contender: str) -> Path:
    """The record of a search that starts from another contender, without what only that one's training can tell."""
    return paths.record_file("start", contender)


def origin_members(model_record: Mapping[str, Any], *, is_same_problem: bool) -> list[str]:
    """The members whose weights are started from: the best one; of the folds of the same problem, each.

    Args:
        model_record: what model.json holds.
    """
    if is_same_problem and model_record["folds"]:
        return [f"fold-{fold}" for fold in range(model_record["folds"])]
    return [model_record["best_member"]]


def complete_records(records: Mapping[Path, Mapping[str, Any]]) -> dict[Path, dict[str, Any]]:
    """The complete records of the searches whose base records are among `records`, as far as the others are trained."""
    return {
        paths.record_file("tune", name): {**records[base], "start": _describe_origin(name, origin)}
        for name, origin in read_origins().items()
        if (base := base_record_file(name)) in records and origin.is_trained
    }


def complete_record_of(name: str) -> tuple[Path, dict[str, Any]]:
    """The complete record of a contender's search and its file, from the base record that `resolve` wrote.

    Raises:
        UserError: it starts from no contender, or that one is not trained.
    """
    base = base_record_file(name)
    found = complete_records({base: read_json(base)})
    if not found:
        raise UserError(f"{name} starts from no contender that is trained; call `bakeoff run {name}`")
    return next(iter(found.items()))


def _describe_origin(name: str, origin: Origin) -> dict[str, Any]:
    model_file, weights, schema = origin.files
    record = read_json(model_file)
    entry = read_yaml(paths.PARAMS_FILE)["contenders"][name]
    members = origin_members(record, is_same_problem=entry.get("problem") == origin.problem)
    return {
        "contender": origin.contender,
        "weights": {member: _hash_file(weights / f"{member}.safetensors") for member in members},
        "settings": record["settings"],
        "schema": _hash_file(schema),
    }


def _hash_file(path: Path) -> str:
    try:
        with path.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `bakeoff run` makes it again") from None

"""The stages of dvc.yaml, in order, with their dependencies; and the fingerprint of what a stage depends on."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.yaml_file import read_yaml

FINGERPRINTED_LIBRARIES = ("torch", "optuna", "numpy", "scikit-learn")  # whose versions may change a number

PRESENTATION_FOLDER = "pipelines/reporting"  # a picture drawn differently is a new output, but no reason to train again
OUTPUT_KEYS = ("outs", "metrics", "plots")


class Stage(NamedTuple):
    """One stage of dvc.yaml with its `foreach` written out."""

    verb: str
    name: str
    deps: tuple[str, ...]
    params: tuple[str, ...]
    outs: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.verb} {self.name}"


def read_stages() -> list[Stage]:
    """All stages in the order of dvc.yaml, which is the order DVC runs them in."""
    params, dvc_yaml = read_yaml(Path("params.yaml")), read_yaml(Path("dvc.yaml"))
    return [
        Stage(
            verb,
            name,
            *(_expand_entries(entry["do"], keys, name, item) for keys in (("deps",), ("params",), OUTPUT_KEYS)),
        )
        for verb, entry in dvc_yaml["stages"].items()
        if "foreach" in entry  # fetch, which reads all problems at once, has none
        for name, item in _foreach_items(params, entry["foreach"])
    ]


def _foreach_items(params: Any, foreach: str) -> list[tuple[str, Any]]:
    """What `${problems}` or `${contenders}` stands for; settings/params.py refuses a name that is a number."""
    return [(str(name), item) for name, item in params[foreach.removeprefix("${").removesuffix("}")].items()]


def find_stage(verb: str, name: str) -> Stage | None:
    return next((stage for stage in read_stages() if (stage.verb, stage.name) == (verb, name)), None)


def stage_fingerprint(stage: Stage, device: str) -> str:
    """A hash of everything the stage's result depends on: files, settings, libraries, device.

    Scratch work is kept under this name, so that a run goes on where it was killed, and never
    goes on with work done for other data, other settings or other code.
    """
    params = read_yaml(Path("params.yaml"))
    digest = hashlib.blake2b(digest_size=10)
    for name in FINGERPRINTED_LIBRARIES:
        digest.update(f"{name}={version(name)}\n".encode())
    digest.update(f"device={device}\n".encode())
    for key in stage.params:
        digest.update(f"{key}={_lookup_param(params, key)!r}\n".encode())
    for path in _dependency_files(dep for dep in stage.deps if not dep.startswith(PRESENTATION_FOLDER)):
        digest.update(f"{path.as_posix()}\n".encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "blake2b").digest())
    return digest.hexdigest()


def _dependency_files(deps: Iterable[str]) -> Iterator[Path]:
    for dep in deps:
        path = Path(dep)
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
        else:
            yield path


def _expand_entries(
    entry: Mapping[str, Any], keys: tuple[str, ...], name: str, item: Mapping[str, Any]
) -> tuple[str, ...]:
    """What a stage lists under some keys; a line with settings of its own, as plots have, is a mapping of one key."""
    lines = (line for key in keys for line in entry.get(key, ()))
    return tuple(
        _substitute_variables(line if isinstance(line, str) else next(iter(line)), name, item) for line in lines
    )


def _substitute_variables(text: str, key: str, item: Mapping[str, Any]) -> str:
    text = text.replace("${key}", key)
    for name, value in item.items():
        text = text.replace(f"${{item.{name}}}", str(value))
    return text


def _lookup_param(params: Any, dotted: str) -> Any:
    for word in dotted.split("."):
        params = params[word]
    return params


def scratch_folder(verb: str, name: str, device: str, state: Path) -> Path:
    """The stage's scratch folder, named after everything its result depends on."""
    stage = find_stage(verb, name)
    assert stage is not None, "a stage that runs is in dvc.yaml"
    return state / verb / name / stage_fingerprint(stage, device)

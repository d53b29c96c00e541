"""The stages of dvc.yaml, in order, with what each depends on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.yaml_file import read_yaml

OUTPUT_KEYS = ("outs", "metrics", "plots")


class Stage(NamedTuple):
    """One stage of dvc.yaml with its `foreach` written out."""

    verb: str
    name: str
    problem: str  # whose stage it is, or whose contender's
    deps: tuple[str, ...]  # the first is its input record
    outs: tuple[str, ...]
    settings: tuple[str, ...]  # what its record holds: words of pipelines/settings/input_records.py
    sources: bool  # whether its record holds what the source's files, folders and addresses are
    code: tuple[str, ...]  # files and folders whose hashes its record holds

    @property
    def title(self) -> str:
        return f"{self.verb} {self.name}"

    @property
    def data(self) -> tuple[str, ...]:
        """Files and folders that it reads: what it depends on besides its record."""
        return self.deps[1:]


def read_stages() -> list[Stage]:
    """All stages in the order of dvc.yaml, which is the order DVC runs them in.

    The stage of pipelines/dvc.yaml, which runs before all of them and for all problems at once, is not among them.
    """
    params, dvc_yaml = read_yaml(Path("params.yaml")), read_yaml(Path("dvc.yaml"))
    return [
        _expand_stage(verb, entry["do"], name, item)
        for verb, entry in dvc_yaml["stages"].items()
        for name, item in _foreach_items(params, entry["foreach"])
    ]


def _foreach_items(params: Any, foreach: str) -> list[tuple[str, Any]]:
    """What `${problems}` or `${contenders}` stands for; settings/params.py refuses a name that is a number."""
    return [(str(name), item) for name, item in params[foreach.removeprefix("${").removesuffix("}")].items()]


def find_stage(verb: str, name: str) -> Stage | None:
    return next((stage for stage in read_stages() if (stage.verb, stage.name) == (verb, name)), None)


def _expand_stage(verb: str, entry: Mapping[str, Any], name: str, item: Mapping[str, Any]) -> Stage:
    meta: Mapping[str, Any] = entry.get("meta", {})

    def expand(lines: Iterable[Any]) -> tuple[str, ...]:
        """A line with settings of its own, as plots have, is a mapping of one key."""
        texts = (line if isinstance(line, str) else next(iter(line)) for line in lines)
        return tuple(_substitute_variables(text, name, item) for text in texts)

    return Stage(
        verb,
        name,
        item.get("problem", name),
        deps=expand(entry.get("deps", ())),
        outs=expand(line for key in OUTPUT_KEYS for line in entry.get(key, ())),
        settings=tuple(meta.get("settings", ())),
        sources=meta.get("sources", False),
        code=expand(meta.get("code", ())),
    )


def _substitute_variables(text: str, key: str, item: Mapping[str, Any]) -> str:
    text = text.replace("${key}", key)
    for name, value in item.items():
        text = text.replace(f"${{item.{name}}}", str(value))
    return text

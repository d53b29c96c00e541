"""Input records: what a stage depends on besides its data, as one small file that DVC compares.

    {"code": {"pipelines/split.py": "<sha256>", ...}, "settings": {"seed": 20, "problem": {...}}, "sources": [...]}

`meta` of dvc.yaml says what the record of each stage holds. It depends on params.yaml, the code and the sources' files
alone, and names no path of the machine and no time.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.runtime.dvc_yaml import Stage, read_stages
from pipelines.runtime.files import write_text
from pipelines.runtime.hash_cache import HashCache, hash_code
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.limits import limit_resolved, read_limits, write_limits
from pipelines.settings.origins import Origin, base_record_file, complete_records, is_weights_file, read_origins
from pipelines.settings.resolved import resolve_params
from pipelines.sources.files.locations import source_locations

CONTENDER_KEYS = ("problem", "architecture", "start_from", "fix", "search", "limits")


def build_input_records(stages: Iterable[Stage]) -> dict[Path, dict[str, Any]]:
    """The records of some stages as they are now, by the files that they belong in.

    Addresses that sources name are fetched, and params.yaml is checked as a whole if that has not been done.

    Raises:
        UserError: params.yaml breaks a rule, or dvc.yaml names code that is not there.
    """
    params = limit_resolved(resolve_params())
    origins = read_origins()
    code_hashes, source_hashes = HashCache(paths.CODE_HASHES_FILE), HashCache(paths.SOURCE_HASHES_FILE)
    hash_path = cache(lambda path: hash_code(Path(path), code_hashes))
    records = {
        _place_record(stage, origins): {
            "code": {path: hash_path(path) for path in stage.code},
            "settings": _select_settings(stage, params),
            "sources": _fingerprint_source(params["problems"][stage.problem]["source"], source_hashes)
            if stage.sources
            else [],
            **_hash_weights_file(stage, params, source_hashes),
        }
        for stage in stages
    }
    code_hashes.save()
    source_hashes.save()
    return records


def write_input_records(records: Mapping[Path, Mapping[str, Any]]) -> None:
    """Bring the files of records up to date; leave those alone that are."""
    for path, record in records.items():
        text = json.dumps(record, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            write_text(path, text)


def record_trials(contender: str, trials: int | None) -> dict[str, Any]:
    """Have the contender's limits and input records say how many trials its search came to; None: all of them.

    Returns:
        Its limits as its records state them: what was asked for, and what is done.
    """
    write_limits(contender, read_limits()[contender]._replace(trials=trials))
    stages = [stage for stage in read_stages() if stage.verb in ("tune", "train") and stage.name == contender]
    records = build_input_records(stages)
    records |= complete_records(records)
    write_input_records(records)
    stated: dict[str, Any] = records[paths.record_file("tune", contender)]["settings"]["contender"].get("limits", {})
    return stated


def _fingerprint_source(source: Mapping[str, Any], hashes: HashCache) -> list[dict[str, Any]]:
    """What every place that a source names holds now."""
    if not any(source_locations(source)):
        return []
    from pipelines.sources.files.fingerprint import fingerprint_source  # HTTP, NumPy: no use for data inside packages

    return fingerprint_source(source, paths.DOWNLOADS_FOLDER, hashes)


def _place_record(stage: Stage, origins: Mapping[str, Origin]) -> Path:
    """Where a record belongs; that of a search which starts from another contender is not complete yet."""
    if stage.verb == "tune" and stage.name in origins:
        return base_record_file(stage.name)
    return paths.record_file(stage.verb, stage.name)


def _hash_weights_file(stage: Stage, params: Mapping[str, Any], hashes: HashCache) -> dict[str, Any]:
    """What the file of weights holds that a search starts from; nothing of others.

    Raises:
        UserError: there is no such file.
    """
    start_from = params["contenders"].get(stage.name, {}).get("start_from") or ""
    if stage.verb != "tune" or not is_weights_file(start_from):
        return {}
    found = hashes.hash_file(Path(start_from)).sha256
    if not found:
        raise UserError(
            f"params.yaml: contenders.{stage.name}.start_from: there is no file {start_from}; give the path of "
            "one, from the project's folder, or a contender's name"
        )
    return {"start": {"file": start_from, "sha256": found}}


def _select_settings(stage: Stage, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a stage reads of params.yaml, by the words under `settings` in dvc.yaml."""
    contender = params["contenders"].get(stage.name, {})
    problem = dict(params["problems"][stage.problem])
    champion = problem.pop("champion")  # by itself: what it decides is read by no stage before
    values = {
        "seed": params["seed"],
        "problem": problem,
        "champion": champion,
        "contender": {key: contender[key] for key in CONTENDER_KEYS if contender.get(key) is not None},
        "tune": contender.get("tune"),
        "train": contender.get("train"),
        "budget": contender.get("budget"),
        "contenders": [name for name, one in params["contenders"].items() if one["problem"] == stage.problem],
    }
    return {word: values[word] for word in stage.settings}

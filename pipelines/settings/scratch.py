"""Scratch folders: unfinished work of a stage, under a hash of everything that its result depends on."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipelines.runtime.dvc_yaml import Stage, find_stage
from pipelines.runtime.libraries import FINGERPRINTED_LIBRARIES
from pipelines.settings import paths
from pipelines.settings.input_records import build_input_records
from pipelines.settings.origins import start_files

PRESENTATION_FOLDER = "pipelines/reporting"  # a picture drawn differently is a new output, but no reason to train again


def scratch_folder(verb: str, name: str, device: str) -> Path:
    """The stage's scratch folder, named after everything its result depends on.

    The input record is built anew, not read: a stage that is started by hand after an edit goes on with no work of
    before.

    Raises:
        UserError: params.yaml breaks a rule.
    """
    stage = find_stage(verb, name)
    assert stage is not None, "a stage that runs is in dvc.yaml"
    (record,) = build_input_records([stage]).values()
    reading = stage._replace(deps=(*stage.deps, *start_files(stage)))
    return paths.STATE_FOLDER / verb / name / stage_fingerprint(reading, record, device)


def stage_fingerprint(stage: Stage, record: Mapping[str, Any], device: str) -> str:
    """A hash of everything the stage's result depends on: settings, code, files, libraries, device.

    Scratch work is kept under this name, so that a run goes on where it was killed, and never
    goes on with work done for other data, other settings or other code.

    Args:
        record: the stage's input record as it is now.
    """
    digest = hashlib.blake2b(digest_size=10)
    for name in FINGERPRINTED_LIBRARIES:
        digest.update(f"{name}={version(name)}\n".encode())
    digest.update(f"device={device}\n".encode())
    code = {path: found for path, found in record["code"].items() if not path.startswith(PRESENTATION_FOLDER)}
    digest.update(json.dumps([_leave_out_limits(record["settings"]), code], sort_keys=True).encode())
    if "start" in record:  # a file of weights
        digest.update(json.dumps(record["start"], sort_keys=True).encode())
    for path in _data_files(stage.data):
        digest.update(f"{path.as_posix()}\n".encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "blake2b").digest())
    return digest.hexdigest()


def _leave_out_limits(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without how many trials a run of limited time came to: a search goes on from them, whatever its length.

    What else was limited stands in the settings themselves.
    """
    contender = {key: value for key, value in settings.get("contender", {}).items() if key != "limits"}
    return {**settings, **({"contender": contender} if contender else {})}


def _data_files(places: Iterable[str]) -> Iterator[Path]:
    for place in places:
        path = Path(place)
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        else:
            yield path

"""Stage resolve: check params.yaml as a whole; write the input record of every stage, where it changed.

It runs in every `dvc repro`, because DVC cannot know beforehand what a source names, and because one small file per
stage costs DVC less than params.yaml and ten folders of code for each. What does not change stays up to date behind it.
"""

import os
import sys
from pathlib import Path
from typing import Any

from pipelines.runtime.dvc_yaml import read_stages
from pipelines.runtime.files import delete_unfinished_files
from pipelines.runtime.locks import RUN_VARIABLE, find_lock_holder
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.input_records import build_input_records, write_input_records
from pipelines.settings.resolved import resolve_params


def build_records() -> dict[Path, dict[str, Any]]:
    """The input records of all stages as they are now, by their files; nothing is written to these.

    Raises:
        UserError: params.yaml breaks a rule.
    """
    resolve_params()  # before dvc.yaml is expanded with it
    return build_input_records(read_stages())


def resolve() -> None:
    """Bring the files of all records up to date; leave those alone that are."""
    _refuse_beside_run()
    records = build_records()
    for path in paths.INPUTS_FOLDER.rglob("*.json"):
        if path not in records:
            path.unlink()
    for folder in {path.parent for path in records}:
        delete_unfinished_files(folder)
    write_input_records(records)


def _refuse_beside_run() -> None:
    holder = find_lock_holder(paths.RUN_LOCK_FILE)
    if holder is not None and RUN_VARIABLE not in os.environ:
        raise UserError(
            f"a run is under way in this folder (process {holder}); wait for it, or stop it with Ctrl-C there"
        )


if __name__ == "__main__":
    try:
        resolve()
    except (UserError, OSError) as failure:
        sys.exit(f"resolve: {failure}")

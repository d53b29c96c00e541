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
from pipelines.settings.origin_graph import GRAPH_FILE, write_origin_graph
from pipelines.settings.origins import complete_record_of, read_origins
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
    if write_origin_graph():
        raise UserError(f"what starts from what has changed, and {GRAPH_FILE} says so now: run it again")
    written_later = {paths.record_file("tune", name) for name in read_origins()}
    for path in paths.INPUTS_FOLDER.rglob("*.json"):
        if path not in records and path not in written_later:
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


def complete_start(name: str) -> None:
    """Write the input record of a search that starts from another contender, now that this one is trained."""
    path, record = complete_record_of(name)
    write_input_records({path: record})


if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["--start"]:
            complete_start(*sys.argv[2:])
        else:
            resolve()
    except (UserError, OSError) as failure:
        sys.exit(f"resolve: {failure}")

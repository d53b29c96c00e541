"""Stage fetch: download the addresses that sources name, once, and hash their files and folders.

It runs in every `dvc repro`, because DVC cannot know beforehand what a source names; what does not change stays up
to date behind it. A missing file is no error here: the stage that reads it reports it.
"""

import shutil
from typing import Any

from pipelines.runtime.files import write_json
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import read_yaml
from pipelines.settings import paths
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.fingerprint import fingerprint
from pipelines.sources.files.locations import source_locations


def fetch() -> None:
    shutil.rmtree(paths.WATCHED_FOLDER, ignore_errors=True)
    for name, problem in read_yaml(paths.PARAMS_FILE)["problems"].items():
        source = problem.get("source")
        locations = source_locations(source) if isinstance(source, dict) else ()  # what else it is, split refuses
        write_json(
            paths.watched_file(str(name)),
            {"places": [_fingerprint_location(setting, place) for setting, place in locations]},
        )


def _fingerprint_location(setting: str, location: str) -> dict[str, Any]:
    try:
        return {
            "setting": setting,
            **fingerprint(resolve_location(location, paths.DOWNLOADS_FOLDER), paths.STATE_FOLDER / "fingerprints.json"),
        }
    except (UserError, OSError):
        return {"setting": setting, "missing": True}


if __name__ == "__main__":
    fetch()

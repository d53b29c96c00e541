"""The project in the current folder: that there is one, and the names in it."""

from pathlib import Path
from typing import Any

from pipelines.cli.names import ProjectNames
from pipelines.runtime.dvc_yaml import read_stages
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import read_yaml
from pipelines.settings import paths

DVC_FILE = Path("dvc.yaml")


def check_folder() -> None:
    """Check that the current folder is a project's.

    Raises:
        UserError: it has no params.yaml or no dvc.yaml.
    """
    for file in (paths.PARAMS_FILE, DVC_FILE):
        if not file.exists():
            raise UserError(f"there is no {file} here; go to the project's folder and call it there")


def read_project() -> ProjectNames:
    """The names in the project. Their settings are not checked here, so that nothing heavy is imported.

    Raises:
        UserError: the current folder is not a project's, or params.yaml has no named problems and contenders.
    """
    check_folder()
    params = read_yaml(paths.PARAMS_FILE)
    problems, contenders = (_named_entries(params, section) for section in ("problems", "contenders"))
    entered_for = {name: str(entry.get("problem")) for name, entry in contenders.items()}
    verbs = read_yaml(DVC_FILE)["stages"]
    return ProjectNames(
        tuple(problems),
        entered_for,
        {
            f"{stage.verb}@{stage.name}": (
                entered_for[stage.name] if verbs[stage.verb]["foreach"] == "${contenders}" else stage.name
            )
            for stage in read_stages()
        },
    )


def _named_entries(params: Any, section: str) -> dict[str, Any]:
    entries = params.get(section) if isinstance(params, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise UserError(f"{paths.PARAMS_FILE}: {section}: must be names, each with settings, found {entries!r}")
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise UserError(f"{paths.PARAMS_FILE}: {section}.{name}: must be settings, found {entry!r}")
    return {str(name): entry for name, entry in entries.items()}

"""bakeoff check: the split and the data checks alone, and a page about the data."""

import os
import sys
import webbrowser
from typing import Any

import click

EPILOG = """\b
Examples:
  bakeoff check titanic              a page about the data, opened in a browser if there is one
  bakeoff check titanic --json       for a script: what was found
"""


@click.command("check", short_help="Check a problem's data, and show a page about it.", epilog=EPILOG)
@click.argument("name", metavar="NAME")
@click.option("--no-open", is_flag=True, help="Say where the page is, and open no browser.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def check_command(name: str, no_open: bool, as_json: bool) -> int:
    """Split the data of the problem NAME, check it, and write a page about it: no network is trained.

    The page shows what each column holds and misses, how the parts differ, examples as networks will see them, and
    what was found, and what has changed since the split before.
    """
    from pipelines.cli.competition import run_side_by_side
    from pipelines.cli.json_output import print_json
    from pipelines.cli.names import check_names
    from pipelines.cli.project import read_project
    from pipelines.reporting.page.data_page import write_data_page
    from pipelines.runtime.files import read_json
    from pipelines.settings import paths

    project = read_project()
    check_names([name], project.problems, "problem")
    competition = run_side_by_side([f"augment@{name}"])
    if competition.status:
        return competition.status
    page = paths.data_page_file(name)
    changes = read_json(path) if (path := paths.data_changes_file(name)).exists() else []
    write_data_page(page, name, paths.split_folder(name), paths.augment_folder(name), changes)
    manifest = read_json(paths.manifest_file(name))
    if as_json:
        print_json({"problem": name, "page": str(page), **_shown_of(manifest), "changes": changes})
        return 0
    for finding in (*changes, *manifest["findings"]):
        if finding["level"] != "fine":
            print(f"  {finding['level']}: {finding['sentence']}")
    print(f"A page about the data of {name}: {page}")
    if not no_open and _has_browser():
        webbrowser.open(page.absolute().as_uri())
    return 0


def _shown_of(manifest: dict[str, Any]) -> dict[str, Any]:
    return {key: manifest[key] for key in ("examples", "parts", "findings", "notes")}


def _has_browser() -> bool:
    """Whether a person looks at this terminal and its machine has a screen."""
    has_screen = sys.platform == "darwin" or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return sys.stdout.isatty() and has_screen

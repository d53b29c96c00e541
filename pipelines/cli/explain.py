"""bakeoff explain: what a trained contender looks at."""

from pathlib import Path

import click

from pipelines.reporting.explanations import EXPLANATIONS

DEFAULT_ROWS = 8

EPILOG = """\b
Examples:
  bakeoff explain digits                               the champion of digits, by every method that applies
  bakeoff explain digits-lenet5 --method grad_cam      a contender, by one method
  bakeoff explain tumours --json                       for a script: the tables
"""


@click.command("explain", short_help="Show what a trained contender looks at.", epilog=EPILOG)
@click.argument("name", metavar="NAME")
@click.option(
    "--method", "methods", type=click.Choice(list(EXPLANATIONS)), multiple=True, help="One method; may be repeated."
)
@click.option(
    "--rows", type=click.IntRange(1, 64), default=DEFAULT_ROWS, show_default=True, help="Examples that are explained."
)
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), help="Folder to write to.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def explain_command(name: str, methods: tuple[str, ...], rows: int, folder: Path | None, as_json: bool) -> int:
    """Show what the contender NAME, or the champion of the problem NAME, looks at.

    Pictures, tables and a page that opens without a network are made from the artifacts, of validation examples, and
    written into .state/explain, which may be deleted.
    """
    from pipelines.cli.json_output import print_json
    from pipelines.cli.names import check_names
    from pipelines.cli.project import read_project
    from pipelines.explanation.explanation_folder import EXPLANATIONS_FOLDER, write_explanations
    from pipelines.runtime.files import read_json
    from pipelines.runtime.user_error import UserError
    from pipelines.settings import paths
    from pipelines.settings.params import load_params

    project = read_project()
    check_names([name], (*project.problems, *project.contenders), "problem or contender")
    contender = name
    if name in project.problems:
        champion = paths.compare_folder(name) / "champion.json"
        if not champion.exists():
            raise UserError(f"{name} has no champion yet: `bakeoff run {name}` first, or name one of its contenders")
        contender = read_json(champion)["contender"]
    problem = name if name in project.problems else project.contenders[name]
    found = write_explanations(
        problem, contender, folder or EXPLANATIONS_FOLDER / contender, methods, rows, load_params().seed
    )
    if as_json:
        print_json(found)
        return 0
    for one in found.methods:
        print(f"  {one.method}: {one.picture}, {one.table.name}")
    for method, reason in found.obstacles.items():
        print(f"  {method} does not apply: {reason}")
    print(f"What {contender} looks at: {found.page}")
    return 0

"""bakeoff track: MLflow brought in line with the artifacts."""

from typing import NoReturn

import click

EPILOG = """\b
Examples:
  bakeoff track                      every contender and champion
  bakeoff track digits-mlp           one contender
"""


@click.command("track", short_help="Make MLflow show what was run, if it was deleted or missed it.", epilog=EPILOG)
@click.argument("contenders", metavar="[CONTENDER]...", nargs=-1)
def track_command(contenders: tuple[str, ...]) -> NoReturn:
    """Show the artifacts in MLflow as they are now: all of them, or those of the named contenders.

    A run does this by itself. This makes MLflow anew if it was deleted, or fills another one that the variable
    MLFLOW_TRACKING_URI names.
    """
    from pipelines.cli.names import check_names
    from pipelines.cli.processes import become_module
    from pipelines.cli.project import read_project

    check_names(contenders, list(read_project().contenders), "contender")
    become_module("pipelines.tracking", *contenders)

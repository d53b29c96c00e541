"""bakeoff run: the competition, or a part of it."""

import os

import click

EPILOG = """\b
Examples:
  bakeoff run                        everything in params.yaml
  bakeoff run digits                 a problem: all its contenders, its verdict and its archive
  bakeoff run digits-mlp co2-esn     two contenders, as far as their scores on the test part
  bakeoff run split@digits           one stage, to look at the data before the search
  bakeoff run tune                   that stage of every contender
  bakeoff run digits --minutes 5     as many trials as five minutes allow
  bakeoff run --cluster auto         on the machines of the Ray cluster that this one belongs to
  bakeoff run --json                 for a script: how every stage ended, and the leaderboards
"""


@click.command("run", short_help="Run the competition or a part of it, as far as it is not done.", epilog=EPILOG)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--cluster",
    metavar="ADDRESS",
    help="Search, train and evaluate on a Ray cluster: auto, host:port or ray://host:port; see docs/cluster.md.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    help="Spread trials and trainings over the contenders for about so long, then go on to the verdict.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end, for a script; progress goes to stderr.")
def run_command(names: tuple[str, ...], cluster: str | None, minutes: float | None, as_json: bool) -> int:
    """Run the competition and show its leaderboards.

    Each NAME is a problem's, a contender's or a stage's: that is run, and what it needs. Without a NAME, everything is.
    What is up to date is not done again; stopped with Ctrl-C or killed, it goes on from there when it is called again.

    A name that a problem shares with something else means the problem; the full name of a stage, such as
    evaluate@digits, means nothing else.

    With --minutes, every contender gets the same share of the time: as many trials and trainings as fit. The end
    and the report say how many. params.yaml stays as it is; a run without --minutes does all that it asks for.
    """
    from pipelines.cli.board import board_records, print_boards
    from pipelines.cli.competition import run_side_by_side
    from pipelines.cli.json_output import print_json
    from pipelines.cli.names import resolve_targets
    from pipelines.cli.project import read_project
    from pipelines.cli.timed_run import contenders_of, print_limits, run_in_time
    from pipelines.runtime.cluster_connection import CLUSTER_VARIABLE, cluster_address

    if cluster is not None:
        os.environ[CLUSTER_VARIABLE] = cluster
        cluster_address()  # refuses what is no address
    project = read_project()
    targets = resolve_targets(project, names)
    if minutes is None:
        competition = run_side_by_side(targets)
    else:
        competition = run_in_time(targets, contenders_of(project, targets), minutes)
    problems = {project.stages[target] for target in targets} or set(project.problems)
    shown = [problem for problem in project.problems if problem in problems]
    if as_json:
        print_json({"stages": competition.ends, "boards": board_records(project, shown)})
    elif competition.status == 0:
        if minutes is not None:
            print_limits(project, contenders_of(project, targets))
        print_boards(project, shown)
    return competition.status

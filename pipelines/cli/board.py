"""bakeoff board: the leaderboards of what is finished."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from pipelines.cli.json_output import print_json

if TYPE_CHECKING:
    from pipelines.cli.names import ProjectNames
    from pipelines.evaluation.leaderboard import Leaderboard
    from pipelines.reporting.contender_row import ContenderScores

NEXT = "Next: `bakeoff serve{names}` answers over HTTP with {what}; `bakeoff ui` compares all runs in MLflow."
NOTHING_YET = "There is no leaderboard yet: `make run` makes one."

EPILOG = """\b
Examples:
  bakeoff board                      every problem
  bakeoff board digits co2           two problems
  bakeoff board --json               for a script: rows, scores with intervals, champions
"""


class ProblemBoard(NamedTuple):
    """What is finished of a problem."""

    problem: str
    leaderboard: "Leaderboard | None"  # None until compare has run
    without_verdict: "tuple[ContenderScores, ...]"  # evaluated, and in no leaderboard yet


@click.command("board", short_help="Show the leaderboards of what is finished.", epilog=EPILOG)
@click.argument("problems", metavar="[PROBLEM]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for a script.")
def board_command(problems: tuple[str, ...], as_json: bool) -> int:
    """Show the leaderboards of the named problems, or of all: who won, and how sure that is.

    A contender that has been evaluated before its problem has a verdict is shown by its scores on the test part. The
    exit code is 1 if there is nothing to show yet.
    """
    from pipelines.cli.names import check_names
    from pipelines.cli.project import read_project

    project = read_project()
    check_names(problems, project.problems, "problem")
    shown = problems or project.problems
    if not as_json:
        return print_boards(project, shown)
    records = board_records(project, shown)
    print_json(records)
    return 0 if records else 1


def board_records(project: "ProjectNames", problems: Sequence[str]) -> list[dict[str, Any]]:
    """What `--json` prints of each problem of which something is finished."""
    return [_board_record(board) for board in read_boards(project, problems)]


def print_boards(project: "ProjectNames", problems: Sequence[str]) -> int:
    """Print the leaderboards, the paths of their reports, and the next commands; return 1 if there is none yet."""
    from pipelines.reporting.contender_row import format_row
    from pipelines.reporting.leaderboard import render_leaderboard
    from pipelines.settings import paths

    boards = read_boards(project, problems)
    for board in boards:
        if board.leaderboard is not None:
            print(render_leaderboard(board.leaderboard))
            print(f"  report: {paths.compare_folder(board.problem) / 'report.html'}")
        if board.without_verdict:
            print(f"{board.problem}: evaluated, and not compared yet")
        for scores in board.without_verdict:
            print(f"  {format_row(scores)}")
        print()
    if compared := [board.problem for board in boards if board.leaderboard]:
        print(_format_next(compared, is_whole=tuple(problems) == project.problems))
    if not boards:
        print(NOTHING_YET, file=sys.stderr)
    return 0 if boards else 1


def _format_next(problems: Sequence[str], *, is_whole: bool) -> str:
    """The command that serves what was shown: every champion, or those of some problems."""
    if is_whole:
        return NEXT.format(names="", what="every champion")
    names = "".join(f" {problem}" for problem in problems)
    return NEXT.format(names=names, what="this champion" if len(problems) == 1 else "these champions")


def read_boards(project: "ProjectNames", problems: Sequence[str]) -> list[ProblemBoard]:
    """What is finished of each problem, in this order; nothing of problems of which nothing is."""
    boards = [_read_board(project, problem) for problem in problems]
    return [board for board in boards if board.leaderboard or board.without_verdict]


def _read_board(project: "ProjectNames", problem: str) -> ProblemBoard:
    from pipelines.evaluation.leaderboard import read_leaderboard
    from pipelines.settings import paths

    folder = paths.compare_folder(problem)
    leaderboard = read_leaderboard(folder) if (folder / "champion.json").exists() else None
    ranked = {row.contender for row in leaderboard.rows} if leaderboard else set()
    entered = [name for name, entered_for in project.contenders.items() if entered_for == problem]
    scores = (read_scores(problem, name) for name in entered if name not in ranked)
    return ProblemBoard(problem, leaderboard, tuple(one for one in scores if one is not None))


def read_scores(problem: str, contender: str) -> "ContenderScores | None":
    """The scores of a contender; None if it has not been evaluated."""
    from pipelines.reporting.contender_row import read_contender_scores
    from pipelines.settings import paths

    folders = paths.train_folder(problem, contender), paths.evaluate_folder(problem, contender)
    return read_contender_scores(problem, contender, *folders)


def _board_record(board: ProblemBoard) -> dict[str, Any]:
    leaderboard = board.leaderboard
    return {
        "problem": board.problem,
        "champion": leaderboard.champion if leaderboard else None,
        "rows": leaderboard.rows if leaderboard else [],
        "without_verdict": board.without_verdict,
    }

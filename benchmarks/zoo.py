"""Zoo benchmark: every contender of a run in one table: test score, size, and its share of the time.

    bakeoff run && python -m benchmarks.zoo

The README's table of all architectures. The time is that of searching, training and evaluating a contender, as the run
noted it beside its scratch; it is that of the machine and of what else it did.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pipelines.cli.board import read_boards
from pipelines.cli.project import read_project
from pipelines.evaluation.leaderboard import BASELINE
from pipelines.reporting.leaderboard import format_estimate
from pipelines.runtime.files import read_json
from pipelines.settings import paths

STAGES = ("tune", "train", "evaluate")
HEADER = ("architecture", "problem", "test score [95 %]", "parameters", "FLOPs", "share of the time")


class Entry(NamedTuple):
    """A contender, as the table shows it."""

    architecture: str
    problem: str
    score: str
    parameters: int
    flops: int
    seconds: float


def read_entries() -> Iterator[Entry]:
    """Every contender that has a place in a leaderboard, by problem and rank."""
    project = read_project()
    for board in read_boards(project, project.problems):
        if board.leaderboard is None:
            continue
        goal = board.leaderboard.champion.goal
        for row in board.leaderboard.rows:
            if row.architecture != BASELINE:
                score = f"{goal.replace('_', ' ')} {format_estimate(row.test_scores[goal])}"
                seconds = sum(read_seconds(stage, row.contender) for stage in STAGES)
                yield Entry(row.architecture, board.problem, score, row.parameters, row.flops, seconds)


def read_seconds(stage: str, contender: str) -> float:
    """What a stage took when it last ran; 0 where its scratch was deleted."""
    path = paths.STATE_FOLDER / "durations" / f"{stage}-{contender}.json"
    return float(read_json(path)["seconds"]) if path.exists() else 0.0


def format_table(entries: list[Entry]) -> str:
    """A table in Markdown."""
    total = sum(entry.seconds for entry in entries) or 1.0
    lines = [f"| {' | '.join(HEADER)} |", "|---|---|---|---|---|---|"]
    for entry in entries:
        cells = f"`{entry.architecture}`", f"`{entry.problem}`", entry.score, f"{entry.parameters:,}"
        lines.append(f"| {' | '.join(cells)} | {entry.flops:,} | {entry.seconds / total:.1%} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_table(list(read_entries())))

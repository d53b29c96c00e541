"""The leaderboard as plain text, for a terminal; it imports little, so that it is printed at once."""

import math
from collections.abc import Iterable
from textwrap import wrap

from pipelines.evaluation.leaderboard import Estimate, Leaderboard, LeaderboardRow
from pipelines.evaluation.number_format import format_number

COST_TITLES = {"parameters": "parameters", "flops": "FLOPs", "bytes": "bytes"}
LEGEND = "undecided: about so many more rows of validation would tell whether it is as good as the best, or behind"


def render_leaderboard(board: Leaderboard) -> str:
    """The leaderboard as an aligned table, and the champion with the reason for it."""
    goal = board.champion.goal
    metric_names = shown_metrics(goal, board.rows[0].test_scores)
    header = ["", "contender", f"valid {goal}", *(f"test {name} [95 %]" for name in metric_names)]
    cost = board.champion.cost
    table = [[*header, COST_TITLES[cost], "verdict"]]
    for row in board.rows:
        mark = "*" if row.contender == board.champion.contender else ""
        table.append(
            [
                *(f"{row.rank}{mark}", row.contender, format_number(row.valid_score)),
                *(format_estimate(row.test_scores[name]) for name in metric_names),
                *(f"{getattr(row, cost):,}", _short_verdict(row)),
            ]
        )
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    left_aligned = {0, 1, len(widths) - 1}
    lines = [
        "  ".join(
            cell.ljust(width) if column in left_aligned else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    width = max(len(line) for line in lines)
    lines.insert(1, "-" * width)
    sentences = wrap(f"* {'champion' if board.champion.ship else 'DO NOT SHIP YET'}: {board.champion.reason}", width)
    legend = wrap(LEGEND, width) if any(row.more_rows is not None for row in board.rows) else []
    stability = wrap(board.champion.stability_reason, width)
    return "\n".join([board.champion.problem, *lines, *legend, *sentences, *stability])


def _short_verdict(row: LeaderboardRow) -> str:
    """A verdict that a table has room for."""
    return row.verdict if row.more_rows is None else f"{row.verdict}: ~{row.more_rows:,} rows"


def shown_metrics(goal: str, metrics: Iterable[str]) -> list[str]:
    """The metrics a row has room for: the goal and the first other one."""
    return [goal, *(name for name in metrics if name != goal)][:2]


def format_estimate(estimate: Estimate) -> str:
    """A value and its interval, `0.95 [0.93, 0.97]`; the value alone where there is no interval."""
    if math.isnan(estimate.low):
        return format_number(estimate.value)
    return f"{format_number(estimate.value)} [{format_number(estimate.low)}, {format_number(estimate.high)}]"

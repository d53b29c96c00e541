"""Champion: which contender ships, and why, in sentences."""

from collections.abc import Sequence

from pipelines.evaluation.leaderboard import BASELINE, LeaderboardRow
from pipelines.evaluation.number_format import format_number, format_p_value
from pipelines.evaluation.significance import ALPHA, Comparison
from pipelines.tasks import Goal


def contenders_tied_for_best(rows: Sequence[LeaderboardRow]) -> list[LeaderboardRow]:
    """The contenders that validation cannot tell from the best, the best among them; never the baseline."""
    return [row for row in rows if row.verdict in ("best", "tied with best") and row.architecture != BASELINE]


def choose_champion(rows: Sequence[LeaderboardRow]) -> LeaderboardRow:
    """The cheapest contender tied for best: fewest parameters, then fewest FLOPs, then the better rank."""
    return min(contenders_tied_for_best(rows), key=lambda row: (row.parameters, row.flops, row.rank))


def is_better_than_baseline(comparison: Comparison, goal: Goal) -> bool:
    """Tell whether the baseline, compared with a contender, is behind it by more than chance explains."""
    return not comparison.is_tied and not goal.is_better(comparison.difference, 0)


def explain_choice(
    rows: Sequence[LeaderboardRow], winner: LeaderboardRow, goal: Goal, comparison: Comparison, baseline_name: str
) -> str:
    """Why the winner ships, and what speaks against it.

    Args:
        rows: the leaderboard.
        winner: the row that `choose_champion` returned.
        goal: what the contenders were compared by.
        comparison: the best baseline compared with the winner on validation.
        baseline_name: that baseline's row.
    """
    return " ".join([_explain_win(rows, winner, goal), *_list_caveats(rows, winner, goal, comparison, baseline_name)])


def _explain_win(rows: Sequence[LeaderboardRow], winner: LeaderboardRow, goal: Goal) -> str:
    goal_name = goal.name.replace("_", " ")
    tied = [row for row in contenders_tied_for_best(rows) if row is not winner]
    best = next(row for row in rows if row.verdict == "best")
    if sum(row.architecture != BASELINE for row in rows) == 1:
        return (
            f"{winner.contender} is the only contender; its validation {goal_name} is "
            f"{format_number(winner.valid_score)}."
        )
    if winner is not best:
        return (
            f"{winner.contender} (validation {goal_name} {format_number(winner.valid_score)}) cannot be told from the "
            f"best, {best.contender} ({format_number(best.valid_score)}; {format_p_value(winner.valid_p)}), and is the "
            f"cheapest that cannot: {_format_cost(winner)} against {_format_cost(best)}."
        )
    lead = f"{winner.contender} has the best validation {goal_name} ({format_number(winner.valid_score)})"
    if not tied:
        return f"{lead}, and every other contender is behind it by more than chance explains."
    others = _join_names([row.contender for row in tied])
    return f"{lead}; {others} cannot be told from it, but {'costs' if len(tied) == 1 else 'cost'} more."


def _list_caveats(
    rows: Sequence[LeaderboardRow], winner: LeaderboardRow, goal: Goal, comparison: Comparison, baseline_name: str
) -> list[str]:
    caveats = []
    if not is_better_than_baseline(comparison, goal):
        caveats.append(
            f"It {'was not shown to be better' if comparison.is_tied else 'does worse'} than the row "
            f"{baseline_name!r}, which learns next to nothing ({format_p_value(comparison.p_value)}): do not rely on "
            "it."
        )
    best = next(row for row in rows if row.verdict == "best")
    if winner is not best and winner.test_p < ALPHA and not goal.is_better(winner.test_difference.value, 0):
        caveats.append(
            f"On the test rows, which decide nothing, {best.contender} does better by "
            f"{format_number(abs(winner.test_difference.value))} ({format_p_value(winner.test_p)})."
        )
    for row in contenders_tied_for_best(rows):
        if winner is best and row is not best and row.test_p < ALPHA and goal.is_better(row.test_difference.value, 0):
            caveats.append(
                f"On the test rows, which decide nothing, {row.contender} does better by "
                f"{format_number(abs(row.test_difference.value))} ({format_p_value(row.test_p)}); it costs more."
            )
    return caveats


def _format_cost(row: LeaderboardRow) -> str:
    return f"{row.parameters:,} parameters and {row.flops:,} FLOPs"


def _join_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

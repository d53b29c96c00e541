"""Which contender ships, and why, in sentences."""

from collections.abc import Sequence

from pipelines.evaluation.leaderboard import BASELINE, Row
from pipelines.evaluation.number_format import decimal, probability
from pipelines.evaluation.significance import ALPHA, Comparison
from pipelines.tasks import Goal


def contending(rows: Sequence[Row]) -> list[Row]:
    """The contenders that validation cannot tell from the best, the best among them; never the baseline."""
    return [row for row in rows if row.verdict in ("best", "tied with best") and row.architecture != BASELINE]


def choose(rows: Sequence[Row]) -> Row:
    """The cheapest of those: fewest parameters, then fewest FLOPs, then the better rank."""
    return min(contending(rows), key=lambda row: (row.parameters, row.flops, row.rank))


def beats(baseline: Comparison, goal: Goal) -> bool:
    """Tell whether the baseline, compared with a contender, is behind it by more than chance explains."""
    return not baseline.tied and not goal.better(baseline.difference, 0)


def reason(rows: Sequence[Row], winner: Row, goal: Goal, baseline: Comparison, name: str) -> str:
    """Why the winner ships, and what speaks against it.

    Args:
        rows: the leaderboard.
        winner: the row that `choose` returned.
        goal: what the contenders were compared by.
        baseline: the best baseline compared with the winner on validation.
        name: that baseline's row.
    """
    return " ".join([_why(rows, winner, goal), *_doubts(rows, winner, goal, baseline, name)])


def _why(rows: Sequence[Row], winner: Row, goal: Goal) -> str:
    name = goal.name.replace("_", " ")
    tied = [row for row in contending(rows) if row is not winner]
    best = next(row for row in rows if row.verdict == "best")
    if sum(row.architecture != BASELINE for row in rows) == 1:
        return f"{winner.contender} is the only contender; its validation {name} is {decimal(winner.valid)}."
    if winner is not best:
        return (
            f"{winner.contender} (validation {name} {decimal(winner.valid)}) cannot be told from the best, "
            f"{best.contender} ({decimal(best.valid)}; {probability(winner.valid_p)}), and is the cheapest that "
            f"cannot: {_cost(winner)} against {_cost(best)}."
        )
    lead = f"{winner.contender} has the best validation {name} ({decimal(winner.valid)})"
    if not tied:
        return f"{lead}, and every other contender is behind it by more than chance explains."
    others = _and([row.contender for row in tied])
    return f"{lead}; {others} cannot be told from it, but {'costs' if len(tied) == 1 else 'cost'} more."


def _doubts(rows: Sequence[Row], winner: Row, goal: Goal, baseline: Comparison, name: str) -> list[str]:
    doubts = []
    if not beats(baseline, goal):
        doubts.append(
            f"It {'was not shown to be better' if baseline.tied else 'does worse'} than the row "
            f"{name!r}, which learns next to nothing ({probability(baseline.p)}): do not rely on it."
        )
    best = next(row for row in rows if row.verdict == "best")
    if winner is not best and winner.p < ALPHA and not goal.better(winner.difference.value, 0):
        doubts.append(
            f"On the test rows, which decide nothing, {best.contender} does better by "
            f"{decimal(abs(winner.difference.value))} ({probability(winner.p)})."
        )
    for row in contending(rows):
        if winner is best and row is not best and row.p < ALPHA and goal.better(row.difference.value, 0):
            doubts.append(
                f"On the test rows, which decide nothing, {row.contender} does better by "
                f"{decimal(abs(row.difference.value))} ({probability(row.p)}); it costs more."
            )
    return doubts


def _cost(row: Row) -> str:
    return f"{row.parameters:,} parameters and {row.flops:,} FLOPs"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

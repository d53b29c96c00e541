"""What speaks against the champion is said, even though it decides nothing."""

import pytest

from pipelines.evaluation.bootstrap import Interval
from pipelines.evaluation.champion import explain_choice
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow
from pipelines.evaluation.significance import Comparison
from pipelines.tasks import Goal

NONE = Estimate(float("nan"), float("nan"), float("nan"))
GOAL = Goal("log_loss", "minimize")
FLOOR = Comparison(2.0, Interval(1.9, 2.1), 0.001)  # the baseline, far behind


def row(name: str, verdict: str, difference: float, p: float, parameters: int) -> LeaderboardRow:
    nan = float("nan")
    from_best = NONE if verdict == "best" else Estimate(difference, difference, difference)
    valid_p = nan if verdict == "best" else 0.4
    return LeaderboardRow(1, name, name, verdict, 0.1, nan, valid_p, {}, from_best, p, parameters, 1)  # type: ignore[arg-type]  # a literal


@pytest.mark.parametrize(("difference", "p", "said"), [(-0.02, 0.01, True), (-0.02, 0.3, False), (0.02, 0.01, False)])
def test_a_dearer_contender_that_is_tied_but_better_on_test_is_named(difference: float, p: float, said: bool) -> None:
    rows = [row("cheap", "best", 0, float("nan"), 10), row("dear", "tied with best", difference, p, 99)]
    assert ("dear does better by 0.020" in explain_choice(rows, rows[0], GOAL, FLOOR, "majority")) is said


@pytest.mark.parametrize(("difference", "p", "said"), [(0.02, 0.01, True), (0.02, 0.3, False), (-0.02, 0.01, False)])
def test_best_on_validation_is_named_if_the_cheaper_champion_is_worse_on_test(
    difference: float, p: float, said: bool
) -> None:
    rows = [row("dear", "best", 0, float("nan"), 99), row("cheap", "tied with best", difference, p, 10)]
    assert ("dear does better by 0.020" in explain_choice(rows, rows[1], GOAL, FLOOR, "majority")) is said

"""What speaks against the champion is said, even though it decides nothing."""

import pytest

from pipelines.evaluation.bootstrap import Interval
from pipelines.evaluation.champion import Choice, explain_choice
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.evaluation.leaderboard import Estimate, LeaderboardRow, Verdict
from pipelines.evaluation.noninferiority import PairedLoss
from pipelines.evaluation.significance import Comparison
from pipelines.tasks import Goal

UNDEFINED = float("nan")
NONE = Estimate(UNDEFINED, UNDEFINED, UNDEFINED)
GOAL = Goal("log_loss", "minimize")
FLOOR = Comparison(2.0, Interval(1.9, 2.1), 0.001)  # the baseline, far behind


def row(name: str, verdict: Verdict, difference: float, p: float, parameters: int) -> LeaderboardRow:
    from_best = NONE if verdict == "best" else Estimate(difference, difference, difference)
    valid_p = UNDEFINED if verdict == "best" else 0.4
    return LeaderboardRow(
        1, name, name, verdict, None, 0.1, UNDEFINED, 0.001, valid_p, {}, from_best, p, parameters, 1, 1
    )


def choice(*rows: LeaderboardRow) -> Choice:
    paired_losses = {one.contender: PairedLoss(0.001, 0.001, 0.002, 0.4, 200) for one in rows if one.verdict != "best"}
    return Choice(rows, paired_losses, GOAL, ChampionSettings(), 0.01)


def as_good(name: str, difference: float, p: float, parameters: int) -> LeaderboardRow:
    return row(name, "as good within the margin", difference, p, parameters)


@pytest.mark.parametrize(("difference", "p", "said"), [(-0.02, 0.01, True), (-0.02, 0.3, False), (0.02, 0.01, False)])
def test_a_dearer_contender_that_is_as_good_but_better_on_test_is_named(
    difference: float, p: float, said: bool
) -> None:
    rows = [row("cheap", "best", 0, UNDEFINED, 10), as_good("dear", difference, p, 99)]
    assert ("dear does better by 0.020" in explain_choice(choice(*rows), rows[0], FLOOR, "majority")) is said


@pytest.mark.parametrize(("difference", "p", "said"), [(0.02, 0.01, True), (0.02, 0.3, False), (-0.02, 0.01, False)])
def test_best_on_validation_is_named_if_the_cheaper_champion_is_worse_on_test(
    difference: float, p: float, said: bool
) -> None:
    rows = [row("dear", "best", 0, UNDEFINED, 99), as_good("cheap", difference, p, 10)]
    assert ("dear does better by 0.020" in explain_choice(choice(*rows), rows[1], FLOOR, "majority")) is said


def test_why_others_do_not_ship_is_said_of_one_and_of_several() -> None:
    best = row("best", "best", 0, UNDEFINED, 50)
    open_rows = [row(name, "undecided", 0.01, 0.4, parameters) for name, parameters in (("a", 1), ("b", 2), ("c", 99))]
    several = [as_good("d", 0.0, 0.9, 60), as_good("e", 0.0, 0.9, 70)]
    reason = explain_choice(choice(best, *open_rows, *several), best, FLOOR, "majority")
    assert reason == (
        "best has the best validation log loss (0.100); a and b cost less, but it is undecided whether they are as "
        "good; d and e are as good within the margin, but cost more; c was not shown to be behind, but costs more."
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (
            ("gradient_boosting",),
            "gradient_boosting is not among the contenders: whether it would do better on this table is not known.",
        ),
        (
            ("linear_regression", "gradient_boosting"),
            "linear_regression and gradient_boosting are not among the contenders: whether they would do better on "
            "this table is not known.",
        ),
    ],
    ids=["one", "both"],
)
def test_what_a_table_should_have_been_tried_with_is_said(missing: tuple[str, ...], said: str) -> None:
    best = row("best", "best", 0, UNDEFINED, 50)
    open_field = choice(best)._replace(not_entered=missing)
    assert explain_choice(open_field, best, FLOOR, "majority").endswith(f" {said}")

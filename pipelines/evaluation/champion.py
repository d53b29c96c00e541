"""Champion: which contender ships, and why, in sentences."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipelines.evaluation.champion_settings import ChampionRule, ChampionSettings
from pipelines.evaluation.leaderboard import BASELINE, LeaderboardRow, Verdict, format_more_rows
from pipelines.evaluation.noninferiority import PairedLoss
from pipelines.evaluation.number_format import format_number, format_p_value
from pipelines.evaluation.significance import ALPHA, Comparison
from pipelines.tasks import Goal

# rule -> may an entry ship in place of the best? (its paired loss, margin) -> bool, or an array for a loss of arrays
RULES: dict[ChampionRule, Callable[[PairedLoss, float], bool]] = {
    "noninferior": lambda loss, margin: loss.bound <= margin,  # shown to be as good
    "best": lambda loss, margin: False,
    "one_se": lambda loss, margin: loss.mean <= loss.standard_error,
    "tied": lambda loss, margin: np.logical_not(loss.p_value < ALPHA),  # not shown to be behind
}
LEADS: dict[ChampionRule, str] = {  # rule -> what it says of a champion that is not the best
    "noninferior": "was shown to be as good as the best, {best} ({score}), within a margin of {margin} ({share} of its "
    "gain over the best baseline)",
    "one_se": "is within one standard error of the best, {best} ({score})",
    "tied": "cannot be told from the best, {best} ({score}; {p})",
}
# (verdict, costs less than the best) -> why it does not ship, of one and of several
CLAUSES: dict[tuple[Verdict, bool], tuple[str, str]] = {
    ("undecided", True): (
        "{names} costs less, but it is undecided whether it is as good{more}",
        "{names} cost less, but it is undecided whether they are as good",
    ),
    ("as good within the margin", True): (
        "{names} is as good within the margin and costs less, but the rule is {rule}",
        "{names} are as good within the margin and cost less, but the rule is {rule}",
    ),
    ("as good within the margin", False): (
        "{names} is as good within the margin, but costs more",
        "{names} are as good within the margin, but cost more",
    ),
    ("undecided", False): (
        "{names} was not shown to be behind, but costs more",
        "{names} were not shown to be behind, but cost more",
    ),
}
COST_UNITS = {"parameters": "parameters", "flops": "FLOPs", "bytes": "bytes"}


class Choice(NamedTuple):
    """What the champion is chosen from, and how."""

    rows: Sequence[LeaderboardRow]
    losses: Mapping[str, PairedLoss]  # of every entry but the best, by name
    goal: Goal
    settings: ChampionSettings
    margin: float  # in units of the goal
    trained_once: tuple[str, ...] = ()  # contenders of which another training could come out otherwise
    not_entered: tuple[str, ...] = ()  # architectures that a table's contenders should be measured with

    @property
    def best(self) -> LeaderboardRow:
        return next(row for row in self.rows if row.verdict == "best")

    @property
    def others(self) -> list[LeaderboardRow]:
        """Every contender but the best; no baselines."""
        return [row for row in self.rows if row.architecture != BASELINE and row is not self.best]

    @property
    def as_good(self) -> list[LeaderboardRow]:
        """The best, and the contenders shown to be as good within the margin."""
        return [self.best, *(row for row in self.others if row.verdict == "as good within the margin")]

    def cost(self, row: LeaderboardRow) -> int:
        costs: dict[str, int] = row._asdict()
        return costs[self.settings.cost]

    def cost_key(self, row: LeaderboardRow) -> tuple[int, ...]:
        """The cheapest first: by the measure that is set, then by the others, then by rank."""
        return self.cost(row), row.parameters, row.flops, row.bytes, row.rank


def choose_champion(choice: Choice) -> LeaderboardRow:
    """The cheapest of the best and those that the rule lets ship in its place."""
    allows = RULES[choice.settings.rule]
    allowed = [row for row in choice.others if allows(choice.losses[row.contender], choice.margin)]
    return min([choice.best, *allowed], key=choice.cost_key)


def is_better_than_baseline(comparison: Comparison, goal: Goal) -> bool:
    """Tell whether the baseline, compared with a contender, is behind it by more than chance explains."""
    return comparison.p_value < ALPHA and goal.is_better(0, comparison.difference)


def explain_choice(choice: Choice, winner: LeaderboardRow, comparison: Comparison, baseline_name: str) -> str:
    """Why the winner ships, and what speaks against it.

    Args:
        winner: the row that `choose_champion` returned.
        comparison: the best baseline compared with the winner on validation.
        baseline_name: that baseline's row.
    """
    baseline_doubts = _doubt_baseline(choice, comparison, baseline_name)
    test_doubts = _list_test_doubts(choice, winner)
    doubts = [*_doubt_trainings(choice), *_doubt_field(choice), *baseline_doubts, *test_doubts]
    return " ".join([_explain_win(choice, winner), *doubts])


def _explain_win(choice: Choice, winner: LeaderboardRow) -> str:
    goal_name = choice.goal.name.replace("_", " ")
    score, best = format_number(winner.valid_score), choice.best
    if not choice.others:
        return f"{winner.contender} is the only contender; its validation {goal_name} is {score}."
    if winner is not best:
        loss = choice.losses[winner.contender]
        lead = LEADS[choice.settings.rule].format(
            best=best.contender,
            score=format_number(best.valid_score),
            margin=format_number(choice.margin),
            share=f"{100 * choice.settings.margin:g} %",
            p=format_p_value(loss.p_value),
        )
        price = f"{choice.cost(winner):,} {COST_UNITS[choice.settings.cost]} against {choice.cost(best):,}"
        sentence = f"{winner.contender} (validation {goal_name} {score}) {lead}, and is the cheapest of those: {price}."
        return f"{sentence} {_doubt_margin(loss)}".rstrip()
    lead = f"{winner.contender} has the best validation {goal_name} ({score})"
    if all(row.verdict == "behind" for row in choice.others):
        return f"{lead}, and every other contender is behind it by more than chance explains."
    return "; ".join([lead, *_compare_costs(choice)]) + "."


def _doubt_margin(loss: PairedLoss) -> str:
    """What the margin gives away, where it is more than chance explains."""
    if not loss.p_value < ALPHA or loss.mean <= 0:
        return ""
    return (
        f"It is behind the best by {format_number(loss.mean)}, more than chance explains "
        f"({format_p_value(loss.p_value)}) and less than the margin."
    )


def _doubt_trainings(choice: Choice) -> list[str]:
    """Contenders whose trainings are no part of the comparison, because they had one."""
    names = choice.trained_once
    if not names:
        return []
    were = "was trained once" if len(names) == 1 else "had one training each"
    return [f"{_join_names(names)} {were}: another could come out differently, by how much is not known."]


def _doubt_field(choice: Choice) -> list[str]:
    """Classical contenders that a table has none of."""
    names = choice.not_entered
    if not names:
        return []
    are, they = ("is", "it") if len(names) == 1 else ("are", "they")
    unknown = f"whether {they} would do better on this table is not known"
    return [f"{_join_names(names)} {are} not among the contenders: {unknown}."]


def _compare_costs(choice: Choice) -> list[str]:
    """Why none of those that are not behind the best ships in its place, one clause per reason."""
    groups: dict[tuple[Verdict, bool], list[LeaderboardRow]] = {reason: [] for reason in CLAUSES}
    for row in choice.others:
        reason = row.verdict, choice.cost_key(row) < choice.cost_key(choice.best)
        if reason in groups:
            groups[reason].append(row)
    clauses = []
    for reason, rows in groups.items():
        if rows:
            clause = CLAUSES[reason][len(rows) > 1]
            more = format_more_rows(rows[0].more_rows) if len(rows) == 1 else ""
            clauses.append(
                clause.format(names=_join_names([row.contender for row in rows]), rule=choice.settings.rule, more=more)
            )
    return clauses


def _doubt_baseline(choice: Choice, comparison: Comparison, baseline_name: str) -> list[str]:
    if is_better_than_baseline(comparison, choice.goal):
        return []
    found = "does worse" if comparison.p_value < ALPHA else "was not shown to be better"
    why = comparison.reason or format_p_value(comparison.p_value)
    return [f"Do not ship it: on validation it {found} than the baseline {baseline_name!r} ({why})."]


def _list_test_doubts(choice: Choice, winner: LeaderboardRow) -> list[str]:
    """What the test rows say against the champion; they decide nothing."""
    goal, best = choice.goal, choice.best
    doubts = []
    if winner is not best and winner.test_p < ALPHA and not goal.is_better(winner.test_difference.value, 0):
        doubts.append(_describe_test_lead(best, winner))
    for row in choice.others:
        is_ahead = row.test_p < ALPHA and goal.is_better(row.test_difference.value, 0)
        if winner is best and row.verdict != "behind" and is_ahead:
            doubts.append(_describe_test_lead(row, row))
    return doubts


def _describe_test_lead(leading: LeaderboardRow, compared: LeaderboardRow) -> str:
    return (
        f"On the test rows, which decide nothing, {leading.contender} does better by "
        f"{format_number(abs(compared.test_difference.value))} ({format_p_value(compared.test_p)})."
    )


def _join_names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

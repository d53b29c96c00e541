"""Champion: what it costs to ship by each rule, where the truth is known.

    python -m benchmarks.audit champion     its claims
    python -m benchmarks.audit.champion     the table: regret of every rule

Two contenders are compared by accuracy; on a tenth of the rows one of them alone is right. The dear one is better by a
gap. Regret is the gap times the share of competitions that ship the cheap one, in points of accuracy. Rules and
paired losses are the project's; their numbers are drawn from counts instead of rows, which is the same in distribution,
and a sample of them is compared with what the project finds from the rows.

Shapes: S competitions, R resamples.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from benchmarks.audit.claim import Finding
from pipelines.evaluation.champion import RULES
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.evaluation.noninferiority import PairedLoss, measure_paired_loss
from pipelines.evaluation.significance import ALPHA, compare_with_control
from pipelines.tasks import Goal

GOAL = Goal("accuracy", "maximize")
DISAGREEMENT = 0.1  # share of the rows that one of the two alone has right
MARGIN = 0.01  # of accuracy, which is 5 % of a gain of 20 points
GAPS = (0.0, 0.01, 0.02, 0.05)
ROWS = (100, 178, 500, 2000, 10_000)
COMPETITIONS = 2000
RESAMPLES = 1000
FEW_ROWS = 500  # up to which the rule must not be worse than the best score
REGRET_RATIO, CHEAP_SHARE, AGREEMENT = 1.1, 0.9, 0.95


class Cell(NamedTuple):
    """What a rule ships at one gap and number of rows."""

    rule: str
    gap: float
    rows: int
    cheap_share: float  # of the competitions that ship the cheap contender

    @property
    def regret(self) -> float:
        """In points of accuracy."""
        return 100 * self.gap * self.cheap_share


def audit_champion(repeats: int) -> list[Finding]:
    """The rule's claims; twice as many competitions as repeats, because they are cheap."""
    return [*check_cells(simulate_rules(2 * repeats)), check_agreement(max(10, repeats // 10))]


def check_cells(cells: list[Cell]) -> Iterator[Finding]:
    """Compare the default rule with the best score, cell by cell."""
    rule = ChampionSettings().rule
    by_place = {(cell.rule, cell.gap, cell.rows): cell for cell in cells}
    places = [(cell.gap, cell.rows) for cell in cells if cell.rule == rule]
    pairs = [
        (by_place[rule, gap, rows].regret, by_place["best", gap, rows].regret)
        for gap, rows in places
        if gap > MARGIN and rows <= FEW_ROWS
    ]
    yield Finding(
        f"over the margin and up to {FEW_ROWS} rows, the default rule costs as little as the best score",
        f"regret at most {REGRET_RATIO} x",
        "; ".join(f"{own:.2f} against {best:.2f} points" for own, best in pairs),
        all(own <= REGRET_RATIO * best for own, best in pairs),
    )
    shares = [by_place[rule, gap, rows].cheap_share for gap, rows in places if gap == 0 and rows == max(ROWS)]
    yield Finding(
        f"of two equal contenders the cheap one ships where there are {max(ROWS):,} rows",
        f"in at least {CHEAP_SHARE:.0%}",
        ", ".join(f"{share:.1%}" for share in shares),
        all(share >= CHEAP_SHARE for share in shares),
    )


def simulate_rules(competitions: int, seed: int = 0) -> list[Cell]:
    """What every rule ships at every gap and number of rows."""
    generator = np.random.default_rng(seed)
    cells = []
    for gap in GAPS:
        for rows in ROWS:
            dear, cheap = draw_counts(gap, rows, competitions, generator)
            loss = measure_from_counts(dear, cheap, rows, generator)
            for rule, allows in RULES.items():
                ships_cheap = (dear <= cheap) | allows(loss, MARGIN)  # it is the best itself, or as good
                cells.append(Cell(rule, gap, rows, float(np.mean(ships_cheap))))
    return cells


def draw_counts(
    gap: float, rows: int, competitions: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """On how many rows the dear contender alone is right, and the cheap one alone; (S,) each."""
    shares = [(DISAGREEMENT + gap) / 2, (DISAGREEMENT - gap) / 2, 1 - DISAGREEMENT]
    counts = generator.multinomial(rows, shares, size=competitions)
    return counts[:, 0], counts[:, 1]


def measure_from_counts(
    dear: NDArray[np.int64], cheap: NDArray[np.int64], rows: int, generator: np.random.Generator
) -> PairedLoss:
    """What the cheap contender loses against the dear one, its fields (S,): `measure_paired_loss` of such rows.

    To draw rows with replacement is to draw three counts, and flips of signs come to the exact test of McNemar.
    """
    shares = np.stack([dear, cheap, rows - dear - cheap], axis=1) / rows
    drawn = generator.multinomial(rows, shares, size=(RESAMPLES, len(dear)))  # (R, S, 3)
    means = (drawn[..., 0] - drawn[..., 1]) / rows
    p_values = np.minimum(1, 2 * binom.cdf(np.minimum(dear, cheap), dear + cheap, 0.5))
    fields = (dear - cheap) / rows, means.std(axis=0), np.quantile(means, 1 - ALPHA, axis=0), p_values
    return PairedLoss(*fields, rows)  # type: ignore[arg-type]  # arrays in the place of numbers


def check_agreement(competitions: int, rows: int = 178, gap: float = 0.02, seed: int = 1) -> Finding:
    """Compare what rules decide from counts with what they decide from the rows themselves."""
    generator = np.random.default_rng(seed)
    dear, cheap = draw_counts(gap, rows, competitions, generator)
    by_counts = measure_from_counts(dear, cheap, rows, generator)
    same = []
    for index, (alone, other_alone) in enumerate(zip(dear, cheap, strict=True)):
        best, other = np.zeros(rows), np.zeros(rows)
        best[:alone] = 1
        other[alone : alone + other_alone] = 1
        (comparison,) = compare_with_control(best, [other], seed=index)
        loss = measure_paired_loss(comparison, GOAL, rows)
        mean, standard_error, bound, p_value = (np.asarray(values)[index] for values in by_counts[:4])
        from_counts = PairedLoss(mean, standard_error, bound, p_value, rows)
        same += [bool(allows(loss, MARGIN)) == bool(allows(from_counts, MARGIN)) for allows in RULES.values()]
    share = float(np.mean(same))
    return Finding(
        "the simulation decides from counts as the project does from rows",
        f"in at least {AGREEMENT:.0%} of decisions",
        f"{share:.1%} of {len(same)}",
        share >= AGREEMENT,
    )


def format_cells(cells: list[Cell]) -> str:
    """Regret in points, and how often the cheap one ships: a row per gap and number of rows, a column per rule."""
    header = f"{'gap':>5} {'rows':>6}" + "".join(f"{rule:>20}" for rule in RULES)
    lines = [header]
    for start in range(0, len(cells), len(RULES)):
        group = cells[start : start + len(RULES)]
        numbers = "".join(f"{cell.regret:>12.2f} ({cell.cheap_share:4.0%})" for cell in group)
        lines.append(f"{100 * group[0].gap:>5.0f} {group[0].rows:>6,}{numbers}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(format_cells(simulate_rules(COMPETITIONS)))

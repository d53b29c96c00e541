"""Stability: how often a contender is the champion when rows and trainings are drawn again.

The rows of validation, whole clusters of them, and the trainings of every contender are drawn again with replacement,
and the champion is chosen from what was drawn by the same rule. The steps between forecasts of a series are drawn in
blocks, because neighbours drift together (Künsch, "The Jackknife and the Bootstrap for General Stationary
Observations", The Annals of Statistics 17(3), 1989).

The share is no probability of being the best: it says how much the choice hangs on the rows and seeds there happened to
be.

Shapes: M trainings, N rows, G units, C contenders, D draws.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dependence import Dependence
from pipelines.evaluation.champion import RULES
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.evaluation.intervals import Means, t_quantile, two_sided_p
from pipelines.evaluation.noninferiority import PairedLoss, find_margin
from pipelines.evaluation.significance import ALPHA
from pipelines.evaluation.training_error import (
    TrainingError,
    add_training_error,
    measure_fold_errors,
    measure_training_error,
    pair_errors,
)
from pipelines.evaluation.units import Floats, Units, explain_too_few, find_units, merge_units, resample_counts
from pipelines.tasks import Goal

DRAWS = 400  # a share of a half is known to 2.5 points


class Candidate(NamedTuple):
    """A contender whose rows and trainings are drawn again."""

    name: str
    cost_key: tuple[int, ...]  # the cheapest has the smallest
    shipped: Floats  # (N,): the goal of what ships, row by row
    trainings: Floats  # (M, N): of each training; of one that ships as it is, that one alone
    ships_one: bool  # whether one training ships, and no average


class _DrawnCandidate(NamedTuple):
    """The same, added up over units: of a drawing, goals are a weighted sum."""

    shipped: Floats  # (G,)
    trainings: Floats  # (M, G)


def measure_stability(
    candidates: Sequence[Candidate],
    baselines: Sequence[Floats],
    goal: Goal,
    settings: ChampionSettings,
    dependence: Dependence,
    seed: int,
    draws: int = DRAWS,
    folds: NDArray[np.int64] | None = None,
) -> dict[str, float] | None:
    """In which share of the draws each contender is the champion; None where the rows are too few to be drawn again.

    Args:
        baselines: the goal of each baseline, row by row, (N,).
        folds: of each row, the fold whose models answered it, (N,); None where one model answered all.
    """
    rows = len(candidates[0].shipped)
    if explain_too_few(dependence, rows):
        return None
    units = _find_blocks(dependence, rows) if dependence.kind == "series" else find_units(dependence, rows)
    units = merge_units(units, seed)
    added_up = [_add_up(one, units) for one in candidates]
    errors = _pair_errors(candidates, folds)
    baseline_sums = units.sum_rows(np.stack(baselines, axis=1)).T  # (B, G)
    generator = np.random.default_rng([seed, draws])
    wins = np.zeros(len(candidates))
    competition = candidates, added_up, errors
    for block in resample_counts(len(units.sizes), seed, draws):
        for counts in block.astype(np.float64):
            baseline_scores = baseline_sums @ counts / (counts @ units.sizes)
            drawn = baseline_scores, counts, units.sizes
            wins[_find_winner(*competition, *drawn, goal, settings, generator)] += 1
    return {one.name: float(won) / draws for one, won in zip(candidates, wins, strict=True)}


def _add_up(candidate: Candidate, units: Units) -> _DrawnCandidate:
    columns = units.sum_rows(np.concatenate([candidate.shipped[None], candidate.trainings]).T).T
    return _DrawnCandidate(columns[0], columns[1:])


def _pair_errors(candidates: Sequence[Candidate], folds: NDArray[np.int64] | None) -> list[TrainingError]:
    """For each candidate, the training error of its difference from every other, (C,)."""
    places = np.arange(len(candidates))
    if folds is not None:
        rows = np.stack([one.shipped for one in candidates], axis=1)
        return [measure_fold_errors(rows - rows[:, [best]], folds) for best in places]
    errors = [measure_training_error(one.trainings) for one in candidates]
    return [pair_errors(errors, np.full(len(places), best), places) for best in places]


def _find_winner(
    candidates: Sequence[Candidate],
    added_up: Sequence[_DrawnCandidate],
    errors: Sequence[TrainingError],
    baseline_scores: Floats,
    counts: Floats,
    sizes: Floats,
    goal: Goal,
    settings: ChampionSettings,
    generator: np.random.Generator,
) -> int:
    """The place of the champion of one draw, in which each unit counts so often, (G,)."""
    total = counts @ sizes
    scores, compared = np.empty(len(candidates)), np.empty((len(candidates), len(counts)))
    for place, (candidate, sums) in enumerate(zip(candidates, added_up, strict=True)):
        drawn = sums.trainings[generator.integers(0, len(sums.trainings), len(sums.trainings))]
        compared[place] = drawn.mean(axis=0)
        if candidate.ships_one:
            scores[place] = goal.best_score((drawn @ counts / total).tolist())
        else:
            compared[place] += sums.shipped - sums.trainings.mean(axis=0)
            scores[place] = compared[place] @ counts / total
    best = int(np.argmin(scores) if goal.direction == "minimize" else np.argmax(scores))
    margin = find_margin(settings.margin, scores[best], goal.best_score(baseline_scores.tolist()) or 0.0, goal)
    losses = _measure_losses(compared, best, errors[best], counts, sizes, goal)
    allowed = np.asarray(RULES[settings.rule](losses, margin)) & (np.arange(len(candidates)) != best)
    return min([best, *np.flatnonzero(allowed).tolist()], key=lambda place: candidates[place].cost_key)


def _measure_losses(
    compared: Floats, best: int, training: TrainingError, counts: Floats, sizes: Floats, goal: Goal
) -> PairedLoss:
    """What each contender loses against the best in one draw; the fields are arrays (C,)."""
    total, units = counts @ sizes, counts.sum()
    sign = 1 if goal.direction == "minimize" else -1
    differences = sign * (compared - compared[best])  # (C, G)
    mean = differences @ counts / total
    squares = np.square(differences - mean[:, None] * sizes) @ counts
    means = Means(mean, np.sqrt(squares * units / max(units - 1, 1)) / total, np.full(len(mean), max(units - 1, 1)))
    means = add_training_error(means, training)
    bound = means.mean + t_quantile(1 - ALPHA, means.freedom) * means.error
    fields = means.mean, means.error, bound, two_sided_p(means)
    return PairedLoss(*fields, rows=int(total))  # type: ignore[arg-type]  # arrays in the place of numbers


def _find_blocks(dependence: Dependence, rows: int) -> Units:
    """Forecasts of a series in blocks that follow each other in time, the cube root of their number long."""
    assert dependence.units is not None, "a series is in the order of something"
    places = np.empty(rows, dtype=np.int64)
    places[np.argsort(dependence.units, kind="stable")] = np.arange(rows)
    of_row: NDArray[np.int64] = places // max(1, round(rows ** (1 / 3)))
    return Units(of_row, np.bincount(of_row).astype(np.float64))


def describe_stability(shares: Mapping[str, float] | None, winner: str, draws: int = DRAWS) -> str:
    """Stability in one sentence."""
    if shares is None:
        return "How stable the choice is cannot be said: the rows are too few to be drawn again."
    others = [name for name in sorted(shares, key=lambda name: -shares[name]) if name != winner and shares[name]]
    second = f", {others[0]} in {100 * shares[others[0]]:.0f} %" if others else ""
    share = f"{100 * shares[winner]:.0f} %"
    return f"Drawn again {draws} times, rows and trainings make {winner} the champion in {share}{second}."

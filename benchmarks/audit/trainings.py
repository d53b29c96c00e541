"""Equal architectures under two names, each trained anew: how often the comparison calls them different.

Once with trainings whose quality is drawn, so that the share of the difference that comes from the seed is known, and
once with real ones: a small perceptron, trained by stochastic gradient descent on simulated data many times.

And on folds, of which each row is answered by one training alone.

Shapes: E ensembles of independent trainings at once, M trainings, N rows, F inputs, H hidden units.
"""

from functools import cache, partial
from typing import NamedTuple

import numpy as np

from benchmarks.audit.claim import MAX_RETRAINED_ALARMS, Finding, judge_alarms
from benchmarks.audit.equals import count_alarms
from benchmarks.audit.simulated import Floats
from pipelines.evaluation.significance import Comparison, compare_contenders, compare_with_control
from pipelines.evaluation.training_error import Compared, compare_over_trainings

ROW_SPREAD = 0.1  # of how differently two trainings do on a row
INPUTS, HIDDEN, CLASSES_NOISE = 8, 8, 1.0
TRAIN_ROWS, EPOCHS, BATCH, LEARNING_RATE = 300, 20, 30, 0.2
FLIPS = 399  # 20 of 400 are 5 %, so that a nominal 5 % is one; fewer than elsewhere, as the rows are many
POOL = 400  # real trainings, of which each repeat draws two contenders' without replacement


class TrainingCase(NamedTuple):
    """How contenders are trained, and how far trainings are apart."""

    seeds: int
    rows: int
    spread: float  # standard deviation of the goal from training to training


SIMULATED = (
    *(TrainingCase(2, rows, spread) for rows, spread in ((178, 0.01), (10_000, 0.002))),
    *(TrainingCase(3, rows, spread) for rows in (178, 2000, 10_000) for spread in (0.0, 0.005, 0.05)),
    TrainingCase(5, 10_000, 0.005),
)
FOLDS = 5
FOLDED = tuple((rows, spread) for rows in (178, 1000, 4000) for spread in (0.0, 0.01, 0.05))
REAL = tuple((seeds, rows) for seeds in (3, 5) for rows in (200, 1000, 10_000))


def audit_trainings(repeats: int) -> list[Finding]:
    """Two contenders that are the same architecture; what ships is the best of the seeds, as trainings are compared."""
    findings = []
    for case in SIMULATED:
        claim = f"{case.seeds} seeds, {case.rows:,} rows, trainings {case.spread:g} apart"
        alarms = count_alarms(partial(_compare_simulated, case=case), repeats)
        findings.append(judge_alarms(claim, alarms, repeats, MAX_RETRAINED_ALARMS))
    for rows, spread in FOLDED:
        claim = f"{FOLDS} folds, {rows:,} rows, trainings {spread:g} apart"
        alarms = count_alarms(partial(_compare_folded, rows=rows, spread=spread), repeats)
        findings.append(judge_alarms(claim, alarms, repeats, MAX_RETRAINED_ALARMS))
    for seeds, rows in REAL:
        claim = f"a perceptron trained by gradient descent, {seeds} seeds, {rows:,} rows"
        alarms = count_alarms(partial(_compare_real, seeds=seeds, rows=rows), repeats)
        findings.append(judge_alarms(claim, alarms, repeats, MAX_RETRAINED_ALARMS))
    return findings


def compare_retrained(one: Floats, other: Floats, seed: int) -> list[Comparison]:
    """Two contenders by the losses of their trainings, (M, N) each, of which the best ships."""
    both = (
        compare_over_trainings(losses[losses.mean(axis=1).argmin()], losses, ships_one=True) for losses in (one, other)
    )
    control, contender = both
    return compare_contenders(control, [contender], seed, flips=FLIPS)


def compare_single_trainings(one: Floats, other: Floats, seed: int) -> list[Comparison]:
    """The same by the best of their trainings alone, as if another could not come out otherwise."""
    best, second = (losses[losses.mean(axis=1).argmin()] for losses in (one, other))
    return compare_with_control(best, [second], seed, flips=FLIPS)


def draw_losses(generator: np.random.Generator, case: TrainingCase) -> Floats:
    """Losses of the trainings of two equal contenders, (2, M, N)."""
    quality = generator.normal(0, case.spread, (2, case.seeds, 1))
    return quality + generator.normal(0, ROW_SPREAD, (2, case.seeds, case.rows))


def _compare_simulated(generator: np.random.Generator, seed: int, case: TrainingCase) -> list[Comparison]:
    one, other = draw_losses(generator, case)
    return compare_retrained(one, other, seed)


def _compare_folded(generator: np.random.Generator, seed: int, rows: int, spread: float) -> list[Comparison]:
    folds = generator.permutation(rows) % FOLDS
    quality = generator.normal(0, spread, (2, FOLDS))
    control, other = quality[:, folds] + generator.normal(0, ROW_SPREAD, (2, rows)) + generator.exponential(size=rows)
    return compare_contenders(Compared(control), [Compared(other)], seed, flips=FLIPS, folds=folds)


def _compare_real(generator: np.random.Generator, seed: int, seeds: int, rows: int) -> list[Comparison]:
    inputs, labels = draw_rows(generator, rows)
    chosen = generator.permutation(POOL)[: 2 * seeds]
    losses = log_losses(tuple(weights[chosen] for weights in train_pool()), inputs, labels)
    return compare_retrained(losses[:seeds], losses[seeds:], seed)


def draw_rows(generator: np.random.Generator, rows: int) -> tuple[Floats, Floats]:
    """Inputs (N, F) and classes of 0 and 1, (N,), by the sign of a product of two inputs and noise."""
    inputs = generator.normal(size=(rows, INPUTS))
    score = inputs[:, 0] * inputs[:, 1] + inputs[:, 2] + CLASSES_NOISE * generator.normal(size=rows)
    return inputs, (score > 0).astype(np.float64)


Weights = tuple[Floats, ...]  # (E, F, H), (E, H), (E, H), (E,)


@cache
def train_pool() -> Weights:
    """Perceptrons of one hidden layer, all trained on the same rows, from other starts and in another order."""
    generator = np.random.default_rng(7)
    inputs, labels = draw_rows(generator, TRAIN_ROWS)
    first = generator.normal(0, INPUTS**-0.5, (POOL, INPUTS, HIDDEN))
    second = generator.normal(0, HIDDEN**-0.5, (POOL, HIDDEN))
    weights = [first, np.zeros((POOL, HIDDEN)), second, np.zeros(POOL)]
    for _ in range(EPOCHS):
        order = generator.permuted(np.tile(np.arange(TRAIN_ROWS), (POOL, 1)), axis=1)
        for start in range(0, TRAIN_ROWS, BATCH):
            batch = order[:, start : start + BATCH]
            for weight, gradient in zip(weights, _gradients(weights, inputs[batch], labels[batch]), strict=True):
                weight -= LEARNING_RATE * gradient
    return tuple(weights)


def _gradients(weights: list[Floats], x: Floats, labels: Floats) -> list[Floats]:
    """Of the mean log loss, for x (E, B, F) and labels (E, B)."""
    first, bias, second, offset = weights
    hidden = np.tanh(x @ first + bias[:, None])  # (E, B, H)
    surplus = (_sigmoid((hidden @ second[..., None])[..., 0] + offset[:, None]) - labels) / labels.shape[1]
    back = surplus[..., None] * second[:, None] * (1 - hidden**2)
    return [
        x.transpose(0, 2, 1) @ back,
        back.sum(axis=1),
        (surplus[:, None] @ hidden)[:, 0],
        surplus.sum(axis=1),
    ]


def log_losses(weights: Weights, x: Floats, labels: Floats) -> Floats:
    """The log loss of every perceptron on every row, (E, N)."""
    first, bias, second, offset = weights
    logits = (np.tanh(x @ first + bias[:, None]) @ second[..., None])[..., 0] + offset[:, None]
    losses: Floats = np.logaddexp(0, np.where(labels > 0, -logits, logits))
    return losses


def _sigmoid(logits: Floats) -> Floats:
    return 1 / (1 + np.exp(-logits))

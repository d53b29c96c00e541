"""Training error: how far the goal of a contender moves from one training to another, from seed to seed.

Contenders are compared over seeds and rows. The standard error of a difference holds the variance over rows and, of
each contender, the variance between its trainings divided by their number. The variance between trainings is taken as
found on the rows at hand, which holds a part of the variance over rows a second time: what is found is never too small
because of it (docs/decisions/0027-seeds-in-the-verdict.md says what that costs).

What is compared is what a training gives on average: the mean over the trainings, row by row. A contender that ships an
average of its trainings is compared as it ships, since no single one of them does. A solution that comes out the same
whatever the seed adds nothing.

Of folds, each row is answered by one training, and there are as many trainings as folds. How hard a fold's rows are
cancels in the difference of two contenders, so that the variance between the means of its folds is that between pairs
of trainings, again with a part of that over rows.

Shapes: M trainings, N rows, C contenders, P pairs, K folds.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.intervals import Means
from pipelines.evaluation.units import Floats


class TrainingError(NamedTuple):
    """How far a contender's goal is off because of the trainings that it had; of pairs, arrays (P,)."""

    variance: float | Floats = 0.0  # of the mean over the trainings
    freedom: float | Floats = float("inf")  # degrees of freedom of that variance


EXACT = TrainingError()  # a solution that another training would find again


class Trainings(NamedTuple):
    """The goal of every training of a contender, row by row, on validation and on test."""

    valid: Floats  # (M, N); of folds (1, N), as each row is answered by one of them
    test: Floats  # (M, N)
    uses_seed: bool = True  # whether another training could come out otherwise
    ships_one: bool = True  # whether what ships is one training as it is, and no average of several


class Compared(NamedTuple):
    """A contender as it is compared with others: its goal row by row, and the error of its trainings."""

    rows: Floats  # (N,)
    training: TrainingError = EXACT


def measure_training_error(trainings: Floats) -> TrainingError:
    """The error of the mean goal of trainings, (M, N); none of those that are all the same.

    Of a single one nothing is known, and nothing is added.
    """
    if len(trainings) < 2 or (trainings == trainings[0]).all():
        return EXACT
    return TrainingError(float(trainings.mean(axis=1).var(ddof=1)) / len(trainings), len(trainings) - 1)


def compare_over_trainings(shipped: Floats, trainings: Floats, *, ships_one: bool) -> Compared:
    """What a contender is compared by.

    Args:
        shipped: the goal of what ships, row by row, (N,).
        trainings: of each training, (M, N).
        ships_one: whether what ships is one of the trainings as it is, and no average of them.
    """
    error = measure_training_error(trainings)
    return Compared(trainings.mean(axis=0) if ships_one and error.variance else shipped, error)


def pair_errors(errors: Sequence[TrainingError], first: NDArray[np.intp], second: NDArray[np.intp]) -> TrainingError:
    """The training errors of differences: variances add up, and their degrees of freedom are Satterthwaite's, (P,)."""
    variances = np.array([error.variance for error in errors], dtype=np.float64)
    uncertainty = np.square(variances) / np.array([error.freedom for error in errors])
    variance, uncertain = variances[first] + variances[second], uncertainty[first] + uncertainty[second]
    freedom = np.divide(np.square(variance), uncertain, out=np.full_like(variance, np.inf), where=uncertain > 0)
    return TrainingError(variance, freedom)


def measure_fold_errors(pairs: Floats, folds: NDArray[np.int64]) -> TrainingError:
    """The training errors of differences, (P,), from how far they vary from fold to fold.

    Args:
        pairs: differences of contenders row by row, (N, P).
        folds: of each row, the fold whose models answered it, (N,); at least two.
    """
    names, of_row = np.unique(folds, return_inverse=True)
    means = np.stack([pairs[of_row == fold].mean(axis=0) for fold in range(len(names))])  # (K, P)
    return TrainingError(means.var(axis=0, ddof=1) / len(names), np.full(pairs.shape[1], len(names) - 1.0))


def add_training_error(means: Means, training: TrainingError) -> Means:
    """Means over rows with the error of the trainings in theirs; as they were where there is none.

    Source: Satterthwaite, "An Approximate Distribution of Estimates of Variance Components", Biometrics Bulletin 2(6),
    1946.
    """
    rows, added = np.square(means.error), np.asarray(training.variance)
    total = rows + added
    uncertain = np.square(rows) / means.freedom + np.square(added) / training.freedom
    freedom = np.divide(np.square(total), uncertain, out=np.array(means.freedom, dtype=np.float64), where=added > 0)
    return Means(means.mean, np.where(added > 0, np.sqrt(total), means.error), freedom)

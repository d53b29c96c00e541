"""Learning-rate schedules by name: the rate of every epoch, from its peak.

A schedule is a pure function of the epoch and of what was scored before it, so that a killed training goes on as it
would have. `cosine` is what defaults and ranges of learning rates were chosen for.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

WARM_UP_SHARE = 0.1  # of the epochs; small data is learned in the first few, which should not be the steepest
LAST_SHARE = 0.01  # of the peak, that is left at the end
STEP_SHARES = (0.5, 0.75)  # of the epochs, after which the rate is a tenth of what it was
STEP_FACTOR = 0.1
RISE_SHARE = 0.3  # of the epochs, that one cycle rises for
START_SHARE = 1 / 25  # of the peak, that one cycle starts from
PATIENCE_SHARE = 0.1  # of the epochs, that a plateau lasts before the rate falls
PLATEAU_FACTOR = 0.3  # of the rate, that is left then


class Progress(NamedTuple):
    """How far a training is."""

    epoch: int  # the one that begins, counted from 0
    total_epochs: int
    valid_losses: Sequence[float] = ()  # after every epoch so far; smaller is better


def cosine_learning_rate(peak: float, epoch: int, total_epochs: int) -> float:
    """The learning rate of an epoch: up to the peak in equal steps, then a half cosine down to a hundredth of it.

    Source: Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5, without restarts; the warm-up as in Goyal et al.,
    "Accurate, Large Minibatch SGD", 2017, section 2.2.
    """
    warm_up = int(WARM_UP_SHARE * total_epochs)
    if epoch < warm_up:
        return peak * (epoch + 1) / (warm_up + 1)
    share = 0.5 * (1 + math.cos(math.pi * (epoch - warm_up) / (total_epochs - warm_up)))
    return peak * (LAST_SHARE + (1 - LAST_SHARE) * share)


def cosine(peak: float, progress: Progress) -> float:
    """`cosine_learning_rate`: a short rise, then a half cosine."""
    return cosine_learning_rate(peak, progress.epoch, progress.total_epochs)


def constant(peak: float, progress: Progress) -> float:
    """The same in every epoch."""
    return peak


def step_decay(peak: float, progress: Progress) -> float:
    """A tenth after half of the epochs, a hundredth after three quarters.

    Source: He, Zhang, Ren & Sun, "Deep Residual Learning", 2016, section 4.2: divided by 10 after 50 % and 75 % of the
    steps on CIFAR-10. https://arxiv.org/abs/1512.03385
    """
    passed = sum(progress.epoch >= share * progress.total_epochs for share in STEP_SHARES)
    return peak * STEP_FACTOR**passed


def one_cycle(peak: float, progress: Progress) -> float:
    """Up along a half cosine from a 25th of the peak in three tenths of the epochs, then down along one to next to 0.

    Source: Smith & Topin, "Super-Convergence", 2018. https://arxiv.org/abs/1708.07120
    NOTE[DIFF] the momentum stays as it is, and the rate changes from epoch to epoch, not from step to step.
    """
    rise = max(1, round(RISE_SHARE * progress.total_epochs))
    if progress.epoch < rise:
        share = 0.5 * (1 - math.cos(math.pi * progress.epoch / rise))
        return peak * (START_SHARE + (1 - START_SHARE) * share)
    fall = max(1, progress.total_epochs - rise)
    share = 0.5 * (1 + math.cos(math.pi * (progress.epoch - rise) / fall))
    return peak * (LAST_SHARE + (1 - LAST_SHARE) * share)


def plateau(peak: float, progress: Progress) -> float:
    """Less by a factor of 0.3 whenever validation has not improved for a tenth of the epochs, two of them at least.

    Source: Bengio, "Practical Recommendations for Gradient-Based Training", 2012, section 3.1.1.
    https://arxiv.org/abs/1206.5533
    """
    patience = max(2, round(PATIENCE_SHARE * progress.total_epochs))
    best, idle, rate = math.inf, 0, peak
    for loss in progress.valid_losses:
        idle = 0 if loss < best else idle + 1
        best = min(best, loss)
        if idle == patience:
            idle, rate = 0, rate * PLATEAU_FACTOR
    return max(rate, peak * LAST_SHARE)


SCHEDULES: dict[str, Callable[[float, Progress], float]] = {
    "cosine": cosine,  # the usual choice
    "constant": constant,  # nothing to choose; the last epochs stay noisy
    "step": step_decay,  # as image networks were trained for years
    "one_cycle": one_cycle,  # for short trainings at high rates
    "plateau": plateau,  # as long as validation improves
}

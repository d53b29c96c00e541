"""Training budgets: a number of epochs within limits of steps, the same for a trial and for a seed.

The learning rate falls to the end of the budget, so settings are good for the length that they were tried at, and for
no other: what the search tries is as long as what is trained of it in the end (decision 24).
"""

import math
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

LEAST_EPOCHS = 10  # of a training that max_steps cuts short: there is a choice of epochs, and the schedule has steps
RUNG_SHARES = (1 / 3, 2 / 3, 1.0)  # of the budget, after which trials are compared; the first is late enough to judge
ONE_RUNG = (1.0,)


class BudgetSettings(BaseModel):
    """How long one training is, of a trial as of a seed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    epochs: int = Field(default=40, ge=1)  # passes over the train part, within the limits below
    min_steps: int = Field(default=1_000, ge=1)  # a small train part is passed over until there are as many
    max_steps: int = Field(default=50_000, ge=1)  # a large train part is passed over less often, or in part

    @model_validator(mode="after")
    def _check_limits(self) -> "BudgetSettings":
        if self.min_steps > self.max_steps:
            raise ValueError(f"min_steps must be at most max_steps, found {self.min_steps} and {self.max_steps}")
        return self


class Budget(NamedTuple):
    """A training's length, and the share of it that a rung of the search ends at."""

    length: BudgetSettings
    share: float = 1.0
    keep_epoch: int | None = None  # train until this epoch, and keep its weights; None: those of the best epoch


class Schedule(NamedTuple):
    """A budget in epochs, for so many rows and a batch size."""

    epochs: int  # of the whole training, at whose end the learning rate has fallen
    stop_epoch: int  # epochs after which to return; a later call goes on from there
    epochs_per_pass: int = 1  # more than 1: an epoch passes over a part of the rows, and the next over another part
    keep_last: bool = False  # the weights of stop_epoch, not of the best


def plan_schedule(budget: Budget, rows: int, batch_size: int) -> Schedule:
    """The epochs of a training on `rows` examples.

    An epoch is a pass over all rows, unless `max_steps` leaves fewer than LEAST_EPOCHS passes: then it is the part of a
    pass that makes LEAST_EPOCHS of them.

    >>> plan_schedule(Budget(BudgetSettings(epochs=12, min_steps=1000)), rows=534, batch_size=32)
    Schedule(epochs=59, stop_epoch=59, epochs_per_pass=1, keep_last=False)
    >>> plan_schedule(Budget(BudgetSettings(epochs=12, max_steps=10_000), share=1 / 3), rows=1_000_000, batch_size=100)
    Schedule(epochs=10, stop_epoch=4, epochs_per_pass=10, keep_last=False)
    """
    length = budget.length
    pass_steps = max(1, round(rows / batch_size))
    asked_steps = length.epochs * pass_steps
    epochs_per_pass = 1
    if asked_steps <= length.max_steps:
        epochs = max(length.epochs, math.ceil(length.min_steps / pass_steps))
    else:
        passes = length.max_steps / pass_steps
        least_epochs = min(length.epochs, LEAST_EPOCHS)
        epochs_per_pass = max(1, math.ceil(least_epochs / passes))
        epochs = max(1, math.floor(passes * epochs_per_pass))
    if budget.keep_epoch is not None:
        return Schedule(epochs, min(epochs, budget.keep_epoch), epochs_per_pass, keep_last=True)
    return Schedule(epochs, max(1, math.ceil(epochs * budget.share)), epochs_per_pass)

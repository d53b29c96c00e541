"""What may ship of a contender's trainings, as params.yaml has it under `train`."""

from typing import Literal

Ship = Literal["best", "mean", "ensemble", "refit"]  # the first two of seeds, the last two of folds

"""What may ship of a contender's trainings, as params.yaml has it under `train`."""

from typing import Literal

Ship = Literal["best", "mean", "ensemble", "refit"]
OF_SEEDS: tuple[Ship, ...] = ("best", "mean")
OF_FOLDS: tuple[Ship, ...] = ("ensemble", "refit")

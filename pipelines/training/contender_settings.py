"""A contender's settings: of its network and of its learner, separated here and nowhere else.

In files and in params.yaml they stand side by side in one flat mapping, because no two of them share a name: what
model.json holds can be written under `fix` as it is.
"""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from models import ARCHITECTURES
from models.blocks.hyperparameters import Hyperparameters, SettingValue, choice, make_config, tunable
from models.blocks.optimizers import LEARNING_RATE_SCALES, OPTIMIZERS, WEIGHT_DECAY_SCALES


class GradientSettings(Hyperparameters):
    """What is searched for every network that learns by gradient, besides its own settings."""

    optimizer: str = choice("adamw", *OPTIMIZERS)
    learning_rate: float = tunable(  # at its peak; falls along a half cosine
        3e-3, 2e-4, 2e-2, log=True, gt=0, scaled_by=LEARNING_RATE_SCALES
    )
    batch_size: int = choice(32, 16, 32, 64, 128, ge=1)  # examples per step
    weight_decay: float = tunable(  # pull of every weight towards 0
        1e-2, 1e-4, 1.0, log=True, ge=0, scaled_by=WEIGHT_DECAY_SCALES
    )


class GANSettings(Hyperparameters):
    """What is searched for every generator with its discriminator, besides their own settings."""

    learning_rate: float = tunable(2e-3, 1e-4, 1e-2, log=True, gt=0)  # of the generator at its peak
    discriminator_lr_ratio: float = tunable(1.0, 0.25, 4.0, log=True, gt=0)  # its learning rate / the generator's
    batch_size: int = choice(64, 32, 64, 128, ge=1)  # examples per step


class ClosedFormSettings(Hyperparameters):
    """What is searched for everything that is fitted in one step, besides its own settings."""

    fit_augmented: bool = choice(False, False, True)  # fit the augmented copies too, which can hurt a linear model


LEARNER_SETTINGS: dict[str, type[Hyperparameters]] = {
    "gradient": GradientSettings,
    "adversarial": GANSettings,
    "closed_form": ClosedFormSettings,
}

RENAMED_SETTINGS = {"advantage": "discriminator_lr_ratio", "draws": "fit_augmented"}


LearnerSettings = TypeVar("LearnerSettings", bound=Hyperparameters)


class ContenderSettings(NamedTuple, Generic[LearnerSettings]):
    """Validated settings of a network and of its learner."""

    network: Hyperparameters
    learner: LearnerSettings

    def to_json(self) -> dict[str, SettingValue]:
        """All settings by name, the network's first."""
        return {**self.network.model_dump(), **self.learner.model_dump()}


def settings_types(architecture: str) -> tuple[type[Hyperparameters], type[Hyperparameters]]:
    """The Config of an architecture's network and of its learner."""
    row = ARCHITECTURES[architecture]
    return row.config, LEARNER_SETTINGS[row.learner]


def make_settings(architecture: str, settings: Mapping[str, object]) -> ContenderSettings[Any]:
    """Validated settings from a flat mapping; what it lacks has its default.

    Raises:
        ValueError: in one sentence, with the setting, the rule and the value found.
    """
    network, learner = settings_types(architecture)
    return ContenderSettings(
        make_config(network, {name: value for name, value in settings.items() if name not in learner.model_fields}),
        make_config(learner, {name: value for name, value in settings.items() if name in learner.model_fields}),
    )

"""A contender's settings: of its network, of its learner and of its stem, separated here and nowhere else.

In files and in params.yaml they stand side by side in one flat mapping, because no two of them share a name: what
model.json holds can be written under `fix` as it is.
"""

from collections.abc import Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from models import ARCHITECTURES
from models.blocks.hyperparameters import (
    Hyperparameters,
    SettingValue,
    choice,
    make_config,
    stated_settings,
    tunable,
)
from models.blocks.optimizers import LEARNING_RATE_SCALES, OPTIMIZERS, SEARCHED_OPTIMIZERS, WEIGHT_DECAY_SCALES
from models.blocks.window_scale import WindowSettings
from pipelines.data.schema import Tokens
from pipelines.data.tokenizers import TOKENIZERS
from pipelines.training.schedules import SCHEDULES

SEMI_TASKS = {  # ways to learn from rows without a label, and the tasks that each has a meaning for
    "pretrain": ("classification", "regression", "segmentation"),  # restore what is hidden of their inputs, first
    "pseudo_label": ("classification",),  # what is sure of them; a predicted number does not say how sure it is
}


class GradientSettings(Hyperparameters):
    """What is searched for every network that learns by gradient, besides its own settings."""

    optimizer: str = choice("adamw", *SEARCHED_OPTIMIZERS, unsearched=OPTIMIZERS)
    learning_rate: float = tunable(  # at its peak; the schedule says how it rises and falls
        3e-3, 2e-4, 2e-2, log=True, gt=0, scaled_by=LEARNING_RATE_SCALES
    )
    batch_size: int = choice(32, 16, 32, 64, 128, ge=1)  # examples per step
    weight_decay: float = tunable(  # pull of every weight towards 0
        1e-2, 1e-4, 1.0, log=True, ge=0, scaled_by=WEIGHT_DECAY_SCALES
    )
    schedule: str = choice("cosine", *SCHEDULES, searched=False)  # of the learning rate
    gradient_clip: float = tunable(0.0, 0.0, 10.0, ge=0, searched=False)  # largest norm of a gradient; 0: none
    l1: float = tunable(0.0, 0.0, 1e-3, ge=0, searched=False)  # of the weights' absolute values, added to the loss
    weight_average: float = tunable(0.0, 0.0, 0.999, ge=0, lt=1, searched=False)  # share kept in each step; 0: none
    label_smoothing: float = tunable(0.0, 0.0, 0.3, ge=0, lt=1, searched=False)  # spread over all classes
    mixup: float = tunable(0.0, 0.0, 1.0, ge=0, searched=False)  # alpha of the Beta distribution; 0: none
    cutmix: float = tunable(0.0, 0.0, 1.0, ge=0, searched=False)  # likewise, of rectangles of images
    input_dropout: float = tunable(0.0, 0.0, 0.3, ge=0, lt=1, searched=False)  # probability of hiding a number or step
    step_swap: float = tunable(0.0, 0.0, 0.3, ge=0, lt=1, searched=False)  # probability that two steps change places
    input_noise: float = tunable(0.0, 0.0, 0.3, ge=0, searched=False)  # standard deviation, of what is read
    step_scale: float = tunable(0.0, 0.0, 0.5, ge=0, searched=False)  # standard deviation of a sequence's factors
    step_warp: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1, searched=False)  # change of a sequence's speed, at most
    step_crop: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1, searched=False)  # share of a sequence cut off, at most
    semi: str = choice("none", "none", *SEMI_TASKS, searched=False)  # what is learned from rows without a label
    pseudo_threshold: float = tunable(0.95, 0.6, 0.99, gt=0, lt=1, searched=False)  # probability that makes a label
    freeze: int = tunable(0, 0, 4, ge=0, searched=False)  # first parts of the network that stay as a start has them
    start_lr_ratio: float = tunable(  # learning rate of what was taken over from a start / that of what was drawn anew
        1.0, 0.01, 1.0, log=True, gt=0, searched=False
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


class TextSettings(Hyperparameters):
    """How a stem reads texts, where there are any."""

    tokens: Tokens = choice("words", *TOKENIZERS, searched=False)  # what a text is cut into


class NoStemSettings(Hyperparameters):
    """Of a stem that reads in one way only."""


STEM_SETTINGS: dict[str, type[Hyperparameters]] = {  # by task; the others have none
    "classification": TextSettings,
    "regression": TextSettings,
    "forecasting": WindowSettings,
}

RENAMED_SETTINGS = {"advantage": "discriminator_lr_ratio", "draws": "fit_augmented"}


LearnerSettings = TypeVar("LearnerSettings", bound=Hyperparameters)


class ContenderSettings(NamedTuple, Generic[LearnerSettings]):
    """Validated settings of a network, of its learner and of its stem."""

    network: Hyperparameters
    learner: LearnerSettings
    stem: Hyperparameters

    def to_json(self) -> dict[str, SettingValue]:
        """All settings by name, the network's first; not those that no search tries, where they have their default."""
        return {name: value for config in self for name, value in stated_settings(config).items()}


class SettingsTypes(NamedTuple):
    """What the settings of a contender are made of."""

    network: type[Hyperparameters]
    learner: type[Hyperparameters]
    stem: type[Hyperparameters]


def settings_types(architecture: str, task: str) -> SettingsTypes:
    """The Config of an architecture's network, of its learner, and of the stem that reads a task's inputs."""
    row = ARCHITECTURES[architecture]
    return SettingsTypes(row.config, LEARNER_SETTINGS[row.learner], STEM_SETTINGS.get(task, NoStemSettings))


def make_settings(architecture: str, task: str, settings: Mapping[str, object]) -> ContenderSettings[Any]:
    """Validated settings from a flat mapping; what it lacks has its default.

    Args:
        task: its name, a row of `TASKS`.

    Raises:
        ValueError: in one sentence, with the setting, the rule and the value found.
    """
    types = settings_types(architecture, task)
    learner, stem = (
        {name: value for name, value in settings.items() if name in config.model_fields}
        for config in (types.learner, types.stem)
    )
    network = {name: value for name, value in settings.items() if name not in learner and name not in stem}
    return ContenderSettings(
        make_config(types.network, network), make_config(types.learner, learner), make_config(types.stem, stem)
    )

"""Regularisation while a network learns by gradient: what changes batches, the loss and the weights.

Everything here is off unless params.yaml names its setting, and what is off draws no random number.

Shapes: B batch, K classes, H height, W width.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.stems import InputType, Model
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task
from pipelines.tasks.task import AnyTarget, WeightedTarget
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.sequence_augmentation import crop_sequences, scale_sequences, warp_sequences

SEQUENCE_SETTINGS = {  # what each does to the steps, and whether that makes values between those that are there
    "step_swap": ("swaps steps", False),
    "step_scale": ("scales the values", True),
    "step_warp": ("changes the speed", True),
    "step_crop": ("cuts off steps", False),
}
WARM_UP_STEPS = 10  # in which an average of weights leaves the first ones behind, as if it had begun with more


def check_regularisation(task: Task, input_type: InputType, settings: GradientSettings) -> None:
    """Refuse settings that mean nothing for what is learned.

    Args:
        input_type: what the network reads.

    Raises:
        UserError: with the setting, the rule and the value found.
    """
    if settings.label_smoothing and not task.has_soft_targets:
        raise UserError(
            f"label_smoothing spreads a class over all, which {task.name} with its loss has no targets for; found "
            f"{settings.label_smoothing:g}: set it to 0, or train a classification with loss cross_entropy"
        )
    if settings.mixup and not task.can_mix:
        raise UserError(
            f"mixup averages examples and their targets, which {task.name} with its loss has no meaning for; found "
            f"{settings.mixup:g}: set it to 0"
        )
    if settings.cutmix and not (task.has_soft_targets and input_type == "image"):
        raise UserError(
            f"cutmix puts images together for a classification with loss cross_entropy; found {settings.cutmix:g} for "
            f"{task.name} by a network that reads one {input_type}: set it to 0"
        )
    _check_sequence_settings(task, input_type, settings)


def _check_sequence_settings(task: Task, input_type: InputType, settings: GradientSettings) -> None:
    for name, (what, changes_values) in SEQUENCE_SETTINGS.items():
        value, moves_steps = getattr(settings, name), name != "step_swap"
        if not value:
            continue
        if input_type != "sequence":
            raise UserError(
                f"{name} {what} of a sequence; found {value:g} for a network that reads one {input_type}: set it to 0"
            )
        if moves_steps and task.requires_full_window:
            raise UserError(
                f"{name} {what} of a sequence, and what follows a window of {task.name} would have to change along; "
                f"found {value:g}: set it to 0"
            )
        if changes_values and task.input_fields[0].kind == "text":
            raise UserError(f"{name} {what} of a sequence, and a text has no numbers; found {value:g}: set it to 0")


class BatchRegulariser:
    """Cropped, warped, scaled, noisy, hidden, swapped inputs, label smoothing, mixup, cutmix of one epoch's batches.

    Sources: label smoothing, Szegedy et al., "Rethinking the Inception Architecture", 2016, section 7,
    https://arxiv.org/abs/1512.00567; mixup, Zhang et al. 2018, https://arxiv.org/abs/1710.09412; cutmix, Yun et al.
    2019, https://arxiv.org/abs/1905.04899; noise, Bishop, "Training with Noise is Equivalent to Tikhonov
    Regularization", 1995, https://doi.org/10.1162/neco.1995.7.1.108; hidden inputs, Srivastava et al. 2014,
    https://jmlr.org/papers/v15/srivastava14a.html, of words Iyyer et al. 2015, https://aclanthology.org/P15-1162;
    swapped words, Wei & Zou, "EDA", 2019, https://aclanthology.org/D19-1670, here of neighbours.

    Args:
        seed: of all that is drawn.
    """

    def __init__(self, task: Task, settings: GradientSettings, seed: int, device: torch.device) -> None:
        self.task, self.settings = task, settings
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.generator = torch.Generator(device).manual_seed(seed)
        self.augmentations = [  # of sequences, with their strength
            (strength, augment)
            for strength, augment in (
                (settings.step_crop, crop_sequences),
                (settings.step_warp, warp_sequences),
                (settings.step_scale, scale_sequences),
            )
            if strength
        ]
        self.mixes = [(alpha, mix) for alpha, mix in ((settings.mixup, _mixed), (settings.cutmix, _cut)) if alpha]

    def draw(self, features: Tensor, target: AnyTarget) -> tuple[Tensor, AnyTarget]:
        """A batch as a step learns from it: features (B, ...), the target in the network's units."""
        settings = self.settings
        for strength, augment in self.augmentations:
            features = augment(features, strength, self.generator)
        if settings.step_swap:
            features = self._swap_steps(features)
        if settings.input_dropout:
            features = hide_features(features, settings.input_dropout, self.generator)
        if settings.input_noise:
            features = self._add_noise(features)
        if settings.label_smoothing or self.mixes:
            target = self.task.soft_target(target, settings.label_smoothing)
        if not self.mixes:
            return features, target
        alpha, mix = self.mixes[int(self.random.integers(len(self.mixes)))]  # of both, one for each batch
        partner = torch.from_numpy(self.random.permutation(len(features))).to(features.device)
        features, share = mix(features, partner, float(self.random.beta(alpha, alpha)), self.random)
        return features, mix_targets(target, partner, share)

    def _swap_steps(self, features: Tensor) -> Tensor:
        """Neighbouring steps (B, T, F) in each other's place, where both are there; a step moves by one at most."""
        batch, steps, _ = features.shape
        first = torch.arange(int(self.random.integers(2)), steps - 1, 2, device=features.device)  # of every pair, (P,)
        present = features[:, :, -1] > 0
        drawn = torch.rand((batch, len(first)), generator=self.generator, device=features.device)
        swapped = (drawn < self.settings.step_swap) & present[:, first] & present[:, first + 1]  # (B, P)
        source = torch.arange(steps, device=features.device).repeat(batch, 1)  # (B, T)
        source[:, first] += swapped.long()
        source[:, first + 1] -= swapped.long()
        return features.gather(1, source[:, :, None].expand_as(features))

    def _add_noise(self, features: Tensor) -> Tensor:
        noise = torch.randn(features.shape, generator=self.generator, device=features.device)
        if features.ndim == 3:  # the last feature of a step says whether it is there; those that are not stay empty
            noise = noise * features[:, :, -1:]
            noise[:, :, -1] = 0
        return features + self.settings.input_noise * noise


def hide_features(features: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Numbers of vectors, steps of sequences and pixels of images set to 0, so many: the mean, or no word; (B, ...)."""
    channels = {3: 2, 4: 1}.get(features.ndim)  # the axis that is hidden as a whole
    shape = [1 if axis == channels else size for axis, size in enumerate(features.shape)]
    hidden = features * (torch.rand(shape, generator=generator, device=features.device) >= share)
    return torch.cat([hidden[:, :, :-1], features[:, :, -1:]], 2) if features.ndim == 3 else hidden


def mix_targets(target: AnyTarget, partner: Tensor, share: float) -> AnyTarget:
    """The mean of targets and of their partners', weighed by `share`, (B, ...); weights likewise.

    Where examples have weights, classes are shared out in proportion to them: the loss is the mean of both losses.
    """
    if not isinstance(target, WeightedTarget):
        return target._replace(values=share * target.values + (1 - share) * target.values[partner])
    own, others = share * target.weights, (1 - share) * target.weights[partner]
    weights = own + others
    column = (len(weights), *(1,) * (target.values.ndim - 1))
    values = own.reshape(column) * target.values + others.reshape(column) * target.values[partner]
    return WeightedTarget(values / weights.reshape(column), weights)


def _mixed(features: Tensor, partner: Tensor, share: float, random: np.random.Generator) -> tuple[Tensor, float]:
    """The weighted mean of each example and its partner; a step is there if it is in either."""
    mixed = share * features + (1 - share) * features[partner]
    if features.ndim == 3:
        present = torch.maximum(features[:, :, -1:], features[partner, :, -1:])
        mixed = torch.cat([mixed[:, :, :-1], present], 2)
    return mixed, share


def _cut(features: Tensor, partner: Tensor, share: float, random: np.random.Generator) -> tuple[Tensor, float]:
    """A rectangle of each image, as large as 1 - share of it, from its partner; the share that is left."""
    height, width = features.shape[2:]
    side = (1 - share) ** 0.5
    bounds = []
    for length in (height, width):
        centre, half = random.integers(length), round(side * length) / 2
        bounds.append(slice(max(0, round(centre - half)), min(length, round(centre + half))))
    cut = features.clone()
    cut[:, :, bounds[0], bounds[1]] = features[partner][:, :, bounds[0], bounds[1]]
    area = (bounds[0].stop - bounds[0].start) * (bounds[1].stop - bounds[1].start)
    return cut, 1 - area / (height * width)


def l1_norm(model: nn.Module) -> Tensor:
    """The sum of absolute values of all matrices of weights; biases and normalisations are left alone.

    Source: Tibshirani, "Regression Shrinkage and Selection via the Lasso", 1996.
    https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    """
    return torch.stack([weight.abs().sum() for weight in model.parameters() if weight.ndim > 1]).sum()


class WeightAverage:
    """Exponential moving average of a model's weights over its steps; what is scored and kept in their place.

    Running means of normalisations are averaged too. The first steps count less than the decay says, so that the
    starting weights are soon left behind.

    Source: Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992; with exponential weights
    as in Tarvainen & Valpola, "Mean teachers are better role models", 2017. https://arxiv.org/abs/1703.01780

    Args:
        decay: the share of the average that is left after a step.
    """

    def __init__(self, model: Model, decay: float) -> None:
        self.model, self.decay, self.steps = model, decay, 0
        self.weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights after a step."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (WARM_UP_STEPS + self.steps))
        for name, tensor in self.model.state_dict().items():
            if tensor.is_floating_point():
                self.weights[name].lerp_(tensor, 1 - decay)
            else:
                self.weights[name].copy_(tensor)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the average's weights meanwhile."""
        own = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        self.model.load_state_dict(self.weights)
        try:
            yield
        finally:
            self.model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weights, self.steps = state["weights"], state["steps"]

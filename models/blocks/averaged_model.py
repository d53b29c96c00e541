"""Averaged model: several trainings of one network as one module, whose answer is the average of theirs."""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from models.stems import Model


class AveragedModel(nn.Module):
    """The average of models that read the same columns: forward(*raw columns) -> (B, ...).

    A stem that all of them keep alike, as those of different seeds do unless they learn it, is kept and run once.

    Args:
        models: two or more.
        average: of their outputs in the target's units, (M, B, ...) -> (B, ...).
    """

    def __init__(self, models: Sequence[Model], average: nn.Module) -> None:
        super().__init__()
        self.input_shape = models[0].input_shape  # of one example, as each network reads it
        stems = [model.stem for model in models]
        self.stems = nn.ModuleList(stems[:1] if all(_are_equal(stems[0], stem) for stem in stems) else stems)
        self.networks = nn.ModuleList(model.network for model in models)
        self.output_transforms = nn.ModuleList(model.output_transform for model in models)
        self.average = average

    def forward(self, *inputs: Tensor) -> Tensor:
        features = [stem(*inputs) for stem in self.stems]
        if len(features) == 1:
            features *= len(self.networks)
        outputs = [
            transform(network(values), *inputs)
            for values, network, transform in zip(features, self.networks, self.output_transforms, strict=True)
        ]
        average: Tensor = self.average(torch.stack(outputs))
        return average


TrainedNetwork: TypeAlias = Model | AveragedModel


def average_models(models: Sequence[Model], average: nn.Module) -> TrainedNetwork:
    """The average of models; of one, that one."""
    return models[0] if len(models) == 1 else AveragedModel(models, average)


def _are_equal(one: nn.Module, other: nn.Module) -> bool:
    state, others = one.state_dict(), other.state_dict()
    return state.keys() == others.keys() and all(torch.equal(state[name], others[name]) for name in state)

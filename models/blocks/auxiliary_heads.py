"""Auxiliary heads: further outputs of a network that only its training loss reads.

A task computes its loss from one output. A network that learns from several gives them all by a method of its own, and
the loss is the sum over them; `forward`, and so validation and what is exported, gives the last one alone. A network
of several submodels gives their outputs likewise: the loss is the mean of theirs, and `forward` gives their mean.

Shapes: B batch, O outputs, K submodels.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn


class HasAuxiliaryHeads(nn.Module, ABC):
    """A network with outputs on the way that are trained to predict the same target."""

    auxiliary_weight: float  # of the loss of each auxiliary head; that of the network's own output weighs 1

    @abstractmethod
    def all_outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """What `forward` gives, then what each auxiliary head gives, (B, O) each."""


class HasSubmodels(nn.Module, ABC):
    """A network of submodels that are trained to predict the same target, each by a loss of its own."""

    @abstractmethod
    def submodel_outputs(self, x: Tensor) -> Tensor:
        """What each submodel gives, (K, B, O); `forward` gives their mean."""


def loss_of_all_heads(network: nn.Module, inputs: tuple[Tensor, ...], loss: Callable[[Tensor], Tensor]) -> Tensor:
    """The training loss of a network: of its output, and of its auxiliary heads' if it has any; or its submodels' mean.

    Args:
        network: called with the inputs.
        inputs: (B, ...) each.
        loss: of one output, (B, O) -> scalar.
    """
    if isinstance(network, HasSubmodels):
        return torch.stack([loss(outputs) for outputs in network.submodel_outputs(*inputs)]).mean()
    if not isinstance(network, HasAuxiliaryHeads):
        return loss(network(*inputs))
    first, *others = network.all_outputs(*inputs)
    total = loss(first)
    for outputs in others:
        total = total + network.auxiliary_weight * loss(outputs)
    return total

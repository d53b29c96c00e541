"""What one answer costs: how much is stored, and how much is computed."""

import copy
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """Of one example, exactly: no clock is involved, so it is the same everywhere."""

    parameters: int  # numbers learned and kept
    flops: int  # floating-point operations; multiplying and adding count as two


@runtime_checkable
class CountsItself(Protocol):
    """A network that is not made of tensors."""

    def cost(self) -> Cost: ...


def network_cost(network: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Count what a network stores, and what it computes for one example.

    Operations are those of matrix products and convolutions, 2 per weight used; biases, activations and normalisation
    are left out, as the field does. A network that is not made of tensors does its own counting. A network with a
    `generator` answers with that alone; what else helped it to learn stays behind. What is solved, not descended, keeps
    all that it has in buffers.

    Args:
        network: a network of this package, without its stem.
        inputs: shape of one example, without the batch.
    """
    if isinstance(network, CountsItself):
        return network.cost()
    served_network: nn.Module = getattr(network, "generator", network)
    stored_tensors: list[torch.Tensor] = [*served_network.parameters()] or [*served_network.buffers()]
    # Without numbers nothing is computed, and an LSTM takes the way of plain matrices that the counter knows
    meta_network = copy.deepcopy(network).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        meta_network(torch.zeros(1, *input_shape, device="meta"))
    return Cost(sum(tensor.numel() for tensor in stored_tensors), counter.get_total_flops())

"""Cost of one prediction: number of parameters and floating-point operations."""

import copy
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """Cost for one example, counted rather than timed, so that it is the same on every machine."""

    parameters: int  # numbers that are stored
    flops: int  # floating-point operations; multiplying and adding count as two


@runtime_checkable
class CountsItself(Protocol):
    """A network that says itself what is served and what it costs, such as a tree or a GAN."""

    def cost(self) -> Cost:
        """Of what is served, for one example."""


def network_cost(network: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Count what a network stores, and what it computes for one example.

    Operations are those of matrix products and convolutions, 2 per weight used; biases, activations and normalisation
    are left out, as is usual. A network with a method `cost` is asked; one without parameters, fitted in closed form,
    stores its buffers.

    Args:
        network: a network of this package, without its stem.
        input_shape: of one example, without the batch.
    """
    if isinstance(network, CountsItself):
        return network.cost()
    stored_tensors: list[torch.Tensor] = [*network.parameters()] or [*network.buffers()]
    # On the meta device nothing is computed, and an LSTM runs as plain matrix products, which the counter knows
    meta_network = copy.deepcopy(network).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        meta_network(torch.zeros(1, *input_shape, device="meta"))
    return Cost(sum(tensor.numel() for tensor in stored_tensors), counter.get_total_flops())

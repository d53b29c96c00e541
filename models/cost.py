"""What one answer costs: how much is stored, and how much is computed."""

from typing import NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode


class Cost(NamedTuple):
    """Of one example, exactly: no clock is involved, so it is the same everywhere."""

    parameters: int  # numbers learned and kept
    flops: int  # floating-point operations; multiplying and adding count as two


def cost(network: nn.Module, inputs: tuple[int, ...]) -> Cost:
    """Count what a network stores, and what it computes for one example.

    Operations are those of matrix products and convolutions, 2 per weight used; biases, activations and normalisation
    are left out, as the field does. A network that is not made of tensors does its own counting.

    Args:
        network: a network of this package, without its stem.
        inputs: shape of one example, without the batch.
    """
    from models.scikit import ScikitClassifier  # here, because it needs Cost itself

    if isinstance(network, ScikitClassifier):
        return network.cost()
    training = network.training
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        network.eval()(torch.zeros(1, *inputs, device=device))
    network.train(training)
    return Cost(sum(parameter.numel() for parameter in network.parameters()), counter.get_total_flops())

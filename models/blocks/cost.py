"""Cost of one prediction: what is stored, in numbers and in bytes, and floating-point operations."""

import copy
from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.blocks.averaged_model import AveragedModel, TrainedNetwork

TRAINING_COUNTERS = "num_batches_tracked"  # what batch normalisation keeps for training alone


class Cost(NamedTuple):
    """Cost for one example, counted rather than timed, so that it is the same on every machine."""

    parameters: int  # numbers that are stored
    flops: int  # floating-point operations; multiplying and adding count as two
    bytes: int  # of what is stored


@runtime_checkable
class CountsItself(Protocol):
    """A network that says itself what is served and what it costs, such as a tree or a GAN."""

    def cost(self) -> Cost:
        """Of what is served, for one example."""


def model_cost(model: TrainedNetwork, words: Iterable[str]) -> Cost:
    """Count all that ships: networks, what stems and output transforms keep, the words of the signature.

    Of an average, every model counts, and a stem that they share counts once. Word embeddings, the weights of TF-IDF,
    means, scales and tables of categories are numbers that are stored; the words, categories and labels themselves are
    bytes alone, in UTF-8.

    Args:
        words: every word of a vocabulary, every category of a column, every label.
    """
    if isinstance(model, AveragedModel):
        networks, around = list(model.networks), [*model.stems, *model.output_transforms]
    else:
        networks, around = [model.network], [model.stem, model.output_transform]
    costs = [network_cost(network, model.input_shape) for network in networks]
    kept = [tensor for module in around for tensor in _stored_tensors(module)]
    return Cost(
        sum(cost.parameters for cost in costs) + _count_numbers(kept),
        sum(cost.flops for cost in costs),
        sum(cost.bytes for cost in costs) + _count_bytes(kept) + sum(len(word.encode()) for word in words),
    )


def network_cost(network: nn.Module, input_shape: tuple[int, ...]) -> Cost:
    """Count what a network stores, and what it computes for one example.

    Operations are those of matrix products and convolutions, 2 per weight used; biases, activations, normalisation and
    what a stem does to a column are left out, as is usual. A network with a method `cost` is asked.

    Args:
        network: a network of this package, without its stem.
        input_shape: of one example, without the batch.
    """
    if isinstance(network, CountsItself):
        return network.cost()
    # On the meta device nothing is computed, and an LSTM runs as plain matrix products, which the counter knows
    meta_network = copy.deepcopy(network).to("meta").eval()
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        meta_network(torch.zeros(1, *input_shape, device="meta"))
    return stored_cost(network, counter.get_total_flops())


def stored_cost(module: nn.Module, flops: int) -> Cost:
    """The cost of a module with so many operations: all that it stores is served.

    Args:
        flops: for one example.
    """
    stored = _stored_tensors(module)
    return Cost(_count_numbers(stored), flops, _count_bytes(stored))


def _stored_tensors(module: nn.Module) -> list[Tensor]:
    """Parameters and buffers, learned or fitted; not what follows from the shapes alone."""
    return [tensor for name, tensor in module.state_dict().items() if not name.endswith(TRAINING_COUNTERS)]


def _count_numbers(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)


def _count_bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

"""Attention weights: how much networks that average what they read with weights of their own gave to each step.

Shapes: B rows, T steps, F features, N heads, Q patches, C channels, H height, W width, P elements of a row.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from models.blocks.attention import MultiHeadAttention
from pipelines.explanation.elements import gather_elements, take_largest
from pipelines.explanation.feature_model import networks_of, read_features, stems_of
from pipelines.explanation.subject import Subject


def read_decoder_attention(network: Any, x: Tensor) -> Tensor:
    """Of `attention_rnn`: the mean over the steps of the decoder, (B, T, F)."""
    weights = network.decode(x)[1].mean(1)
    return spread_over_features(weights, x)


def read_hierarchical_attention(network: Any, x: Tensor) -> Tensor:
    """Of `hierarchical_rnn`: a step's weight in its segment times that of the segment, (B, T, F)."""
    weights = network.read(x)[1]
    steps = (weights.steps * weights.segments.unsqueeze(2)).flatten(1)[:, -x.shape[1] :]
    return spread_over_features(steps, x)


def read_encoder_attention(network: Any, x: Tensor) -> Tensor:
    """Of `transformer`: attention rollout, pooled over steps as the output layer pools, (B, T, F)."""
    return spread_over_features(network.pool(roll_out_attention(network, x), x[:, :, -1:]), x)


def read_patch_attention(network: Any, x: Tensor) -> Tensor:
    """Of `patch_transformer`: attention rollout from the class token to each patch, on its pixels, (B, C, H, W)."""
    weights = roll_out_attention(network, x)[:, 0, 1:]  # (B, Q)
    weights = weights / weights.sum(1, keepdim=True)
    height, width = network.embed.stride
    rows = -(-x.shape[2] // height)
    patches = weights.reshape(len(x), 1, rows, -1)
    pixels: Tensor = patches.repeat_interleave(height, 2).repeat_interleave(width, 3) / (height * width)
    first = int(pixels.shape[2] - x.shape[2]) if network.is_series else 0  # a series is padded in front
    return pixels[:, :, first : first + x.shape[2], : x.shape[3]].expand_as(x)


def spread_over_features(weights: Tensor, x: Tensor) -> Tensor:
    """The weight of a step for each of its features, (B, T) -> (B, T, F)."""
    return weights.unsqueeze(2).expand_as(x)


def roll_out_attention(network: nn.Module, x: Tensor) -> Tensor:
    """How much of each step's last state stems from each step, by attention alone; (B, T, T), rows sum to 1.

    In every layer half of a state is its own and half the mean over heads of what it attends to.

    Abnar & Zuidema, "Quantifying Attention Flow in Transformers", 2020. https://arxiv.org/abs/2005.00928

    Args:
        network: with layers of self-attention.
        x: what it reads.
    """
    read: list[tuple[MultiHeadAttention, tuple[Tensor, Tensor]]] = []
    layers = [module for module in network.modules() if isinstance(module, MultiHeadAttention)]
    hooks = [layer.register_forward_hook(lambda module, given, _: read.append((module, given))) for layer in layers]
    network(x)
    for hook in hooks:
        hook.remove()
    weights = [layer.weights(*given).mean(1) for layer, given in read]  # (B, T, T) each, the lowest layer first
    own = torch.eye(weights[0].shape[1])
    flow: Tensor = own.expand_as(weights[0])
    for layer_weights in weights:
        flow = (layer_weights + own) / 2 @ flow
    return flow


ATTENTION_READERS: dict[str, Callable[[Any, Tensor], Tensor]] = {  # (network, what it reads) -> weights, as large
    "attention_rnn": read_decoder_attention,
    "hierarchical_rnn": read_hierarchical_attention,
    "transformer": read_encoder_attention,
    "patch_transformer": read_patch_attention,
}


def explain_no_attention(subject: Subject) -> str:
    """Why a contender has no attention weights; empty if it has."""
    if subject.architecture in ATTENTION_READERS:
        return ""
    return f"{subject.architecture} has no attention; {', '.join(ATTENTION_READERS)} have"


@torch.no_grad()
def attention_weights(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """Attention weights, (B, P...), 0 or above; of an average, the mean over its networks.

    They say where a network read from, not what it made of it (Jain & Wallace, "Attention is not Explanation", 2019,
    https://arxiv.org/abs/1902.10186).

    Args:
        inputs: of the rows, (B, ...) each.
    """
    read = ATTENTION_READERS[subject.architecture]
    stems, features, networks = (
        stems_of(subject.model),
        read_features(subject.model, inputs),
        networks_of(subject.model),
    )
    if len(stems) == 1:
        stems, features = stems * len(networks), features * len(networks)
    found = [
        gather_elements(stem, read(network, values), inputs, take_largest)
        for stem, network, values in zip(stems, networks, features, strict=True)
    ]
    return torch.stack(found).mean(0)

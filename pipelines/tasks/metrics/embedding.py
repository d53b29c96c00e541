"""Embedding: a fixed network that turns images into features, so that sets of images can be compared.

It is neither trained nor downloaded: its weights are drawn once, from a stated seed. Features of networks with
random weights separate sets of small or unnatural images as well as, or better than, those of a network trained on
photographs: Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020, section 4.3.

Shapes: N images, H height, W width, C channels, D features.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

EMBEDDING_NAME = "random convolutions, 32 features, seed 0"
LAYER_CHANNELS = 16  # maps of each layer; the features are their means and their deviations
MAX_BATCH_IMAGES = 512  # images at a time, at most
MAX_BATCH_VALUES = 2**19  # in these, about: the network makes sixteen of each


@lru_cache(maxsize=4)
def _build_network(channels: int) -> nn.Sequential:
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    for fan_in in (channels, LAYER_CHANNELS, LAYER_CHANNELS):
        convolution = nn.Conv2d(fan_in, LAYER_CHANNELS, 3, padding=1, padding_mode="replicate", bias=False)
        with torch.no_grad():
            drawn = torch.randn(convolution.weight.shape, generator=generator)
            convolution.weight.copy_(drawn * (2 / (9 * fan_in)) ** 0.5)  # He et al. 2015: the scale stays the same
        layers += [convolution, nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def embed_images(images: NDArray[Any]) -> NDArray[np.float64]:
    """Images of 0 to 255, (N, H, W) or (N, H, W, C), as features (N, D): mean and deviation of 16 maps each."""
    import torch  # here, as only generation embeds images, and the table of tasks is imported by all

    network = _build_network(1 if images.ndim == 3 else images.shape[3])
    features = []
    step = max(1, min(MAX_BATCH_IMAGES, MAX_BATCH_VALUES // images[0].size))
    for start in range(0, len(images), step):
        x = torch.from_numpy(np.asarray(images[start : start + step], dtype=np.float32)) / 127.5 - 1
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)  # (n, C, H, W)
        maps = network(x).flatten(2)  # (n, 16, H * W)
        features.append(torch.cat([maps.mean(2), maps.std(2, correction=0)], 1).double().numpy())
    return np.concatenate(features)

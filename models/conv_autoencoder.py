"""Convolutional autoencoder: convolutions down to a short code, and convolutions back up to the image.

The encoder halves the image from stage to stage and ends in a vector, the code; the decoder rebuilds the image from the
code alone, the coarsest stage first.

Masci, Meier, Ciresan & Schmidhuber, "Stacked Convolutional Auto-Encoders for Hierarchical Feature Extraction", 2011.
https://doi.org/10.1007/978-3-642-21735-7_7
NOTE[DIFF] trained at once, not layer by layer; strided convolutions in place of max pooling in the encoder.
NOTE[DIFF] a linear layer to the code and one from it, so that its size can be chosen; the paper's code is made of maps.
NOTE[DIFF] the decoder upsamples by nearest neighbour, then convolves: transposed convolutions leave chequerboard
    artifacts (Odena et al. 2016, https://doi.org/10.23915/distill.00003).
NOTE[DIFF] batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) or group normalisation (Wu & He
    2018, https://arxiv.org/abs/1803.08494) behind every convolution.

When to choose it: images that are to be compressed, cleaned of noise, or searched for what is unlike the rest, with a
code that holds no place for chance.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them; normalisations begin with scales of
1 and shifts of 0.

Shapes: B batch, C channels, H height, W width, O outputs per pixel, M maps, S S' the coarsest sides.
"""

from itertools import pairwise
from typing import final

import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import conv_block

MIN_IMAGE_SIDE = 8  # pixels on the shorter side


class Config(Hyperparameters):
    code: int = tunable(16, 2, 128, log=True, ge=1)  # numbers in the bottleneck; no more than pixels and channels
    width: int = tunable(16, 8, 32, log=True, ge=1)  # maps of the finest stage; the next have twice as many each
    depth: int = tunable(2, 1, 3, ge=1)  # how often the image is halved
    activation: str = choice("relu", "relu", "gelu", "silu", unsearched=ACTIVATIONS)  # activation function
    normalisation: str = choice("batch", "batch", "group")  # normalisation behind every convolution


@final
class ConvAutoencoder(nn.Module):
    """(B, C, H, W) -> (B, O, H, W).

    Attributes:
        code_size: numbers in the bottleneck.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < MIN_IMAGE_SIDE:
            raise ValueError(
                f"conv_autoencoder reads images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, got "
                f"{height}x{width}"
            )
        self.code_size = min(config.code, channels * height * width)
        style = config.activation, config.normalisation
        maps = [config.width * 2**stage for stage in range(config.depth)]
        self.map_sizes = [(height, width)]  # of the image after every halving, the finest first
        for _ in maps:
            self.map_sizes.append(((self.map_sizes[-1][0] + 1) // 2, (self.map_sizes[-1][1] + 1) // 2))
        self.coarsest_shape = (maps[-1], *self.map_sizes[-1])  # (M, S, S')
        flat_size = maps[-1] * self.map_sizes[-1][0] * self.map_sizes[-1][1]

        self.encoder = nn.Sequential(
            *(conv_block(*pair, *style, stride=2) for pair in pairwise([channels, *maps])),
            nn.Flatten(),
            nn.Linear(flat_size, self.code_size),
        )
        self.unfold = nn.Sequential(nn.Linear(self.code_size, flat_size), ACTIVATIONS[config.activation]())
        self.decoder = nn.ModuleList(conv_block(*pair, *style) for pair in pairwise([*maps[::-1], config.width]))
        self.head = nn.Conv2d(config.width, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.unfold(self.encoder(x)).unflatten(1, self.coarsest_shape)
        for block, size in zip(self.decoder, self.map_sizes[-2::-1], strict=True):
            x = block(F.interpolate(x, size=size, mode="nearest"))
        reconstruction: Tensor = self.head(x)
        return reconstruction

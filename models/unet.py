"""U-Net: a convolutional encoder and decoder with skip connections at every resolution.

Every level of the encoder halves the image and doubles the maps, so that it sees what is around a pixel; every level
of the decoder doubles the image again and reads, beside the level below, the encoder's maps of its own resolution. So
every pixel is judged by its surroundings and keeps its place.

Ronneberger, Fischer & Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015.
https://arxiv.org/abs/1505.04597
NOTE[DIFF] convolutions pad, so that the output is as large as the input; the paper loses a margin of 92 pixels.
NOTE[DIFF] an image whose sides are no multiple of 2^depth is padded by repeating its border, and the output is cropped.
NOTE[DIFF] batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) or group normalisation (Wu & He
    2018, https://arxiv.org/abs/1803.08494) behind every convolution.
NOTE[DIFF] width and depth can be chosen; the paper's are 64 and 4. Dropout at the lowest level, as in the paper's text.

When to choose it: a class for every pixel, whenever shapes and places count; some dozen images suffice, if they are
augmented. It is the network to beat for medical and microscope images.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them; normalisations begin with scales of
1 and shifts of 0.

Shapes: B batch, C channels, H height, W width, O outputs per pixel, M maps.
"""

from itertools import pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import conv_block

MIN_IMAGE_SIDE = 8  # pixels on the shorter side


class Config(Hyperparameters):
    width: int = tunable(12, 6, 32, log=True, ge=1)  # maps of the highest level
    depth: int = tunable(2, 1, 4, ge=1)  # levels below the highest
    dropout: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a map of the lowest level
    activation: str = choice("relu", "relu", "gelu", "silu", unsearched=ACTIVATIONS)  # activation function
    normalisation: str = choice("batch", "batch", "group")  # normalisation behind every convolution


@final
class UNet(nn.Module):
    """(B, C, H, W) -> (B, O, H, W)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < MIN_IMAGE_SIDE:
            raise ValueError(
                f"unet reads images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, got {height}x{width}"
            )
        self.image_size = (height, width)
        self.padding = tuple(-side % 2**config.depth for side in self.image_size)  # below and to the right
        maps = [config.width * 2**level for level in range(config.depth + 1)]

        def double_convolution(fan_in: int, fan_out: int) -> nn.Sequential:
            style = config.activation, config.normalisation
            return nn.Sequential(*(conv_block(first, fan_out, *style) for first in (fan_in, fan_out)))

        self.down = nn.ModuleList(double_convolution(*pair) for pair in pairwise([channels, *maps]))
        self.dropout = nn.Dropout2d(config.dropout)
        decoder_maps = maps[-2::-1]  # of the levels on the way up
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2 * level, level, 2, stride=2) for level in decoder_maps)
        self.up = nn.ModuleList(double_convolution(2 * level, level) for level in decoder_maps)
        self.head = nn.Conv2d(config.width, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        below, right = self.padding
        if below or right:
            x = F.pad(x, (0, right, 0, below), mode="replicate")
        skips: list[Tensor] = []
        for level, block in enumerate(self.down):
            x = block(F.max_pool2d(x, 2) if level else x)  # (B, M 2^level, H / 2^level, W / 2^level)
            skips.append(x)
        x = self.dropout(skips.pop())
        for enlarge, block in zip(self.enlarge, self.up, strict=True):
            x = block(torch.cat([skips.pop(), enlarge(x)], 1))
        height, width = self.image_size
        scores: Tensor = self.head(x)[:, :, :height, :width]
        return scores

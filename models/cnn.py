"""Convolutional network: stages of 3x3 convolutions, global average pooling, and a linear output layer.

Every stage has two convolutions; the second has a stride of 2, so that the next stage sees twice as far, with twice as
many maps. Averaging the last maps over the whole image makes the output depend little on where a thing stands.

Springenberg, Dosovitskiy, Brox & Riedmiller, "Striving for Simplicity: The All Convolutional Net", 2015.
https://arxiv.org/abs/1412.6806
NOTE[DIFF] batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) or group normalisation (Wu & He
    2018, https://arxiv.org/abs/1803.08494) behind every convolution, which the paper does without.
NOTE[DIFF] width and depth can be chosen, and the maps double from stage to stage; the paper has 96, then 192.
NOTE[DIFF] a stage whose maps would shrink to less than 4 pixels keeps their size: an 8x8 digit is halved once.
NOTE[DIFF] a linear layer reads the means of the last maps; the paper has as many maps as classes and takes their means.
NOTE[DIFF] dropout before the output layer alone; the paper also drops pixels of the image and of maps.

When to choose it: images of things that may stand anywhere, and a budget too small for `resnet`: it is the plain start
among convolutional networks.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them; normalisations begin with scales of
1 and shifts of 0.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import conv_block

MIN_IMAGE_SIDE = 8  # pixels on the shorter side
MIN_MAP_SIDE = 4  # pixels on the shorter side that a stage must leave to be allowed to halve


class Config(Hyperparameters):
    width: int = tunable(16, 8, 32, log=True, ge=1)  # maps of the first stage
    depth: int = tunable(3, 1, 4, ge=1)  # stages
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a mean
    activation: str = choice("relu", "relu", "gelu", "silu", unsearched=ACTIVATIONS)  # activation function
    normalisation: str = choice("batch", "batch", "group")  # normalisation behind every convolution


@final
class CNN(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        side = min(height, width)
        if side < MIN_IMAGE_SIDE:
            raise ValueError(
                f"cnn reads images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, got {height}x{width}"
            )
        stages: list[nn.Module] = []
        for stage in range(config.depth):
            maps = config.width * 2**stage
            stride = 2 if (side + 1) // 2 >= MIN_MAP_SIDE else 1
            side = (side + stride - 1) // stride
            for fan_in, step in [(channels, 1), (maps, stride)]:
                stages.append(conv_block(fan_in, maps, config.activation, config.normalisation, step))
            channels = maps
        self.features = nn.Sequential(*stages)
        self.head = nn.Sequential(nn.Dropout(config.dropout), nn.Linear(channels, outputs))

    def forward(self, x: Tensor) -> Tensor:
        means = self.features(x).mean(dim=(2, 3))  # (B, M)
        scores: Tensor = self.head(means)
        return scores

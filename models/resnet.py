"""ResNet: residual blocks, whose input is added to their output, 18 to 152 layers deep.

A deep stack of layers learns worse than a shallow one even on its own training data. Here every block only learns what
to add to its input, which an identity shortcut carries past it; the gradient comes back the same way, so that depth
does no harm. A basic block has two 3x3 convolutions; a bottleneck block, from 50 layers up, a 1x1 that narrows, a 3x3
and a 1x1 that widens fourfold.

He, Zhang, Ren & Sun, "Deep Residual Learning for Image Recognition", 2016. https://arxiv.org/abs/1512.03385

With width 1, an image of 3x224x224 and 1000 classes these are the paper's networks (table 1): ResNet-18 has 11,689,512
weights, ResNet-50 25,557,032.
NOTE[DIFF] smaller images: strides and the pool are left out by the rule of models/blocks/scaling.py, the earliest
    first; a first convolution without a stride is 3x3 instead of 7x7, as in the paper's networks for CIFAR-10.
NOTE[DIFF] a bottleneck that halves the maps does it in its 3x3 convolution; in the paper in the 1x1 before, which
    passes over three quarters of them.
NOTE[DIFF] a depth of 10, one basic block per stage, for small problems; width is a factor on all maps, and the default
    of a quarter begins with 16 maps, as the paper's networks for CIFAR-10 do.
NOTE[DIFF] group normalisation (Wu & He 2018, https://arxiv.org/abs/1803.08494) and dropout before the output layer can
    be chosen.

When to choose it: photographs and other images of 32x32 pixels and more, with some thousands of them: what to try first
where `cnn` is too small. More layers pay with more images only.

Initial weights: He's (2015), as in the paper; the output layer's have a deviation of 0.01.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from collections.abc import Callable
from typing import NamedTuple, final

from pydantic import field_validator
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.initialisation import init_he_normal
from models.blocks.layers import MAP_NORMALISATIONS
from models.blocks.scaling import check_option, kept_strides, scaled_maps

MAPS = (64, 128, 256, 512)  # of the four stages, inside a block
Normalisation = Callable[[int], nn.Module]


class Config(Hyperparameters):
    depth: int = choice(18, 10, 18, 34, 50)  # layers with weights: 10, 18, 34, 50, 101 or 152
    width: float = tunable(0.25, 0.0625, 1.0, log=True, gt=0)  # multiple of the paper's maps
    dropout: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a mean before the output layer
    normalisation: str = choice("batch", "batch", "group")  # normalisation behind every convolution

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        return check_option(depth, DEPTHS)


@final
class ResidualBlock(nn.Module):
    """ReLU of layers(x) + shortcut(x); (B, M, H, W) -> (B, M', H / stride, W / stride)."""

    def __init__(self, layers: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.layers = layers
        self.shortcut = shortcut
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        combined: Tensor = self.activation(self.layers(x) + self.shortcut(x))
        return combined


def _convolution(
    fan_in: int, fan_out: int, kernel: int, stride: int, normalisation: Normalisation
) -> tuple[nn.Module, ...]:
    """Convolution that pads, and its normalisation."""
    return nn.Conv2d(fan_in, fan_out, kernel, stride, kernel // 2, bias=False), normalisation(fan_out)


def _basic_layers(fan_in: int, maps: int, stride: int, normalisation: Normalisation) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(fan_in, maps, 3, stride, normalisation),
        nn.ReLU(),
        *_convolution(maps, maps, 3, 1, normalisation),
    )


def _bottleneck_layers(fan_in: int, maps: int, stride: int, normalisation: Normalisation) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(fan_in, maps, 1, 1, normalisation),
        nn.ReLU(),
        *_convolution(maps, maps, 3, stride, normalisation),
        nn.ReLU(),
        *_convolution(maps, 4 * maps, 1, 1, normalisation),
    )


class Depth(NamedTuple):
    """What makes a network of one depth."""

    layers: Callable[[int, int, int, Normalisation], nn.Sequential]  # (maps read, maps inside, stride, normalisation)
    expansion: int  # maps that a block writes / maps inside
    blocks: tuple[int, int, int, int]  # of each stage


DEPTHS = {  # table 1
    10: Depth(_basic_layers, 1, (1, 1, 1, 1)),
    18: Depth(_basic_layers, 1, (2, 2, 2, 2)),
    34: Depth(_basic_layers, 1, (3, 4, 6, 3)),
    50: Depth(_bottleneck_layers, 4, (3, 4, 6, 3)),
    101: Depth(_bottleneck_layers, 4, (3, 4, 23, 3)),
    152: Depth(_bottleneck_layers, 4, (3, 8, 36, 3)),
}


@final
class ResNet(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        # Of the first convolution, the pool, and the first block of the second to fourth stage
        first_stride, pool_stride, *stage_strides = kept_strides("resnet", height, width, (2,) * 5)
        layers, expansion, block_counts = DEPTHS[config.depth]
        normalisation = MAP_NORMALISATIONS[config.normalisation]

        fan_in = scaled_maps(MAPS[0], config.width)
        self.stem = nn.Sequential(
            *_convolution(channels, fan_in, 7 if first_stride > 1 else 3, first_stride, normalisation),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1) if pool_stride > 1 else nn.Identity(),
        )
        blocks: list[nn.Module] = []
        for stage_maps, count, stage_stride in zip(MAPS, block_counts, (1, *stage_strides), strict=True):
            maps = scaled_maps(stage_maps, config.width)
            for block in range(count):
                stride = 1 if block else stage_stride
                same = stride == 1 and fan_in == expansion * maps
                shortcut = (
                    nn.Identity()
                    if same
                    else nn.Sequential(*_convolution(fan_in, expansion * maps, 1, stride, normalisation))
                )
                blocks.append(ResidualBlock(layers(fan_in, maps, stride, normalisation), shortcut))
                fan_in = expansion * maps
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(fan_in, outputs)
        init_he_normal(self, self.head)

    def forward(self, x: Tensor) -> Tensor:
        means = self.blocks(self.stem(x)).mean((2, 3))  # (B, M)
        scores: Tensor = self.head(self.dropout(means))
        return scores

"""GoogLeNet (Inception v1): modules of parallel filters of several sizes, with auxiliary heads in training.

A module looks at its input with 1x1, 3x3 and 5x5 filters and a pool side by side and puts all maps together; 1x1
convolutions before the larger filters narrow what they read, so that the whole has a twelfth of AlexNet's weights. Two
auxiliary heads predict the target from the middle of the network: their losses bring gradient there while it learns,
and they are not served.

Szegedy et al., "Going Deeper with Convolutions", 2015. https://arxiv.org/abs/1409.4842

With width 1, normalisation none, an image of 3x224x224 and 1000 classes it is the paper's network (table 1): 6,998,552
weights, and 6,379,728 more in the auxiliary heads.
NOTE[DIFF] smaller images: strides and pools are left out by the rule of models/blocks/scaling.py, the earliest first;
    a first convolution without a stride is 3x3 instead of 7x7.
NOTE[DIFF] batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167, the same authors' next step)
    behind every convolution unless it is turned off, in place of its bias and of the two local response normalisations.
NOTE[DIFF] an auxiliary head averages its maps to 4x4 whatever their size; the paper's 5x5 windows every 3 pixels give
    4x4 at its size. Its dropout is 0.7, as in the paper.
NOTE[DIFF] width is a factor on all maps and units; the default is a quarter, for images of few pixels.

When to choose it: images where parameters and operations must be few and things come in several sizes.

Initial weights: He's (2015), the output layers' with a deviation of 0.01, biases 0; the paper says nothing of its own.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from models.blocks.auxiliary_heads import HasAuxiliaryHeads
from models.blocks.cost import Cost, network_cost
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.initialisation import init_he_normal
from models.blocks.layers import LocalResponseNorm
from models.blocks.scaling import kept_strides, scaled_maps

AUXILIARY_DROPOUT = 0.7  # probability of zeroing a unit of an auxiliary head
AUXILIARY_SIDE = 4  # pixels to which an auxiliary head averages its maps


class Config(Hyperparameters):
    width: float = tunable(0.25, 0.125, 1.0, log=True, gt=0)  # multiple of the paper's maps and units
    dropout: float = tunable(0.4, 0.0, 0.7, ge=0, lt=1)  # probability of zeroing a mean before the output layer
    normalisation: str = choice("batch", "none", "batch")  # normalisation behind every convolution
    auxiliary_weight: float = tunable(0.3, 0.1, 1.0, log=True, gt=0)  # of each auxiliary head's loss in training


class Maps(NamedTuple):
    """How many maps the branches of a module have; a row of table 1."""

    ones: int  # 1x1
    threes_reduced: int  # 1x1 before the 3x3
    threes: int
    fives_reduced: int  # 1x1 before the 5x5
    fives: int
    pooled: int  # 1x1 behind the pool


MODULES = {
    "3a": Maps(64, 96, 128, 16, 32, 32),
    "3b": Maps(128, 128, 192, 32, 96, 64),
    "4a": Maps(192, 96, 208, 16, 48, 64),
    "4b": Maps(160, 112, 224, 24, 64, 64),
    "4c": Maps(128, 128, 256, 24, 64, 64),
    "4d": Maps(112, 144, 288, 32, 64, 64),
    "4e": Maps(256, 160, 320, 32, 128, 128),
    "5a": Maps(256, 160, 320, 32, 128, 128),
    "5b": Maps(384, 192, 384, 48, 128, 128),
}


@final
class Inception(nn.Module):
    """Four branches side by side, their maps put together; (B, M, H, W) -> (B, M', H, W)."""

    def __init__(self, fan_in: int, maps: Maps, normalisation: str) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*_convolution(fan_in, maps.ones, 1, normalisation)),
                nn.Sequential(
                    *_convolution(fan_in, maps.threes_reduced, 1, normalisation),
                    *_convolution(maps.threes_reduced, maps.threes, 3, normalisation),
                ),
                nn.Sequential(
                    *_convolution(fan_in, maps.fives_reduced, 1, normalisation),
                    *_convolution(maps.fives_reduced, maps.fives, 5, normalisation),
                ),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), *_convolution(fan_in, maps.pooled, 1, normalisation)),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


@final
class GoogLeNet(HasAuxiliaryHeads):
    """(B, C, H, W) -> (B, O).

    Attributes:
        trunk: all that is served: up to module 4a, 4b to 4d, and the rest with the output layer.
        auxiliary_heads: behind the first and the second part of the trunk, (B, M, H, W) -> (B, O) each.
        auxiliary_weight: of each one's loss.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = self.input_shape = input_shape
        strides = kept_strides("googlenet", height, width, (2,) * 5)
        self.auxiliary_weight = config.auxiliary_weight
        factor, normalisation = config.width, config.normalisation
        m1, m2 = (scaled_maps(count, factor) for count in (64, 192))

        def modules(names: str, fan_in: int) -> tuple[list[nn.Module], int]:
            layers: list[nn.Module] = []
            for name in names.split():
                maps = Maps(*(scaled_maps(count, factor) for count in MODULES[name]))
                layers.append(Inception(fan_in, maps, normalisation))
                fan_in = maps.ones + maps.threes + maps.fives + maps.pooled
            return layers, fan_in

        stage_3, fan_in = modules("3a 3b", m2)
        module_4a, first_tap = modules("4a", fan_in)
        modules_4b_to_4d, second_tap = modules("4b 4c 4d", first_tap)
        module_4e, fan_in = modules("4e", second_tap)
        stage_5, fan_in = modules("5a 5b", fan_in)
        response_norm = [LocalResponseNorm()] * (normalisation == "none")
        head = nn.Linear(fan_in, outputs)
        self.trunk = nn.ModuleList(
            [
                nn.Sequential(
                    *_convolution(channels, m1, 7 if strides[0] > 1 else 3, normalisation, strides[0]),
                    _pool(strides[1]), *response_norm,
                    *_convolution(m1, m1, 1, normalisation), *_convolution(m1, m2, 3, normalisation),
                    *response_norm, _pool(strides[2]), *stage_3, _pool(strides[3]), *module_4a,
                ),
                nn.Sequential(*modules_4b_to_4d),
                nn.Sequential(
                    *module_4e, _pool(strides[4]), *stage_5,
                    nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(config.dropout), head,
                ),
            ]
        )  # fmt: skip
        auxiliary_outputs = [nn.Linear(scaled_maps(1024, factor), outputs) for _ in range(2)]
        self.auxiliary_heads = nn.ModuleList(
            _auxiliary_head(maps, factor, normalisation, output)
            for maps, output in zip((first_tap, second_tap), auxiliary_outputs, strict=True)
        )
        init_he_normal(self, head, *auxiliary_outputs)

    def forward(self, x: Tensor) -> Tensor:
        for part in self.trunk:
            x = part(x)
        return x

    def all_outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """The network's own output, then those of its auxiliary heads, (B, O) each; what the training loss reads."""
        first, second, last = self.trunk
        one, other = self.auxiliary_heads
        tapped = first(x)
        deeper = second(tapped)
        return last(deeper), one(tapped), other(deeper)

    def cost(self) -> Cost:
        """Without the auxiliary heads, which are not served."""
        return network_cost(nn.Sequential(*self.trunk), self.input_shape)


def _convolution(fan_in: int, maps: int, kernel: int, normalisation: str, stride: int = 1) -> list[nn.Module]:
    """Convolution that pads, normalisation if there is one, ReLU."""
    if normalisation == "none":
        return [nn.Conv2d(fan_in, maps, kernel, stride, kernel // 2), nn.ReLU()]
    return [nn.Conv2d(fan_in, maps, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(maps), nn.ReLU()]


def _pool(stride: int) -> nn.Module:
    """Max pooling of 3x3 pixels every 2, sides rounded up; nothing where the halving is left out."""
    return nn.MaxPool2d(3, 2, ceil_mode=True) if stride > 1 else nn.Identity()


def _auxiliary_head(fan_in: int, factor: float, normalisation: str, output: nn.Linear) -> nn.Sequential:
    maps, units = scaled_maps(128, factor), output.in_features
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(AUXILIARY_SIDE),
        *_convolution(fan_in, maps, 1, normalisation),
        nn.Flatten(),
        nn.Linear(maps * AUXILIARY_SIDE**2, units),
        nn.ReLU(),
        nn.Dropout(AUXILIARY_DROPOUT),
        output,
    )

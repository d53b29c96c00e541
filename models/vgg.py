"""VGG: a plain stack of 3x3 convolutions, 11 to 19 layers deep.

Two 3x3 filters, one behind the other, see as far as one of 5x5 and have fewer weights, with a non-linearity more. So
every filter is small, pools of 2x2 halve the maps while their number doubles, and depth is all that varies.

Simonyan & Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2015.
https://arxiv.org/abs/1409.1556

With width 1, normalisation none, an image of 3x224x224 and 1000 classes these are the paper's networks A, B, D and E:
VGG-16 has 138,357,544 weights.
NOTE[DIFF] smaller images: pools are left out by the rule of models/blocks/scaling.py, the earliest first.
NOTE[DIFF] batch normalisation (Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167) behind every convolution unless
    it is turned off, in place of its bias; without it the deeper ones took the paper a start from a shallower one.
NOTE[DIFF] width is a factor on all maps and units; the default is a quarter, for images of few pixels.

When to choose it: for its plainness, as the trunk of something else, and as the network that shows what shortcuts are
for. It has many parameters; from 16 layers up it trains slowly.

Initial weights: He's (2015), the output layer's with a deviation of 0.01, biases 0.
NOTE[DIFF] the paper draws the weights of all layers with one deviation.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import final

from pydantic import field_validator
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.initialisation import init_he_normal
from models.blocks.scaling import check_option, kept_strides, scaled_maps

MAPS = (64, 128, 256, 512, 512)  # of the five stages
CONVOLUTIONS = {  # depth, dense layers included -> convolutions of each stage; table 1
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
DENSE_UNITS = 4096


class Config(Hyperparameters):
    depth: int = choice(11, 11, 13, 16)  # layers with weights: 11, 13, 16 or 19
    width: float = tunable(0.25, 0.0625, 1.0, log=True, gt=0)  # multiple of the paper's maps and units
    dropout: float = tunable(0.5, 0.0, 0.7, ge=0, lt=1)  # probability of zeroing a unit of a hidden dense layer
    normalisation: str = choice("batch", "none", "batch")  # normalisation behind every convolution

    @field_validator("depth")
    @classmethod
    def _check_depth(cls, depth: int) -> int:
        return check_option(depth, CONVOLUTIONS)


@final
class VGG(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        strides = kept_strides("vgg", height, width, (2,) * len(MAPS))
        layers: list[nn.Module] = []
        for count, stage_maps, stride in zip(CONVOLUTIONS[config.depth], MAPS, strides, strict=True):
            maps = scaled_maps(stage_maps, config.width)
            for _ in range(count):
                layers += _convolution(channels, maps, config.normalisation)
                channels = maps
            if stride > 1:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        units = scaled_maps(DENSE_UNITS, config.width)
        self.features = nn.Sequential(*layers, nn.Flatten())
        self.dense = nn.Sequential(
            nn.Linear(channels * height * width, units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(units, units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
        )
        self.head = nn.Linear(units, outputs)
        init_he_normal(self, self.head)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.dense(self.features(x)))
        return scores


def _convolution(channels: int, maps: int, normalisation: str) -> list[nn.Module]:
    """3x3 convolution, normalisation if there is one, ReLU."""
    if normalisation == "none":
        return [nn.Conv2d(channels, maps, 3, padding=1), nn.ReLU()]
    return [nn.Conv2d(channels, maps, 3, padding=1, bias=False), nn.BatchNorm2d(maps), nn.ReLU()]

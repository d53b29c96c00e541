"""LeNet-5: two convolutions with subsampling, then fully connected layers.

C1 detects strokes; S2 averages neighbours, so that a shift of a pixel matters little; C3 and S4 do the same for shapes
made of strokes; C5, F6 and the output layer combine them over the whole image. It read the cheques.

LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998,
section II.B. http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf

With width 1, activation scaled_tanh and a 28x28 image, the maps have the sizes of the paper. What differs:
NOTE[DIFF] any size from 8x8 up, any number of channels. The paper centres a 28x28 digit in a 32x32 field; here C1 pads
    by half a filter instead. Under 24 pixels the filters are 3x3, C3 pads too, and S4 is left out where it would leave
    less than 4x4: C5 is made for maps of about 5x5, and of an 8x8 digit little can be averaged away
    (accuracy on validation digits 0.983 without S4 against 0.975 with it, three splits).
NOTE[DIFF] S2 and S4 take the mean of four pixels where the paper takes the sum; the learned weight makes up for it.
NOTE[DIFF] C3 sees all maps of S2. The paper's table leaves out some, to save work and to make maps differ; random
    starting weights make them differ, and the work no longer matters.
NOTE[DIFF] a linear output and softmax; the paper's output is the distance to drawn bitmaps of the ten digits (RBF
    units), which other problems do not have.
NOTE[DIFF] width, activation and dropout can be chosen; the default is wider than the paper's network.

When to choose it: small images, such as digits and other signs of 8x8 to 32x32 pixels, and a small budget. Photographs
need the deeper ones.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them.
NOTE[DIFF] the paper's are within 2.4 / fan in.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable

MIN_IMAGE_SIDE = 8  # pixels on the shorter side
MIN_SIDE_FOR_5X5_FILTERS = 24  # pixels on the shorter side under which the filters are 3x3
MIN_MAP_SIDE = 4  # pixels on the shorter side that S4 must leave


class Config(Hyperparameters):
    width: int = tunable(2, 1, 4, ge=1)  # multiple of the paper's maps and units
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit of C5, F6
    activation: str = choice(
        "relu", "scaled_tanh", "relu", "gelu", unsearched=ACTIVATIONS
    )  # scaled_tanh is the paper's activation


@final
class Subsampling(nn.Module):
    """Mean of 2x2 pixels, times a weight and plus a bias that each map learns; (B, M, H, W) -> (B, M, H/2, W/2)."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, F.avg_pool2d(x, 2), self.weight)


@final
class LeNet5(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        if min(height, width) < MIN_IMAGE_SIDE:
            raise ValueError(
                f"lenet5 reads images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, got {height}x{width}"
            )
        small = min(height, width) < MIN_SIDE_FOR_5X5_FILTERS
        kernel, padding = (3, 1) if small else (5, 0)  # of C3
        sides = [side // 2 + 2 * padding - kernel + 1 for side in (height, width)]  # of the maps of C3
        subsampled = min(sides) // 2 >= MIN_MAP_SIDE
        if subsampled:
            sides = [side // 2 for side in sides]
        c1_maps, c3_maps = 6 * config.width, 16 * config.width
        activation = ACTIVATIONS[config.activation]

        layers: list[nn.Module] = [
            nn.Conv2d(channels, c1_maps, kernel, padding=kernel // 2),  # C1 (B, M, H, W)
            activation(),
            Subsampling(c1_maps),  # S2 (B, M, H/2, W/2)
            activation(),
            nn.Conv2d(c1_maps, c3_maps, kernel, padding=padding),  # C3
            activation(),
        ]
        if subsampled:
            layers += [Subsampling(c3_maps), activation()]  # S4
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(c3_maps * sides[0] * sides[1], 120 * config.width),  # C5: filters as large as the maps
            activation(),
            nn.Dropout(config.dropout),
            nn.Linear(120 * config.width, 84 * config.width),  # F6
            activation(),
            nn.Dropout(config.dropout),
            nn.Linear(84 * config.width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(x))
        return scores

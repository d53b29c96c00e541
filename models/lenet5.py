"""LeNet-5: the convolutional network that read the cheques.

Small filters slide over the image and look for strokes (C1), neighbours are averaged so that a shift of a pixel
matters little (S2), larger shapes are sought among the strokes (C3, S4), and what is left is weighed as a whole
(C5, F6, output).

LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", Proc. IEEE 86(11), 1998,
section II.B. http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf

With width 1, activation scaled_tanh and a 28x28 image, the maps have the sizes of the paper. What differs:
NOTE[DIFF] any size from 8x8 up, any number of channels. The paper centres a 28x28 digit in a 32x32 field; here C1 pads
    by half a filter instead. Under 24 pixels the filters are 3x3, C3 pads too, and S4 is left out where it would leave
    less than 4x4: C5 is made to weigh maps of about 5x5, and of an 8x8 digit little can be averaged away
    (accuracy on validation digits 0.983 without S4 against 0.975 with it, three splits).
NOTE[DIFF] S2 and S4 take the mean of four pixels where the paper takes the sum; the weight learned makes up for it.
NOTE[DIFF] C3 sees all maps of S2. The paper's table leaves out some, to save work and to make maps differ; random
    starting weights make them differ, and the work no longer matters.
NOTE[DIFF] a linear output and softmax where the paper measures distances to drawn bitmaps of the ten digits (RBF):
    other problems have no such drawings.
NOTE[DIFF] starting weights are PyTorch's, uniform within 1 / sqrt(fan in); the paper's within 2.4 / fan in.
NOTE[DIFF] width, activation and dropout can be chosen; the default is wider than the paper's network.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable

SMALLEST = 8  # pixels on the shorter side
SMALL = 24  # pixels on the shorter side under which the filters are 3x3
LEFT = 4  # pixels on the shorter side that S4 must leave


class Config(Hyperparameters):
    width: int = tunable(2, 1, 4, ge=1)  # times the paper's maps and units
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit of C5, F6
    activation: str = choice("relu", "scaled_tanh", "relu", "gelu")  # the paper's squashing or a later one


class Subsampling(nn.Module):
    """Mean of 2x2 pixels, times a weight and plus a bias that each map learns; (B, M, H, W) -> (B, M, H/2, W/2)."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(maps, 1, 1))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.addcmul(self.bias, F.avg_pool2d(x, 2), self.weight)


class LeNet5(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, inputs: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = inputs
        if min(height, width) < SMALLEST:
            raise ValueError(f"lenet5 reads images of {SMALLEST}x{SMALLEST} pixels or more, got {height}x{width}")
        small = min(height, width) < SMALL
        kernel, padding = (3, 1) if small else (5, 0)  # of C3
        sides = [side // 2 + 2 * padding - kernel + 1 for side in (height, width)]  # of the maps of C3
        subsampled = min(sides) // 2 >= LEFT
        if subsampled:
            sides = [side // 2 for side in sides]
        strokes, shapes = 6 * config.width, 16 * config.width
        squash = ACTIVATIONS[config.activation]

        layers: list[nn.Module] = [
            nn.Conv2d(channels, strokes, kernel, padding=kernel // 2),  # C1 (B, M, H, W)
            squash(),
            Subsampling(strokes),  # S2 (B, M, H/2, W/2)
            squash(),
            nn.Conv2d(strokes, shapes, kernel, padding=padding),  # C3
            squash(),
        ]
        if subsampled:
            layers += [Subsampling(shapes), squash()]  # S4
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(shapes * sides[0] * sides[1], 120 * config.width),  # C5: filters as large as the maps
            squash(),
            nn.Dropout(config.dropout),
            nn.Linear(120 * config.width, 84 * config.width),  # F6
            squash(),
            nn.Dropout(config.dropout),
            nn.Linear(84 * config.width, outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.features(x))
        return scores

"""AlexNet: five convolutions and three dense layers, the network that began the deep learning of images.

Large filters with a long stride look at the image coarsely; smaller filters combine what they found; max pooling with
overlapping windows makes a shift matter little; two wide dense layers with dropout decide. Rectified linear units made
so many layers trainable, and dropout kept sixty million weights from learning the images by heart.

Krizhevsky, Sutskever & Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012.
https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks

With width 1, an image of 3x224x224 and 1000 classes it is the paper's network: 60,965,224 weights. The second, fourth
and fifth convolution see half of the maps before them, since the paper's two graphics cards shared the work.
NOTE[DIFF] smaller images: strides and pools are left out by the rule of models/blocks/scaling.py, the earliest first;
    the first filters are 11x11 at a stride of 4, 5x5 at 2, and 3x3 at 1. The image is padded by 2 pixels: the paper's
    sums need 227x227 where its text says 224x224.
NOTE[DIFF] width is a factor on all maps and units; the default is a quarter, for images of few pixels.

When to choose it: to see how deep learning of images began, or as a wide and shallow network for images of 32x32 pixels
and more. `resnet` is smaller and better.

Initial weights: He's (2015), the output layer's with a deviation of 0.01, biases 0.
NOTE[DIFF] the paper draws all with 0.01 and sets some biases to 1, which takes its width to pass on a signal.

Shapes: B batch, C channels, H height, W width, O outputs, M maps.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.initialisation import init_he_normal
from models.blocks.layers import LocalResponseNorm
from models.blocks.scaling import kept_strides, scaled_maps

STRIDES = (4, 2, 2, 2)  # of the first convolution and of the three pools
FIRST_KERNELS = {4: (11, 2), 2: (5, 2), 1: (3, 1)}  # stride of the first convolution -> side of its filters, padding


class Config(Hyperparameters):
    width: float = tunable(0.25, 0.0625, 1.0, log=True, gt=0)  # multiple of the paper's maps and units
    dropout: float = tunable(0.5, 0.0, 0.7, ge=0, lt=1)  # probability of zeroing an input of a hidden dense layer


@final
class AlexNet(nn.Module):
    """(B, C, H, W) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        channels, height, width = input_shape
        stride, *pool_strides = kept_strides("alexnet", height, width, STRIDES)
        kernel, padding = FIRST_KERNELS[stride]
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in (height, width)]
        for pool_stride in pool_strides:
            if pool_stride > 1:
                sides = [(side - 3) // 2 + 1 for side in sides]
        m1, m2, m3, m4, m5, units = (scaled_maps(count, config.width) for count in (96, 256, 384, 384, 256, 4096))
        self.features = nn.Sequential(
            nn.Conv2d(channels, m1, kernel, stride, padding),
            nn.ReLU(),
            LocalResponseNorm(),
            _overlapping_pool(pool_strides[0]),
            nn.Conv2d(m1, m2, 5, padding=2, groups=2),
            nn.ReLU(),
            LocalResponseNorm(),
            _overlapping_pool(pool_strides[1]),
            nn.Conv2d(m2, m3, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(m3, m4, 3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(m4, m5, 3, padding=1, groups=2),
            nn.ReLU(),
            _overlapping_pool(pool_strides[2]),
            nn.Flatten(),
        )
        self.dense = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(m5 * sides[0] * sides[1], units),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(units, units),
            nn.ReLU(),
        )
        self.head = nn.Linear(units, outputs)
        init_he_normal(self, self.head)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.dense(self.features(x)))
        return scores


def _overlapping_pool(stride: int) -> nn.Module:
    """Max pooling of 3x3 pixels every 2; nothing where the halving is left out."""
    return nn.MaxPool2d(3, 2) if stride > 1 else nn.Identity()

"""DCGAN: a generative adversarial network of convolutions.

The generator projects noise onto a small stack of maps and enlarges it by transposed convolutions, twice as large and
half as many maps at each, up to the image; the discriminator goes the same way back by strided convolutions. Without
pools or hidden dense layers, with batch normalisation, and with leaky units in the discriminator it trained stably, as
GANs of convolutions had not before. The losses are those of models/gan.py.

Radford, Metz & Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2016. https://arxiv.org/abs/1511.06434

With width 1 and an image of 3x64x64 it is the paper's (figure 1): 4x4 pixels of 1024 maps, enlarged four times.
NOTE[DIFF] other sizes: the image is halved, rounded up, while 4 pixels are left, four times at most, and the maps
    before the image are 128 times the width whatever its size: one of 8x8 is enlarged once, from 128 maps.
NOTE[DIFF] images are square, grey or of three colours: their size follows from the number of outputs, all that a
    generator is told.
NOTE[DIFF] noise is normal, in the paper uniform; how much of it is used can be chosen.
NOTE[DIFF] a gradient penalty on the discriminator at real images (R1; Mescheder, Geiger & Nowozin 2018,
    https://arxiv.org/abs/1801.04406), as in models/gan.py; with a penalty of 0 the losses are the paper's.

When to choose it: new square images, grey or in colour, of 8x8 to 64x64 pixels and some thousands of examples; sharper
than `vae`, and as moody as `gan`.

Initial weights: the paper's: a normal of deviation 0.02; biases 0.

Shapes: B batch, Z noise, L of it used, O outputs, C channels, H height, W width, M maps.
"""

import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.cost import Cost, network_cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scaling import MIN_IMAGE_SIDE, MIN_MAP_SIDE, scaled_maps

FINEST_MAPS = 128  # of the generator before the image, of the discriminator behind it
MAX_HALVINGS = 4
LEAK = 0.2  # slope of the discriminator's units below 0
WEIGHT_STD = 0.02


class Config(Hyperparameters):
    latent: int = tunable(32, 2, 64, log=True, ge=1)  # size of the latent space; no more than Z
    width: float = tunable(0.25, 0.0625, 1.0, log=True, gt=0)  # multiple of the paper's maps
    penalty: float = tunable(3.0, 0.1, 10.0, log=True, ge=0)  # weight of the R1 gradient penalty


def square_image_shape(outputs: int) -> tuple[int, int]:
    """Channels and side of the square image that has so many numbers; no number is that of a grey and of a colour one.

    Raises:
        ValueError: if there is no such image of 8x8 pixels or more.

    >>> square_image_shape(64), square_image_shape(3 * 64 * 64)
    ((1, 8), (3, 64))
    """
    for channels in (1, 3):
        side = math.isqrt(outputs // channels)
        if channels * side * side == outputs and side >= MIN_IMAGE_SIDE:
            return channels, side
    raise ValueError(
        f"dcgan draws square images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, grey or of three colours, got "
        f"{outputs} numbers per image: set the source's size to one number"
    )


@final
class DCGAN(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1: the pixels row by row, the channels of a pixel side by side.

    Attributes:
        latent: L.
        image_shape: (C, H, W).
        generator: (B, L) -> (B, C, H, W), or a few pixels more; all that is served.
        discriminator: (B, C, H, W) -> (B, 1), a logit: above 0 for real.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (noise,) = input_shape
        self.latent = min(config.latent, noise)
        self.penalty = config.penalty
        channels, side = square_image_shape(outputs)
        self.image_shape = (channels, side, side)
        halvings = min(MAX_HALVINGS, (side // MIN_MAP_SIDE).bit_length() - 1)
        coarsest = -(-side // 2**halvings)  # pixels
        maps = [scaled_maps(FINEST_MAPS * 2**level, config.width) for level in range(halvings)]
        self.generator = _generator(self.latent, maps[::-1], channels, coarsest)
        self.discriminator = _discriminator(channels, maps, side)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(module.weight, std=WEIGHT_STD)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, z: Tensor) -> Tensor:
        pixels: Tensor = self._draw(z).permute(0, 2, 3, 1).flatten(1)
        return pixels

    def _draw(self, z: Tensor) -> Tensor:
        """Noise (B, Z) -> images (B, C, H, W)."""
        _, height, width = self.image_shape
        drawn: Tensor = self.generator(z[:, : self.latent])[:, :, :height, :width]
        return drawn

    def cost(self) -> Cost:
        """Of the generator alone: the discriminator is not served."""
        return network_cost(self.generator, (self.latent,))

    def discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor:
        """Binary cross-entropy of real against generated, plus the R1 penalty; the generator gets no gradient.

        -log D(x) - log(1 - D(G(z))) + penalty / 2 |gradient of the logit at x|^2

        Args:
            x: real images, from -1 to 1, (B, O).
            z: noise, (B, Z).

        Returns:
            Scalar in nats, averaged over the batch; 2 log 2, and the penalty, if it cannot tell at all.
        """
        channels, height, width = self.image_shape
        with torch.no_grad():
            generated = self._draw(z)
        real = x.detach().unflatten(1, (height, width, channels)).permute(0, 3, 1, 2)  # type: ignore[no-untyped-call]  # PyTorch types no unflatten
        real = real.requires_grad_()
        real_logits = self.discriminator(real)  # (B, 1)
        loss = F.softplus(-real_logits).mean() + F.softplus(self.discriminator(generated)).mean()
        (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)  # (B, C, H, W)
        penalised: Tensor = loss + 0.5 * self.penalty * gradient.square().sum((1, 2, 3)).mean()
        return penalised

    def generator_loss(self, z: Tensor) -> Tensor:
        """Non-saturating generator loss: -log D(G(z)).

        Its gradient reaches the discriminator too: step the generator's optimizer alone.

        Returns:
            Scalar in nats, averaged over the batch; log 2 if the discriminator cannot tell.
        """
        return F.softplus(-self.discriminator(self._draw(z))).mean()


def _generator(latent: int, maps: list[int], channels: int, coarsest: int) -> nn.Sequential:
    """Projection, then transposed convolutions that double the sides; maps from the coarsest to the finest."""
    layers: list[nn.Module] = [
        nn.Linear(latent, maps[0] * coarsest**2, bias=False),
        nn.Unflatten(1, (maps[0], coarsest, coarsest)),
    ]
    for level, fan_in in enumerate(maps):
        last = level == len(maps) - 1
        fan_out = channels if last else maps[level + 1]
        enlarge = nn.ConvTranspose2d(fan_in, fan_out, 5, stride=2, padding=2, output_padding=1, bias=last)
        layers += [nn.BatchNorm2d(fan_in), nn.ReLU(), enlarge]
    return nn.Sequential(*layers, nn.Tanh())


def _discriminator(channels: int, maps: list[int], side: int) -> nn.Sequential:
    """Convolutions that halve the sides, and one logit; maps from the finest to the coarsest."""
    layers: list[nn.Module] = []
    for level, fan_out in enumerate(maps):
        layers.append(nn.Conv2d(channels, fan_out, 5, stride=2, padding=2, bias=level == 0))
        if level:  # the first layer is not normalised, as in the paper
            layers.append(nn.BatchNorm2d(fan_out))
        layers.append(nn.LeakyReLU(LEAK))
        channels, side = fan_out, (side + 1) // 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * side**2, 1))

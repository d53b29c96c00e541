"""Gaussian: the simplest generator, a cloud around the mean example.

It knows the mean of the examples and the directions in which they vary most, and draws by moving along each of them
at random, as far as the examples do. It is what a generator that learns has to beat.

Tipping & Bishop, "Probabilistic Principal Component Analysis", 1999.
https://doi.org/10.1111/1467-9868.00196
NOTE[DIFF] the directions that are left out are left out, where the paper adds noise in all of them alike: noise in
    every pixel looks worse than none.
NOTE[DIFF] what leaves [-1, 1] is cut off there, since no example does.

Shapes: B batch, N examples, Z noise, K directions, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.principal_components import principal_components


class Config(Hyperparameters):
    latent: int = tunable(32, 2, 64, log=True, ge=1)  # directions; no more than Z or O


@final
class Gaussian(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1.

    Attributes:
        mean: example, (O,).
        directions: of one standard deviation each, (K, O).
    """

    mean: Tensor
    directions: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (noise,) = input_shape
        self.outputs = outputs
        self.latent = min(config.latent, noise, outputs)
        self.register_buffer("mean", torch.zeros(outputs))
        self.register_buffer("directions", torch.zeros(self.latent, outputs))

    def forward(self, z: Tensor) -> Tensor:
        return torch.addmm(self.mean, z[:, : self.latent], self.directions).clamp(-1, 1)

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Measure the mean and the directions of the examples, in float64.

        Args:
            x: ignored; noise has nothing to do with any one example.
            y: the examples, from -1 to 1, (N, O).
            seed: ignored; nothing is drawn.

        Raises:
            ValueError: if there are no examples, or y is not of that shape.
        """
        refuse_sample_weight(sample_weight)
        if not len(y) or not y.is_floating_point() or y.shape[1:] != (self.outputs,):
            raise ValueError(f"gaussian draws numbers (N, {self.outputs}), got {y.dtype} {tuple(y.shape)}")
        mean = y.double().mean(0)
        directions, variances = principal_components(y.double() - mean, self.latent)
        self.mean.copy_(mean)
        self.directions.copy_(directions * variances.sqrt()[:, None])

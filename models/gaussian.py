"""Multivariate Gaussian of low rank: the mean and the principal components of the examples.

A sample is the mean plus a random step along each component, with the examples' standard deviation there. It is the
baseline that a trained generator has to beat.

Tipping & Bishop, "Probabilistic Principal Component Analysis", 1999.
https://doi.org/10.1111/1467-9868.00196
NOTE[DIFF] no noise in the directions that are left out, where the paper adds the same in all of them: noise in every
    pixel looks worse than none.
NOTE[DIFF] samples are clipped to [-1, 1], the range of the examples.

When to choose it: new examples, as the baseline: fast and stable, with blurred images.

Initial weights: none: the weights are solved for, and the same from every start.

Shapes: B batch, N examples, Z noise, K directions, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.principal_components import principal_components


class Config(Hyperparameters):
    latent: int = tunable(32, 2, 64, log=True, ge=1)  # components; no more than Z or O


@final
class Gaussian(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1.

    Attributes:
        mean: of the examples, (O,).
        directions: the components, each as long as the standard deviation along it, (K, O).
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
        """Fit mean and components to the examples, in float64.

        Args:
            x: ignored; noise belongs to no example.
            y: the examples, from -1 to 1, (N, O).
            seed: ignored; nothing is random.

        Raises:
            ValueError: if there are no examples, or y is not of that shape.
        """
        refuse_sample_weight(sample_weight)
        if not len(y) or not y.is_floating_point() or y.shape[1:] != (self.outputs,):
            raise ValueError(f"gaussian generates numbers (N, {self.outputs}), got {y.dtype} {tuple(y.shape)}")
        mean = y.double().mean(0)
        directions, variances = principal_components(y.double() - mean, self.latent)
        self.mean.copy_(mean)
        self.directions.copy_(directions * variances.sqrt()[:, None])

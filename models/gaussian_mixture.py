"""Gaussian mixture: several clouds of examples, each with a mean and a covariance of its own.

A sample comes from one cloud, chosen by its weight, as its mean plus a random step within its covariance. Where one
Gaussian blurs all examples into one, clouds may be kinds of them, such as digits. It is fitted by expectation
maximisation to the leading principal components of the examples, in which covariances have few numbers.

Dempster, Laird & Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", J. R. Stat. Soc. B 39(1), 1977.
https://doi.org/10.1111/j.2517-6161.1977.tb01600.x
NOTE[DIFF] no noise in the directions that are left out, as in `gaussian`.
NOTE[DIFF] samples are clipped to [-1, 1], the range of the examples.

When to choose it: new examples that come in a few kinds, with few examples or little time; steadier than `gan`, less
sharp.

Initial weights: clouds around the centres that k-means finds from a start that the seed draws.

Shapes: B batch, N examples, Z noise, K components of the mixture, D directions, O outputs.
"""

from typing import final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.principal_components import principal_components
from models.blocks.scikit import Estimator, fit_estimator, to_float64
from models.blocks.trees import make_room

MIN_VARIANCE = 1e-6  # added to every variance, in the examples' unit: a cloud of one example has some


class Config(Hyperparameters):
    components: int = tunable(10, 2, 40, log=True, ge=1)  # clouds; no more than examples
    latent: int = tunable(16, 2, 48, log=True, ge=1)  # principal components; fewer than Z, no more than O


@final
class GaussianMixture(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1. The first number of the noise chooses the cloud.

    Attributes:
        offset: mean of the examples, (O,).
        directions: principal components of the examples, of length 1, (D, O).
        edges: where the first number of the noise leaves one cloud for the next, (K - 1,).
        means: of the clouds, along the directions, (K, D).
        roots: lower triangular, each times its transpose is a covariance, (K, D, D).
    """

    offset: Tensor
    directions: Tensor
    edges: Tensor
    means: Tensor
    roots: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (noise,) = input_shape
        self.config = config
        self.outputs = outputs
        self.latent = max(1, min(config.latent, noise - 1, outputs))
        self.register_buffer("offset", torch.zeros(outputs))
        self.register_buffer("directions", torch.zeros(self.latent, outputs))
        self.register_buffer("edges", torch.zeros(0))
        self.register_buffer("means", torch.zeros(1, self.latent))
        self.register_buffer("roots", torch.zeros(1, self.latent, self.latent))
        self.register_load_state_dict_pre_hook(make_room)  # type: ignore[no-untyped-call]  # PyTorch types no hooks

    def forward(self, z: Tensor) -> Tensor:
        cloud = (z[:, :1] > self.edges).sum(1)  # (B,)
        steps = torch.bmm(self.roots.index_select(0, cloud), z[:, -self.latent :, None])[:, :, 0]  # (B, D)
        codes = self.means.index_select(0, cloud) + steps
        return torch.addmm(self.offset, codes, self.directions).clamp(-1, 1)

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit the mixture to the examples, in float64; the same seed and data give the same bytes.

        Args:
            x: ignored; noise belongs to no example.
            y: the examples, from -1 to 1, (N, O).
            seed: of the clouds that the fit starts from.

        Raises:
            ValueError: if there are no examples, y is not of that shape, or there are sample weights.
        """
        import sklearn.mixture

        refuse_sample_weight(sample_weight)
        if not len(y) or not y.is_floating_point() or y.shape[1:] != (self.outputs,):
            raise ValueError(f"gaussian_mixture generates numbers (N, {self.outputs}), got {y.dtype} {tuple(y.shape)}")
        offset = y.double().mean(0)
        directions, _ = principal_components(y.double() - offset, self.latent)
        codes = to_float64((y.double() - offset) @ directions.T)
        mixture: Estimator = sklearn.mixture.GaussianMixture(
            min(self.config.components, len(codes)), reg_covar=MIN_VARIANCE, random_state=seed
        )
        fit_estimator(mixture, codes, np.zeros(len(codes)))
        shares = torch.from_numpy(mixture.weights_).cumsum(0)[:-1].clamp(0, 1)
        self.offset.copy_(offset)
        self.directions.copy_(directions)
        self.edges = torch.special.ndtri(shares).to(self.offset)
        self.means = torch.from_numpy(mixture.means_).to(self.offset)
        self.roots = torch.linalg.cholesky(torch.from_numpy(mixture.covariances_)).to(self.offset)

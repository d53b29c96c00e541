"""Variational autoencoder: a network that learns to draw by learning to tell and be understood.

One half reads an example and says, in a few numbers, where it belongs, each with how sure it is; the other half draws
from a place taken at random around there. Because all places together are kept close to a bell curve around 0, a place
taken from that curve later gives a new example.

Kingma & Welling, "Auto-Encoding Variational Bayes", 2014. https://arxiv.org/abs/1312.6114
NOTE[DIFF] outputs are numbers from -1 to 1 with Gaussian noise of one size around them, learned along with the weights
    (Rybkin, Daniilidis & Levine 2021, https://arxiv.org/abs/2006.13202); the paper also takes pixels for coin tosses.
NOTE[DIFF] GELU or a relative in place of tanh; width and depth can be chosen.
NOTE[DIFF] what is served draws the mean of the outputs; the noise around it is left out.

Shapes: B batch, Z noise, L of them used, O outputs.
"""

import math
from typing import final

import torch
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers

MIN_OUTPUT_VARIANCE = 1e-4  # variance of the outputs' noise, at least: of 1 / 100 of the distance from 0 to 1


class Config(Hyperparameters):
    latent: int = tunable(16, 2, 64, log=True, ge=1)  # numbers that say where an example belongs; no more than Z
    width: int = tunable(256, 64, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 3, ge=1)  # hidden layers of either half
    activation: str = choice("gelu", "relu", "gelu", "silu", "tanh")  # what bends the line


@final
class VAE(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1.

    Attributes:
        latent: L.
        generator: the half that draws, (B, L) -> (B, O); all that is served.
        encoder: the half that tells, (B, O) -> (B, 2 L).
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (noise,) = input_shape
        self.latent = min(config.latent, noise)

        def hidden_layers(fan_in: int) -> nn.Sequential:
            return dense_layers(fan_in, config.width, config.depth, activation=config.activation)

        self.encoder = nn.Sequential(hidden_layers(outputs), nn.Linear(config.width, 2 * self.latent))
        self.generator = nn.Sequential(hidden_layers(self.latent), nn.Linear(config.width, outputs), nn.Tanh())
        self.log_variance = nn.Parameter(torch.full((), -2.0))  # of the outputs' noise

    def forward(self, z: Tensor) -> Tensor:
        generated: Tensor = self.generator(z[:, : self.latent])
        return generated

    def elbo(self, x: Tensor) -> Tensor:
        """How badly the examples are understood: the negative evidence lower bound; small is good.

        -log p(x | z) + KL(q(z | x) || p(z)), with one z drawn from q by PyTorch's own generator; equation 10 of the
        paper.

        Args:
            x: examples, from -1 to 1, (B, O).

        Returns:
            Scalar in nats per output, averaged over the batch; below 0 where the noise is small.
        """
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)  # (B, L) each
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        noise = self.log_variance.exp() + MIN_OUTPUT_VARIANCE
        error = (self.generator(z).float() - x).square().sum(1)  # (B,)
        reconstruction = 0.5 * (error / noise + x.shape[1] * (noise.log() + math.log(2 * math.pi)))
        divergence = 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(1)
        negative_elbo: Tensor = (reconstruction + divergence).mean() / x.shape[1]
        return negative_elbo

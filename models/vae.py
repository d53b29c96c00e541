"""Variational autoencoder: an encoder to a Gaussian in a latent space, and a decoder that generates from it.

The encoder gives a mean and a variance for every latent number; the decoder generates from a point drawn from that
Gaussian. Because the encoder's Gaussians together are kept close to a standard normal distribution, a point drawn from
that distribution later gives a new example.

Kingma & Welling, "Auto-Encoding Variational Bayes", 2014. https://arxiv.org/abs/1312.6114
NOTE[DIFF] outputs are numbers from -1 to 1 with Gaussian noise of one size around them, learned along with the weights
    (Rybkin, Daniilidis & Levine 2021, https://arxiv.org/abs/2006.13202); the paper also has Bernoulli outputs.
NOTE[DIFF] GELU or a relative in place of tanh; width and depth can be chosen.
NOTE[DIFF] a sample is the mean of the outputs; the noise around it is left out.

When to choose it: new examples with stable training, and a code in which one example turns smoothly into another. Its
images are softer than those of `gan` and `dcgan`.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them; the logarithm of the noise's
variance begins at -2.

Shapes: B batch, Z noise, L of them used, O outputs.
"""

import math
from typing import final

import torch
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.cost import Cost, network_cost
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers

MIN_OUTPUT_VARIANCE = 1e-4  # of the outputs' noise: a standard deviation of 1 / 200 of their range


class Config(Hyperparameters):
    latent: int = tunable(16, 2, 64, log=True, ge=1)  # size of the latent space; no more than Z
    width: int = tunable(256, 64, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(2, 1, 3, ge=1)  # hidden layers of encoder and of decoder
    activation: str = choice("gelu", "relu", "gelu", "silu", "tanh", unsearched=ACTIVATIONS)  # activation function


@final
class VAE(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1.

    Attributes:
        latent: L.
        generator: the decoder, (B, L) -> (B, O); all that is served.
        encoder: (B, O) -> (B, 2 L), means and logarithms of variances.
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

    def cost(self) -> Cost:
        """Of the generator alone: the encoder is not served."""
        return network_cost(self.generator, (self.latent,))

    def elbo(self, x: Tensor) -> Tensor:
        """Negative evidence lower bound (ELBO); smaller is better.

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

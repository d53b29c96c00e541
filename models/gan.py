"""Generative adversarial network: a generator trained against a discriminator.

The generator maps noise to samples; the discriminator classifies samples and real examples as fake or real. Each is
trained on the other's mistakes, until the samples cannot be told from real ones.

Goodfellow et al., "Generative Adversarial Networks", 2014. https://arxiv.org/abs/1406.2661
NOTE[DIFF] a gradient penalty on the discriminator at real examples (R1; Mescheder, Geiger & Nowozin 2018,
    https://arxiv.org/abs/1801.04406): without it the two need not converge.
NOTE[DIFF] activations, width and depth can be chosen; the paper's discriminator has maxout units and dropout. Layer
    normalisation, which helps elsewhere, is left out of both: in the generator it made the samples more alike.

The generator minimises -log D(G(z)), the non-saturating loss (the paper, end of section 3).

When to choose it: new small images, sharper than those of `vae`, where a second training run is
affordable: it may fail to converge.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them.

Shapes: B batch, Z noise, L of them used, O outputs.
"""

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.cost import Cost, network_cost
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers


class Config(Hyperparameters):
    latent: int = tunable(16, 2, 64, log=True, ge=1)  # size of the latent space; no more than Z
    width: int = tunable(256, 64, 512, log=True, ge=1)  # units in every hidden layer of both networks
    depth: int = tunable(2, 1, 3, ge=1)  # hidden layers of both networks
    activation: str = choice("gelu", "gelu", "silu")  # activation function; smooth, since R1 differentiates twice
    penalty: float = tunable(3.0, 0.1, 10.0, log=True, ge=0)  # weight of the R1 gradient penalty


@final
class GAN(nn.Module):
    """(B, Z) -> (B, O), numbers from -1 to 1.

    Attributes:
        latent: L.
        generator: (B, L) -> (B, O); all that is served.
        discriminator: (B, O) -> (B, 1), a logit: above 0 for real.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (noise,) = input_shape
        self.latent = min(config.latent, noise)
        self.penalty = config.penalty
        self.generator = nn.Sequential(
            dense_layers(self.latent, config.width, config.depth, activation=config.activation),
            nn.Linear(config.width, outputs),
            nn.Tanh(),
        )
        self.discriminator = nn.Sequential(
            dense_layers(outputs, config.width, config.depth, activation=config.activation), nn.Linear(config.width, 1)
        )

    def forward(self, z: Tensor) -> Tensor:
        generated: Tensor = self.generator(z[:, : self.latent])
        return generated

    def cost(self) -> Cost:
        """Of the generator alone: the discriminator is not served."""
        return network_cost(self.generator, (self.latent,))

    def discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor:
        """Binary cross-entropy of real against generated, plus the R1 penalty; the generator gets no gradient.

        -log D(x) - log(1 - D(G(z))) + penalty / 2 |gradient of the logit at x|^2

        Args:
            x: real examples, from -1 to 1, (B, O).
            z: noise, (B, Z).

        Returns:
            Scalar in nats, averaged over the batch; 2 log 2, and the penalty, if it cannot tell at all.
        """
        with torch.no_grad():
            generated = self(z)
        real = x.detach().requires_grad_()
        real_logits = self.discriminator(real)  # (B, 1)
        loss = F.softplus(-real_logits).mean() + F.softplus(self.discriminator(generated)).mean()
        (gradient,) = torch.autograd.grad(real_logits.sum(), real, create_graph=True)  # (B, O)
        return loss + 0.5 * self.penalty * gradient.square().sum(1).mean()

    def generator_loss(self, z: Tensor) -> Tensor:
        """Non-saturating generator loss: -log D(G(z)).

        Its gradient reaches the discriminator too: step the generator's optimizer alone.

        Returns:
            Scalar in nats, averaged over the batch; log 2 if the discriminator cannot tell.
        """
        return F.softplus(-self.discriminator(self(z))).mean()

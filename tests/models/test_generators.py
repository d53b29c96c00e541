"""Generators: the range of their samples, the VAE's evidence lower bound, the GAN's two losses."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models import gan, vae
from models.blocks.hyperparameters import Hyperparameters
from tests.support.architecture_cases import HEAD_WIDTH, new_network, random_tensor, ready_network


def new_generator(name: str, config: Hyperparameters | None = None) -> Any:
    return new_network(name, (64,), config=config)


def real_examples(rows: int = 9) -> Tensor:
    return random_tensor(rows, HEAD_WIDTH).tanh()


@pytest.mark.parametrize("name", ["vae", "gan", "gaussian"])
def test_samples_are_bounded_by_1_and_use_only_the_latent_noise(name: str) -> None:
    network = ready_network(name, (64,))
    z = 5 * random_tensor(50, 64)
    samples = network(z)
    assert samples.abs().max() <= 1
    assert samples.std(0).min() > 0
    z[:, network.latent :] = 0
    assert torch.equal(network(z), samples)


def test_vae_elbo_equals_torch_distributions() -> None:
    from torch.distributions import Independent, Normal, kl_divergence

    network = new_generator("vae")
    x = real_examples(7)
    torch.manual_seed(1)
    found = network.elbo(x)
    mean, log_variance = network.encoder(x).chunk(2, 1)
    posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    torch.manual_seed(1)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
    spread = (network.log_variance.exp() + vae.MIN_OUTPUT_VARIANCE).sqrt()
    likelihood = Independent(Normal(network.generator(z), spread), 1).log_prob(x)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(found, (kl_divergence(posterior, prior) - likelihood).mean() / HEAD_WIDTH)


def test_gan_losses_of_an_undecided_discriminator_are_log_2() -> None:
    network = new_generator("gan", gan.Config(penalty=0.0))
    nn.init.zeros_(network.discriminator[-1].weight)
    nn.init.zeros_(network.discriminator[-1].bias)
    z = random_tensor(9, 64)
    assert network.discriminator_loss(real_examples(), z).item() == pytest.approx(2 * np.log(2))
    assert network.generator_loss(z).item() == pytest.approx(np.log(2))


def test_discriminator_loss_includes_the_gradient_penalty() -> None:
    free, penalised = (new_generator("gan", gan.Config(penalty=penalty)) for penalty in (0.0, 3.0))
    x, z = real_examples(), random_tensor(9, 64)
    gradient = torch.func.vmap(torch.func.grad(lambda row: free.discriminator(row).squeeze()))(x)
    penalty = 1.5 * gradient.square().sum(1).mean()
    torch.testing.assert_close(penalised.discriminator_loss(x, z), free.discriminator_loss(x, z) + penalty)


def test_discriminator_loss_gives_the_generator_no_gradient() -> None:
    network = new_generator("gan")
    network.discriminator_loss(real_examples(), random_tensor(9, 64)).backward()
    assert all(weight.grad is None for weight in network.generator.parameters())

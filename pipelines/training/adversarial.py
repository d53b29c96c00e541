"""Training loop of generative adversarial networks.

On every batch the discriminator takes a step to tell real examples from generated ones, then the generator takes one
against it. Neither loss measures how good the samples are, so the goal on validation does, after every epoch; the
weights of the best epoch are kept.

Shapes: N examples, B of them in a batch, Z noise.
"""

import math
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.contender_settings import GANSettings
from pipelines.training.feature_cache import stage_data
from pipelines.training.gradient import (
    DivergenceError,
    Run,
    autocast,
    backpropagate,
    seed_dropout,
    set_learning_rate,
    shuffled_batches,
)
from pipelines.training.inference import score_validation
from pipelines.training.job import Examples, TrainingData
from pipelines.training.schedules import cosine_learning_rate

ADAM_BETAS = (0.0, 0.99)  # no momentum: the other network moves the target (Mescheder et al. 2018, appendix)


@runtime_checkable
class GANModule(Protocol):
    """A generator and its discriminator; forward generates."""

    generator: nn.Module
    discriminator: nn.Module

    def discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor: ...

    def generator_loss(self, z: Tensor) -> Tensor: ...


class GANOptimizers:
    """The two networks' optimizers, with one state for a checkpoint."""

    def __init__(self, gan: GANModule, settings: GANSettings) -> None:
        learning_rate = settings.learning_rate
        self.generator = torch.optim.Adam(gan.generator.parameters(), learning_rate, ADAM_BETAS)
        self.discriminator = torch.optim.Adam(
            gan.discriminator.parameters(), learning_rate * settings.discriminator_lr_ratio, ADAM_BETAS
        )

    def state_dict(self) -> dict[str, object]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])


def fit_gan(
    model: Model,
    optimizers: GANOptimizers,
    data: TrainingData,
    settings: GANSettings,
    augment: AugmentSettings,
    run: Run,
) -> None:
    """Train a generator and its discriminator, in place; pass p over the data reads copy p modulo the number of copies.

    Raises:
        DivergenceError: if a loss of an epoch is not a finite number.
    """
    device = data.train[0].inputs[0].device
    staged = stage_data(model, data, live=augment.copies == "live")
    gan = cast(GANModule, model.network)
    for epoch in run.epochs:
        generator = torch.Generator(device).manual_seed(derive_seed(run.seed, "epoch", epoch))
        seed_dropout(device, derive_seed(run.seed, "dropout", epoch))
        examples = staged.copies[epoch // run.epochs_per_pass % len(staged.copies)]
        order = run.epoch_rows(epoch, examples.rows, device)
        noise = examples.inputs[0]
        learning_rate = cosine_learning_rate(settings.learning_rate, epoch, run.total_epochs)
        set_learning_rate(optimizers.generator, learning_rate)
        set_learning_rate(optimizers.discriminator, learning_rate * settings.discriminator_lr_ratio)
        discriminator_loss_sum, generator_loss_sum = torch.zeros((), device=device), torch.zeros((), device=device)
        model.train()
        for batch in shuffled_batches(Examples((), examples.target), settings.batch_size, order):
            real = staged.network_target(batch).values
            for loss_of, optimizer, total in (
                (lambda z, x=real: gan.discriminator_loss(x, z), optimizers.discriminator, discriminator_loss_sum),
                (gan.generator_loss, optimizers.generator, generator_loss_sum),
            ):
                z = torch.randn((len(real), noise.shape[1]), generator=generator, device=device)
                with autocast(device):
                    loss = loss_of(z)
                backpropagate(loss, optimizer)
                optimizer.step()
                total.add_(loss.detach(), alpha=len(real))
        means = {
            "train_loss": (generator_loss_sum / len(order)).item(),
            "discriminator_loss": (discriminator_loss_sum / len(order)).item(),
        }
        if not all(map(math.isfinite, means.values())):
            raise DivergenceError(f"a training loss became {max(means.values(), key=abs)} in epoch {epoch + 1}")
        model.eval()
        scores = score_validation(staged.forward, data.task, staged.validation)
        run.on_epoch_end(epoch, {"learning_rate": learning_rate, **means, **scores})

"""Learning by two networks at odds: the loop.

The discriminator takes a step to tell real examples from drawn ones, then the generator takes one to be taken for real.
Neither loss says how good the drawings are, so the goal on validation does, after every epoch; the weights of the best
epoch are kept.

Shapes: N examples, B of them in a batch, Z noise.
"""

import math
from typing import Protocol, cast, runtime_checkable

import torch
from torch import Tensor, nn

from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks import Task
from pipelines.training.augmentation import AugmentSettings
from pipelines.training.contender_settings import GANSettings
from pipelines.training.gradient import (
    DivergenceError,
    autocast,
    cosine_learning_rate,
    prepare_data,
    seed_dropout,
    shuffled_batches,
)
from pipelines.training.inference import EpochCallback, score_validation
from pipelines.training.job import Examples, ValidationExamples

ADAM_BETAS = (0.0, 0.99)  # no momentum: the other network moves the target (Mescheder et al. 2018, appendix)


@runtime_checkable
class GANModule(Protocol):
    """A network made of two that are at odds; forward draws."""

    generator: nn.Module
    discriminator: nn.Module

    def discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor: ...

    def generator_loss(self, z: Tensor) -> Tensor: ...


class GANOptimizers:
    """One for each of the two networks, with a state that can be kept."""

    def __init__(self, gan: GANModule, settings: GANSettings) -> None:
        learning_rate = settings.learning_rate
        self.generator = torch.optim.Adam(gan.generator.parameters(), learning_rate, ADAM_BETAS)
        self.discriminator = torch.optim.Adam(
            gan.discriminator.parameters(), learning_rate * settings.advantage, ADAM_BETAS
        )

    def state_dict(self) -> dict[str, object]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])


def fit_gan(
    model: Model,
    optimizers: GANOptimizers,
    task: Task,
    train: tuple[Examples, ...],
    valid: ValidationExamples,
    settings: GANSettings,
    *,
    augment: AugmentSettings,
    seed: int,
    epochs: range,
    total_epochs: int,
    on_epoch_end: EpochCallback,
) -> None:
    """Train both in place, one pass over one copy of the examples per epoch; the arguments are those of `fit`.

    Raises:
        Diverged: if a loss of an epoch is not a finite number.
    """
    device = train[0].inputs[0].device
    data = prepare_data(model, train, valid, live=augment.copies == "live")
    gan = cast(GANModule, model.network)
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive_seed(seed, "epoch", epoch))
        seed_dropout(device, derive_seed(seed, "dropout", epoch))
        examples = data.copies[epoch % len(data.copies)]
        noise = examples.inputs[0]
        learning_rate = cosine_learning_rate(settings.learning_rate, epoch, total_epochs)
        _set_learning_rate(optimizers.generator, learning_rate)
        _set_learning_rate(optimizers.discriminator, learning_rate * settings.advantage)
        discriminator_loss_sum, generator_loss_sum = torch.zeros((), device=device), torch.zeros((), device=device)
        model.train()
        for batch in shuffled_batches(Examples((), examples.target), settings.batch_size, generator):
            real = data.inverse_transform(batch).values
            for loss_of, optimizer, total in (
                (lambda z, x=real: gan.discriminator_loss(x, z), optimizers.discriminator, discriminator_loss_sum),
                (gan.generator_loss, optimizers.generator, generator_loss_sum),
            ):
                z = torch.randn((len(real), noise.shape[1]), generator=generator, device=device)
                with autocast(device):
                    loss = loss_of(z)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
                optimizer.step()
                total.add_(loss.detach(), alpha=len(real))
        means = {
            "train_loss": (generator_loss_sum / examples.rows).item(),
            "discriminator_loss": (discriminator_loss_sum / examples.rows).item(),
        }
        if not all(map(math.isfinite, means.values())):
            raise DivergenceError(f"a training loss became {max(means.values(), key=abs)} in epoch {epoch + 1}")
        if on_epoch_end(
            epoch,
            {"learning_rate": learning_rate, **means, **score_validation(data.validation_model, task, data.validation)},
        ):
            return


def _set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate

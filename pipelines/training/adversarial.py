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

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.stems import Model
from pipelines.runtime.seeds import derive
from pipelines.tasks import Task
from pipelines.training.augmentation import AugmentSettings
from pipelines.training.gradient import Diverged, autocast, batches, prepared, rate, seed_dropout
from pipelines.training.inference import Report, validate
from pipelines.training.job import Examples

BETAS = (0.0, 0.99)  # no momentum: the other network moves the target (Mescheder et al. 2018, appendix)


class Settings(Hyperparameters):
    """What is searched for every pair of networks, besides their own settings."""

    learning_rate: float = tunable(2e-3, 1e-4, 1e-2, log=True, gt=0)  # of the generator at the start
    advantage: float = tunable(1.0, 0.25, 4.0, log=True, gt=0)  # times as fast does the discriminator learn
    batch_size: int = choice(64, 32, 64, 128, ge=1)  # examples per step


@runtime_checkable
class Adversaries(Protocol):
    """A network made of two that are at odds; forward draws."""

    generator: nn.Module
    discriminator: nn.Module

    def discriminator_loss(self, x: Tensor, z: Tensor) -> Tensor: ...

    def generator_loss(self, z: Tensor) -> Tensor: ...


class Optimizers:
    """One for each of the two networks, with a state that can be kept."""

    def __init__(self, pair: Adversaries, settings: Settings) -> None:
        speed = settings.learning_rate
        self.generator = torch.optim.Adam(pair.generator.parameters(), speed, BETAS)
        self.discriminator = torch.optim.Adam(pair.discriminator.parameters(), speed * settings.advantage, BETAS)

    def state_dict(self) -> dict[str, object]:
        return {"generator": self.generator.state_dict(), "discriminator": self.discriminator.state_dict()}

    def load_state_dict(self, state: dict[str, dict[str, object]]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])


def fit_adversarial(
    model: Model,
    optimizers: Optimizers,
    task: Task,
    train: tuple[Examples, ...],
    valid: Examples,
    settings: Settings,
    *,
    augment: AugmentSettings,
    seed: int,
    epochs: range,
    horizon: int,
    report: Report,
) -> None:
    """Train both in place, one pass over one copy of the examples per epoch; the arguments are those of `fit`.

    Raises:
        Diverged: if a loss of an epoch is not a finite number.
    """
    device = train[0].target.device
    lane = prepared(model, train, valid, live=augment.copies == "live")
    pair = cast(Adversaries, model.network)
    for epoch in epochs:
        generator = torch.Generator(device).manual_seed(derive(seed, "epoch", epoch))
        seed_dropout(device, derive(seed, "dropout", epoch))
        (noise, *_), target = lane.copies[epoch % len(lane.copies)]
        speed = rate(settings.learning_rate, epoch, horizon)
        _pace(optimizers.generator, speed)
        _pace(optimizers.discriminator, speed * settings.advantage)
        told, fooled = torch.zeros((), device=device), torch.zeros((), device=device)
        model.train()
        for (goals,) in batches((target,), settings.batch_size, generator):
            real = lane.inverse(goals)
            for loss_of, optimizer, total in (
                (lambda z, x=real: pair.discriminator_loss(x, z), optimizers.discriminator, told),
                (pair.generator_loss, optimizers.generator, fooled),
            ):
                z = torch.randn((len(goals), noise.shape[1]), generator=generator, device=device)
                with autocast(device):
                    loss = loss_of(z)
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
                optimizer.step()
                total.add_(loss.detach(), alpha=len(goals))
        means = {"train_loss": (fooled / len(target)).item(), "discriminator_loss": (told / len(target)).item()}
        if not all(map(math.isfinite, means.values())):
            raise Diverged(f"a training loss became {max(means.values(), key=abs)} in epoch {epoch + 1}")
        if report(epoch, {"learning_rate": speed, **means, **validate(lane.whole, task, lane.seen)}):
            return


def _pace(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate

"""Two networks at odds: both learn, neither runs away unseen, and the best epoch by the goal is what is kept."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from models.blocks.hyperparameters import defaults
from models.gan import GAN, Config
from pipelines.training.adversarial import Adversaries, Optimizers, Settings
from pipelines.training.job import Lesson, read
from pipelines.training.learners import Course, learner_of
from pipelines.training.trial import Assignment, carry_out
from tests.support.problems import lesson_of

AT_ODDS = [name for name, row in ARCHITECTURES.items() if row.learner == "adversarial"]
EVERY = pytest.mark.parametrize("architecture", AT_ODDS)


def settings_of(architecture: str, **changed: object) -> dict[str, Any]:
    learner = learner_of(architecture).settings
    return {**defaults(ARCHITECTURES[architecture].config), **defaults(learner), **changed}


def lesson_for(folder_of: Callable[[str], Path], architecture: str) -> Lesson:
    return lesson_of(folder_of("drawings"), architecture, "drawings")


@EVERY
def test_every_such_network_says_what_the_learner_asks_of_it(architecture: str) -> None:
    row = ARCHITECTURES[architecture]
    assert isinstance(row.network(row.config(), (64,), 12), Adversaries)
    assert not isinstance(nn.Linear(2, 2), Adversaries)


@EVERY
def test_both_losses_are_recorded_and_finite_and_the_goal_falls(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    lesson = lesson_for(folder_of, architecture)
    result = carry_out(Assignment(lesson, settings_of(architecture), 3, tmp_path, Course(20, 20)))
    assert result.epochs == 20
    for row in result.history:
        assert set(row) == {"learning_rate", "train_loss", "discriminator_loss", "valid_energy_distance"}
        assert all(map(math.isfinite, row.values()))
    goals = [row["valid_energy_distance"] for row in result.history]
    assert result.score == min(goals) == goals[result.best_epoch - 1]
    assert min(goals) < goals[0] / 2
    rates = [row["learning_rate"] for row in result.history]
    assert rates == sorted(rates, reverse=True)


@EVERY
def test_a_loss_that_is_no_number_is_a_sentence_with_its_epoch(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    wild = settings_of(architecture, learning_rate=1e30)
    result = carry_out(Assignment(lesson_for(folder_of, architecture), wild, 3, tmp_path, Course(4, 4)))
    assert result.score is None
    assert "a training loss became" in result.reason
    assert "in epoch" in result.reason
    assert "\n" not in result.reason


def test_the_discriminator_may_learn_faster_or_slower_than_the_generator() -> None:
    pair = GAN(Config(), (64,), 12)
    optimizers = Optimizers(pair, Settings(learning_rate=1e-3, advantage=4.0))
    assert optimizers.generator.param_groups[0]["lr"] == 1e-3
    assert optimizers.discriminator.param_groups[0]["lr"] == 4e-3
    mine = {id(weight) for group in optimizers.generator.param_groups for weight in group["params"]}
    theirs = {id(weight) for group in optimizers.discriminator.param_groups for weight in group["params"]}
    assert not mine & theirs, "each steps its own weights alone"
    assert mine | theirs == {id(weight) for weight in pair.parameters()}


def test_what_the_optimizers_remember_survives_a_checkpoint() -> None:
    torch.manual_seed(0)
    pair = GAN(Config(), (64,), 12)
    one = Optimizers(pair, Settings())
    x, z = torch.rand(8, 12), torch.randn(8, 64)
    for loss_of, optimizer in (
        (lambda: pair.discriminator_loss(x, z), one.discriminator),
        (lambda: pair.generator_loss(z), one.generator),
    ):
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()
    other = Optimizers(pair, Settings())
    other.load_state_dict(one.state_dict())  # type: ignore[arg-type]  # as it comes out of a file
    for name in ("generator", "discriminator"):
        before, after = (each.state_dict()[name] for each in (one, other))
        assert str(before) == str(after)


def test_no_more_noise_is_drawn_than_is_asked_for(folder_of: Callable[[str], Path]) -> None:
    data = read(lesson_for(folder_of, "gan"))
    (noise,) = data.train[0].inputs
    assert noise.shape[1:] == data.task.asked[0].shape

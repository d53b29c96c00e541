"""Two networks at odds: both learn, neither runs away unseen, and the best epoch by the goal is what is kept."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from models.gan import GAN, Config
from pipelines.training.adversarial import GANModule, GANOptimizers
from pipelines.training.contender_settings import GANSettings, make_settings
from pipelines.training.job import TrainingJob, load_training_data
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

AT_ODDS = [name for name, row in ARCHITECTURES.items() if row.learner == "adversarial"]
EVERY = pytest.mark.parametrize("architecture", AT_ODDS)


def job_for(folder_of: Callable[[str], Path], architecture: str) -> TrainingJob:
    return training_job_of(folder_of("drawings"), architecture, "drawings")


@EVERY
def test_every_gan_implements_the_learners_interface(architecture: str) -> None:
    row = ARCHITECTURES[architecture]
    assert isinstance(row.network_factory(row.config(), (64,), 64), GANModule)
    assert not isinstance(nn.Linear(2, 2), GANModule)


@EVERY
def test_both_losses_are_recorded_and_finite_and_the_goal_falls(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    job = job_for(folder_of, architecture)
    result = run_trial(TrialSpec(job, make_settings(architecture, "generation", {}), 3, tmp_path, epochs(20)))
    assert result.epochs == 20
    for row in result.history:
        assert set(row) == {"learning_rate", "train_loss", "discriminator_loss", "valid_energy_distance"}
        assert all(map(math.isfinite, row.values()))
    goals = [row["valid_energy_distance"] for row in result.history]
    assert result.score == min(goals) == goals[result.best_epoch - 1]
    assert min(goals) < goals[0] / 2
    rates = [row["learning_rate"] for row in result.history]
    assert rates[2:] == sorted(rates[2:], reverse=True), "after the first tenth of the epochs"


@EVERY
def test_a_loss_that_is_no_number_is_a_sentence_with_its_epoch(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    wild = make_settings(architecture, "generation", {"learning_rate": 1e30})
    result = run_trial(TrialSpec(job_for(folder_of, architecture), wild, 3, tmp_path, epochs(4)))
    assert result.score is None
    assert "a training loss became" in result.reason
    assert "in epoch" in result.reason
    assert "\n" not in result.reason


def test_the_discriminator_may_learn_faster_or_slower_than_the_generator() -> None:
    pair = GAN(Config(), (64,), 12)
    optimizers = GANOptimizers(pair, GANSettings(learning_rate=1e-3, discriminator_lr_ratio=4.0))
    assert optimizers.generator.param_groups[0]["lr"] == 1e-3
    assert optimizers.discriminator.param_groups[0]["lr"] == 4e-3
    mine = {id(weight) for group in optimizers.generator.param_groups for weight in group["params"]}
    theirs = {id(weight) for group in optimizers.discriminator.param_groups for weight in group["params"]}
    assert not mine & theirs, "each steps its own weights alone"
    assert mine | theirs == {id(weight) for weight in pair.parameters()}


def test_optimizer_state_survives_a_checkpoint() -> None:
    torch.manual_seed(0)
    pair = GAN(Config(), (64,), 12)
    one = GANOptimizers(pair, GANSettings())
    x, z = torch.rand(8, 12), torch.randn(8, 64)
    for loss_of, optimizer in (
        (lambda: pair.discriminator_loss(x, z), one.discriminator),
        (lambda: pair.generator_loss(z), one.generator),
    ):
        optimizer.zero_grad()
        loss_of().backward()
        optimizer.step()
    other = GANOptimizers(pair, GANSettings())
    other.load_state_dict(one.state_dict())  # type: ignore[arg-type]  # as it comes out of a file
    for name in ("generator", "discriminator"):
        before, after = (each.state_dict()[name] for each in (one, other))
        assert str(before) == str(after)


def test_training_noise_is_as_wide_as_the_input_field(folder_of: Callable[[str], Path]) -> None:
    data = load_training_data(job_for(folder_of, "gan"))
    (noise,) = data.train[0].inputs
    assert noise.shape[1:] == data.task.input_fields[0].shape

"""Regularisation of networks that learn by gradient: off unless named, right by hand, and resumed as it was."""

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.blocks.hyperparameters import Choice, Range
from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.user_error import UserError
from pipelines.tasks.task import Target, WeightedTarget
from pipelines.training.contender_settings import GradientSettings, make_settings
from pipelines.training.gradient import take_step
from pipelines.training.job import load_training_data
from pipelines.training.regularisation import (
    SEQUENCE_SETTINGS,
    BatchRegulariser,
    WeightAverage,
    check_regularisation,
    l1_norm,
    mix_targets,
)
from pipelines.training.schedules import SCHEDULES
from pipelines.training.search_space import build_search_space
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.architecture_cases import random_tensor
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

CPU = torch.device("cpu")
ON: dict[str, float | str] = {  # a value that turns each setting on
    "schedule": "plateau",
    "gradient_clip": 0.1,
    "l1": 1e-3,
    "weight_average": 0.9,
    "label_smoothing": 0.1,
    "mixup": 0.4,
    "cutmix": 1.0,
    "input_dropout": 0.2,
    "input_noise": 0.1,
}
ELSEWHERE = {"freeze", "start_lr_ratio", "semi", "pseudo_threshold"}  # what a start or rows without a label bring
LEARNED_BY_ALL = {"optimizer", "learning_rate", "batch_size", "weight_decay"}
FolderOf = Callable[[str], Path]


def task_of(folder_of: FolderOf, problem: str, architecture: str) -> Any:
    return load_training_data(training_job_of(folder_of(problem), architecture, problem)).task


def regulariser(task: Any, **settings: float) -> BatchRegulariser:
    return BatchRegulariser(task, GradientSettings(**settings), 7, CPU)


def weights_after(folder: Path, folder_of: FolderOf, count: int = 2, **settings: object) -> bytes:
    job = training_job_of(folder_of("digits"), "lenet5", "digits")
    made = make_settings("lenet5", "classification", settings)
    result = run_trial(TrialSpec(job, made, 3, folder, epochs(count)))
    assert result.score is not None, result.reason
    return (folder / "best.safetensors").read_bytes()


def test_what_is_off_is_neither_searched_nor_written_down() -> None:
    space = build_search_space("digits-mlp", "mlp", "classification", {}, {})
    assert set(GradientSettings.model_fields) - set(ON) - set(SEQUENCE_SETTINGS) - ELSEWHERE == LEARNED_BY_ALL
    assert (set(ON) | ELSEWHERE).isdisjoint(space.domains)
    assert (set(ON) | ELSEWHERE).isdisjoint(space.fixed)
    assert space.domains["optimizer"].options == ("adamw", "sgd", "rmsprop")
    assert (set(ON) | ELSEWHERE).isdisjoint(space.add_fixed(space.first_values).to_json())


def test_what_is_named_is_searched_or_fixed() -> None:
    fix: dict[str, object] = {"mixup": 0.3, "optimizer": "muon"}
    search: dict[str, object] = {"label_smoothing": [0.0, 0.2], "schedule": ["step", "cosine"]}
    space = build_search_space("digits-mlp", "mlp", "classification", fix, search)
    assert space.domains["label_smoothing"] == Range(0.0, 0.2)
    assert space.domains["schedule"] == Choice(("step", "cosine"))
    found = space.add_fixed({**space.first_values, "label_smoothing": 0.1})
    assert (found.learner.mixup, found.learner.optimizer, found.learner.label_smoothing) == (0.3, "muon", 0.1)
    again = build_search_space("digits-mlp", "mlp", "classification", found.to_json(), {})
    assert again.add_fixed({}) == found
    with pytest.raises(UserError, match="schedule must be one of cosine, constant, step, one_cycle, plateau"):
        build_search_space("digits-mlp", "mlp", "classification", {"schedule": "linear"}, {})


def test_what_is_off_draws_nothing_and_changes_nothing(folder_of: FolderOf) -> None:
    off = regulariser(task_of(folder_of, "digits", "mlp"))
    before = off.random.bit_generator.state
    features, target = random_tensor(4, 5), Target(torch.arange(4))
    drawn, same = off.draw(features, target)
    assert drawn is features
    assert same is target
    assert off.random.bit_generator.state == before


@pytest.fixture(scope="module")
def plain_weights(folder_of: FolderOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], bytes]:
    """What is learned in so many epochs with every setting off."""
    return cache(lambda count: weights_after(tmp_path_factory.mktemp("plain"), folder_of, count))


@pytest.mark.parametrize("name", ON)
def test_every_setting_changes_what_is_learned(
    folder_of: FolderOf, plain_weights: Callable[[int], bytes], tmp_path: Path, name: str
) -> None:
    count = 12 if name == "schedule" else 2  # a plateau has to be waited for
    assert weights_after(tmp_path, folder_of, count, **{name: ON[name]}) != plain_weights(count)


def test_with_all_settings_on_a_killed_training_ends_with_the_same_bytes(folder_of: FolderOf, tmp_path: Path) -> None:
    job = training_job_of(folder_of("digits"), "lenet5", "digits")
    settings = make_settings("lenet5", "classification", ON | {"optimizer": "muon"})
    for name, shares in (("whole", [1.0]), ("halves", [0.5, 1.0])):
        for share in shares:
            run_trial(TrialSpec(job, settings, 3, tmp_path / name, epochs(4)._replace(share=share)))
    whole, halves = (tmp_path / name / "best.safetensors" for name in ("whole", "halves"))
    assert whole.read_bytes() == halves.read_bytes()


@pytest.mark.parametrize(
    ("problem", "architecture", "settings", "sentence"),
    [
        ("diabetes", "mlp", {"label_smoothing": 0.1}, r"label_smoothing .* regression .* found 0.1"),
        ("shapes", "unet", {"mixup": 0.2}, r"mixup .* segmentation .* found 0.2"),
        ("drawings", "vae", {"mixup": 0.2}, r"mixup .* generation"),
        ("digits", "mlp", {"step_swap": 0.1}, r"step_swap .* reads one vector"),
        ("digits", "lenet5", {"step_warp": 0.1}, r"step_warp changes the speed of a sequence; .* reads one image"),
        ("sunspots", "lstm", {"step_scale": 0.1}, r"what follows a window of forecasting would have to change along"),
        ("texts", "lstm", {"step_warp": 0.1}, r"a text has no numbers; found 0.1"),
        ("digits", "mlp", {"cutmix": 1.0}, r"cutmix .* reads one vector"),
        ("noisy", "conv_autoencoder", {"cutmix": 1.0}, r"cutmix .* denoising"),
    ],
)
def test_what_means_nothing_for_a_task_is_refused(
    folder_of: FolderOf, tmp_path: Path, problem: str, architecture: str, settings: dict[str, float], sentence: str
) -> None:
    job = training_job_of(folder_of(problem), architecture, problem)
    made = make_settings(architecture, job.task_settings.kind, settings)
    with pytest.raises(UserError, match=sentence):
        run_trial(TrialSpec(job, made, 3, tmp_path, epochs(1)))


def test_mixup_of_numbers_mixes_both_alike(folder_of: FolderOf) -> None:
    x = random_tensor(6, 3)
    task = task_of(folder_of, "diabetes", "mlp")
    check_regularisation(task, "vector", GradientSettings(mixup=1.0))
    mixed, target = regulariser(task, mixup=1.0).draw(x, Target(2 * x[:, :1] + 1))
    assert not torch.equal(mixed, x)
    torch.testing.assert_close(target.values, 2 * mixed[:, :1] + 1)


def test_the_loss_of_mixed_classes_is_the_mean_of_both_losses(folder_of: FolderOf) -> None:
    task = task_of(folder_of, "cells", "mlp")  # whose classes are weighed
    logits, codes, weights = random_tensor(5, 2), torch.tensor([0, 1, 1, 0, 1]), torch.tensor([0.5, 2.0, 2.0, 0.5, 2.0])
    partner, share = torch.tensor([1, 2, 3, 4, 0]), 0.3
    hard = WeightedTarget(codes, weights)
    soft = mix_targets(task.soft_target(hard, 0.0), partner, share)

    def gradient(target: WeightedTarget, part: float = 1.0) -> Tensor:
        outputs = logits.clone().requires_grad_()
        (found,) = torch.autograd.grad(part * task.loss(nn.Identity(), (outputs,), target), outputs)
        return found

    others = WeightedTarget(codes[partner], weights[partner])
    torch.testing.assert_close(gradient(soft), gradient(hard, share) + gradient(others, 1 - share))


def test_cutmix_shares_the_target_by_area(folder_of: FolderOf) -> None:
    images = torch.arange(8.0)[:, None, None, None].expand(8, 1, 6, 10)
    task = task_of(folder_of, "digits", "lenet5")
    batches = [regulariser(task, cutmix=1.0)] * 20
    seen = set()
    for batch in batches:
        cut, target = batch.draw(images, Target(torch.arange(8)))
        for own, shares in enumerate(target.values):
            left = (cut[own] == own).float().mean().item()
            assert shares[own].item() == pytest.approx(left, abs=1e-6)
            seen.add(round(left, 2))
    assert len(seen) > 5


def test_noise_has_its_size_and_leaves_steps_that_are_not_there_empty(folder_of: FolderOf) -> None:
    x = torch.ones(200, 30, 3)
    x[:, :10] = 0  # padded in front; the last feature says so
    drawn, _ = regulariser(task_of(folder_of, "digits", "lstm"), input_noise=0.2).draw(x, Target(torch.zeros(200)))
    assert torch.equal(drawn[:, :10], x[:, :10])
    assert torch.equal(drawn[:, :, 2], x[:, :, 2])
    assert (drawn - x)[:, 10:, :2].std().item() == pytest.approx(0.2, rel=0.02)


@pytest.mark.parametrize(("shape", "channels"), [((50, 40), None), ((50, 40, 3), 2), ((50, 2, 8, 8), 1)])
def test_hidden_inputs_are_whole_numbers_steps_and_pixels(
    folder_of: FolderOf, shape: tuple[int, ...], channels: int | None
) -> None:
    x = torch.ones(shape)
    drawn, _ = regulariser(task_of(folder_of, "digits", "mlp"), input_dropout=0.2).draw(x, Target(torch.zeros(50)))
    read = drawn[:, :, :-1] if len(shape) == 3 else drawn
    assert read.mean().item() == pytest.approx(0.8, abs=0.03)
    if channels is not None:
        assert (read == read.narrow(channels, 0, 1)).all()
    if len(shape) == 3:
        assert (drawn[:, :, -1] == 1).all(), "a hidden step is still there"


def test_swapped_steps_are_neighbours_that_are_there(folder_of: FolderOf) -> None:
    x = torch.zeros(400, 11, 2)
    x[:, 3:, 0] = torch.arange(3.0, 11.0)  # three steps of padding in front
    x[:, 3:, 1] = 1
    drawn, _ = regulariser(task_of(folder_of, "digits", "lstm"), step_swap=0.3).draw(x, Target(torch.zeros(400)))
    assert torch.equal(drawn[:, :3], x[:, :3])
    assert torch.equal(drawn[:, 3:, 0].sort(1).values, x[:, 3:, 0])
    moved = (drawn - x)[:, 3:, 0]
    assert moved.abs().max() == 1
    assert moved[:, 2:-2].abs().mean().item() == pytest.approx(0.3, abs=0.04)


def test_a_gradient_is_clipped_to_its_norm() -> None:
    layer = nn.Linear(3, 1, bias=False)
    start = layer.weight.detach().clone()
    optimizer = OPTIMIZERS["sgd"](layer.parameters(), 1.0, 0.0)
    take_step(layer, optimizer, 1e3 * layer(torch.ones(1, 3)).sum(), GradientSettings(gradient_clip=0.5))
    torch.testing.assert_close((layer.weight - start).norm(), torch.tensor(0.5 * 1.9))  # Nesterov's first step


def test_an_l1_penalty_pulls_matrices_alone_towards_0() -> None:
    layer = nn.Linear(2, 1)
    layer.weight.data = torch.tensor([[3.0, -2.0]])
    assert l1_norm(layer).item() == 5
    bias = layer.bias.item()
    optimizer = OPTIMIZERS["momentum"](layer.parameters(), 0.1, 0.0)
    take_step(layer, optimizer, 0 * layer(torch.zeros(1, 2)).sum(), GradientSettings(l1=0.5))
    assert layer.weight.tolist() == [[pytest.approx(2.95), pytest.approx(-1.95)]]
    assert layer.bias.item() == bias


class NoStem(nn.Module):
    input_shape = (2,)


def test_an_average_of_weights_follows_them_and_gives_them_back() -> None:
    layer = nn.Linear(2, 1)
    model = Model(NoStem(), layer)  # type: ignore[arg-type]  # it is never called
    average = WeightAverage(model, 0.5)
    expected = layer.weight.detach().clone()
    for step in range(1, 7):
        layer.weight.data += 1
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
    own = copy.deepcopy(layer.weight)
    with average.in_place():
        torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.weight, own)


def test_every_schedule_trains(folder_of: FolderOf, tmp_path: Path) -> None:
    found = {weights_after(tmp_path / name, folder_of, 10, schedule=name, batch_size=128) for name in SCHEDULES}
    assert len(found) >= len(SCHEDULES) - 1, "a plateau that never comes is constant"


def test_the_draws_of_a_seed_are_the_same(folder_of: FolderOf) -> None:
    task = task_of(folder_of, "digits", "lenet5")
    x, target = random_tensor(8, 1, 8, 8), Target(torch.arange(8))
    settings = {name: value for name, value in ON.items() if not isinstance(value, str)}
    first, again = (regulariser(task, **settings).draw(x, target) for _ in range(2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1].values, again[1].values)
    assert np.allclose(first[1].values.sum(1), 1)

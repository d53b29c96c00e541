"""Pretraining: before it learns from labels, a network learns to restore inputs of which some is hidden.

A small decoder reads what the output layer would read, and restores the whole input; then it is thrown away, and what
the layers in front have learned to see serves the labels. It takes as many steps as the training behind it, by the same
optimizer, over labelled and unlabelled rows alike.

Vincent et al., "Stacked Denoising Autoencoders", JMLR 11, 2010. https://jmlr.org/papers/v11/vincent10a.html

Shapes: B batch, N labelled rows, U unlabelled rows.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load as parsed
from torch import Tensor, nn

from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.training.budget import Schedule
from pipelines.training.contender_settings import ContenderSettings, GradientSettings
from pipelines.training.gradient import DivergenceError, autocast, backpropagate, seed_dropout, set_learning_rate
from pipelines.training.job import TrainingData, TrainingJob
from pipelines.training.regularisation import hide_features
from pipelines.training.schedules import cosine_learning_rate
from pipelines.training.transfer import NETWORK, find_head_names, hold_frozen_parts
from pipelines.training.weights import save_weights

HIDDEN_SHARE = 0.3  # of the numbers of a vector, the pixels of an image, the steps of a sequence
DECODER_UNITS = 256


class Inputs(NamedTuple):
    """What is restored: the raw columns of both kinds of rows."""

    labelled: tuple[Tensor, ...]  # (N, ...) each
    unlabelled: tuple[Tensor, ...]  # (U, ...) each

    @property
    def rows(self) -> int:
        """N + U."""
        return len(self.labelled[0]) + len(self.unlabelled[0])

    def take(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Some rows (B,), of which those from N up are unlabelled; (B, ...) each, the labelled ones first."""
        count = len(self.labelled[0])
        own, others = rows[rows < count], rows[rows >= count] - count
        pairs = zip(self.labelled, self.unlabelled, strict=True)
        return tuple(torch.cat((values[own], more[others])) for values, more in pairs)


def pretrain_network(
    model: Model,
    job: TrainingJob,
    data: TrainingData,
    unlabelled: tuple[Tensor, ...],
    settings: ContenderSettings[GradientSettings],
    schedule: Schedule,
    seed: int,
    folder: Path,
) -> None:
    """Pretrain in place, or read what an earlier call with this folder has pretrained.

    Args:
        unlabelled: (U, ...) each.
        schedule: of the training behind it.

    Raises:
        DivergenceError: if the loss is not a finite number.
        UserError: if what the network reads is learned itself, or it has no output layer to stand in for.
    """
    path = folder / "checkpoint.safetensors"  # it goes when the checkpoint goes, which takes its place
    if path.exists():
        model.load_state_dict(parsed(path.read_bytes()))
        return
    if any(True for _ in model.stem.parameters()):
        raise UserError(
            "semi: pretrain restores numbers, and what is read here are words, whose embeddings are learned; set "
            "semi: pseudo_label"
        )
    inputs, learner = Inputs(data.train[0].inputs, unlabelled), settings.learner
    steps_per_epoch = max(1, round(len(inputs.labelled[0]) / schedule.epochs_per_pass / learner.batch_size))
    head = _find_head(model, job, data, settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "decoder"))
        trunk = _Trunk(model, head, model.stem(*(values[:2] for values in inputs.labelled)))
    _restore_inputs(trunk, model.stem, inputs, learner, schedule.epochs, steps_per_epoch, derive_seed(seed, "pretrain"))
    trunk.hook.remove()
    save_weights(model, path)


def restoration_loss(restored: Tensor, features: Tensor) -> Tensor:
    """Mean squared error (B, ...); of a sequence over the steps that are there, as its last feature says."""
    if features.ndim != 3:
        return nn.functional.mse_loss(restored, features)
    present = features[:, :, -1:]
    errors = (restored - features)[:, :, :-1].square() * present
    return errors.sum() / (present.sum() * errors.shape[2]).clamp(min=1)


def _find_head(
    model: Model, job: TrainingJob, data: TrainingData, settings: ContenderSettings[GradientSettings]
) -> nn.Module:
    """The output layer; of several, the last."""
    heads = find_head_names(model, job.architecture, data.task, settings)
    names = [name.removeprefix(NETWORK) for name in model.state_dict() if name in heads]
    layer = names[-1].rpartition(".")[0] if names else ""
    if not layer:
        raise UserError(f"semi: pretrain finds no output layer in {job.architecture}; set semi: pseudo_label")
    return model.network.get_submodule(layer)


class _Trunk(nn.Module):
    """A network up to its output layer, and a decoder behind it: features (B, ...) -> features restored (B, ...)."""

    def __init__(self, model: Model, head: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.network = model.network.eval()
        self.codes: list[Tensor] = []  # what the output layer read last
        self.hook = head.register_forward_pre_hook(self._keep_code)
        with torch.no_grad():
            code = self._encode(example)
        shape = example.shape[1:]
        self.decoder: nn.Module
        if code.ndim == example.ndim == 4 and code.shape[2:] == shape[1:]:
            self.decoder = nn.Conv2d(code.shape[1], shape[0], 1)
        else:
            hidden = (nn.Linear(code[0].numel(), DECODER_UNITS), nn.GELU())
            self.decoder = nn.Sequential(
                nn.Flatten(), *hidden, nn.Linear(DECODER_UNITS, shape.numel()), nn.Unflatten(1, shape)
            )
        self.decoder.to(example.device)

    def forward(self, features: Tensor) -> Tensor:
        restored: Tensor = self.decoder(self._encode(features))
        return restored

    def _encode(self, features: Tensor) -> Tensor:
        self.network(features)
        return self.codes.pop()

    def _keep_code(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.codes = [inputs[0]]


def _restore_inputs(
    trunk: _Trunk,
    stem: nn.Module,
    inputs: Inputs,
    settings: GradientSettings,
    epochs: int,
    steps_per_epoch: int,
    seed: int,
) -> None:
    """Train trunk and decoder; one seed for all of it, because it is never continued half way."""
    device = inputs.labelled[0].device
    generator = torch.Generator(device).manual_seed(seed)
    seed_dropout(device, seed)
    optimizer = OPTIMIZERS[settings.optimizer](trunk.parameters(), settings.learning_rate, settings.weight_decay)
    batches = _iterate_batches(inputs.rows, settings.batch_size, generator)
    trunk.train()
    hold_frozen_parts(trunk)
    for epoch in range(epochs):
        set_learning_rate(optimizer, cosine_learning_rate(settings.learning_rate, epoch, epochs))
        total = torch.zeros((), device=device)
        for _ in range(steps_per_epoch):
            features = stem(*inputs.take(next(batches)))
            with autocast(device):
                loss = restoration_loss(trunk(hide_features(features, HIDDEN_SHARE, generator)), features)
            backpropagate(loss, optimizer)
            optimizer.step()
            total.add_(loss.detach())
        if not math.isfinite(total.item()):
            raise DivergenceError(f"the loss of pretraining became {total.item()} in epoch {epoch + 1}")


def _iterate_batches(rows: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Rows in random order, pass after pass, in batches of about `size`, none of them tiny."""
    while True:
        order = torch.randperm(rows, generator=generator, device=generator.device)
        yield from order.tensor_split(max(1, round(rows / size)))

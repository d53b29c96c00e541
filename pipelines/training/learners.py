"""Learners: training algorithms with checkpoints. Each resumes where it was killed.

A learner keeps its scratch in a folder: a checkpoint while it learns, and the weights of its best
epoch. Killed and called again with the same folder, it goes on from the checkpoint and ends with the
same bytes as if it had not been.
"""

import io
import math
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from models import ARCHITECTURES
from models.blocks.closed_form import ClosedForm, FittedInRounds
from models.stems import Model
from pipelines.data.large_arrays import allocate
from pipelines.runtime.files import write_bytes
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.tasks.task import Goal
from pipelines.training import adversarial, gradient
from pipelines.training.budget import ONE_RUNG, RUNG_SHARES, Budget, Schedule, plan_schedule
from pipelines.training.contender_settings import (
    ClosedFormSettings,
    ContenderSettings,
    GANSettings,
    GradientSettings,
)
from pipelines.training.feature_cache import target_in_network_units
from pipelines.training.inference import output_loss, score_validation
from pipelines.training.job import (
    MMAP_THRESHOLD_BYTES,
    Examples,
    TrainingData,
    TrainingJob,
    build_fitted_model,
    load_training_data,
)
from pipelines.training.pretraining import pretrain_network
from pipelines.training.regularisation import WeightAverage, check_regularisation
from pipelines.training.transfer import transfer_weights
from pipelines.training.unlabelled import load_unlabelled
from pipelines.training.weights import save_weights

CHECKPOINT_SECONDS = 2.0  # seconds between two checkpoints; what a kill can cost
BLOCK_BYTES = 2**24  # bytes computed at once of what is too large to be computed at once


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended: its score, or the reason why it has none."""

    score: float | None  # the goal on validation, at the best epoch
    epochs: int = 0  # epochs trained
    best_epoch: int = 0  # counted from 1; the weights kept are those after it
    reason: str = ""  # of a failure
    history: tuple[dict[str, float], ...] = ()  # per epoch: learning_rate, train_loss, valid_<goal>; a round is one


class Learner(NamedTuple):
    rungs: tuple[float, ...]  # shares of the budget after which trials are compared
    train: Callable[[TrainingJob, ContenderSettings[Any], int, Path, Budget], TrainingResult]


def train_gradient(
    job: TrainingJob, settings: ContenderSettings[GradientSettings], seed: int, folder: Path, budget: Budget
) -> TrainingResult:
    """Train a network by gradient until the budget's share, from the folder's checkpoint if there is one."""
    data = load_training_data(job)
    check_regularisation(data.task, ARCHITECTURES[job.architecture].input_type, settings.learner)
    model = _build_seeded_model(job, data, settings, seed)
    transfer = transfer_weights(model, job, data.task, settings) if job.start else None
    unlabelled = load_unlabelled(job, data.task, settings.learner)
    schedule = plan_schedule(budget, data.train[0].rows, settings.learner.batch_size)
    if settings.learner.semi == "pretrain":
        pretrain_network(model, job, data, unlabelled, settings, schedule, seed, folder)
        unlabelled = ()
    optimizer = gradient.build_optimizer(model, settings.learner, transfer)
    average = WeightAverage(model, settings.learner.weight_average) if settings.learner.weight_average else None
    checkpointer = _Checkpointer(folder, model, optimizer, data, schedule, average)
    run = checkpointer.run(seed)
    gradient.fit_network(model, optimizer, data, settings.learner, job.augment, run, average, unlabelled)
    return checkpointer.save_best_weights()


def train_gan(
    job: TrainingJob, settings: ContenderSettings[GANSettings], seed: int, folder: Path, budget: Budget
) -> TrainingResult:
    """Train a GAN until the budget's share, from the folder's checkpoint if there is one."""
    data = load_training_data(job)
    model = _build_seeded_model(job, data, settings, seed)
    assert isinstance(model.network, adversarial.GANModule)
    optimizers = adversarial.GANOptimizers(model.network, settings.learner)
    schedule = plan_schedule(budget, data.train[0].rows, settings.learner.batch_size)
    checkpointer = _Checkpointer(folder, model, optimizers, data, schedule)
    adversarial.fit_gan(model, optimizers, data, settings.learner, job.augment, checkpointer.run(seed))
    return checkpointer.save_best_weights()


def _build_seeded_model(job: TrainingJob, data: TrainingData, settings: ContenderSettings[Any], seed: int) -> Model:
    torch.manual_seed(derive_seed(seed, "weights"))
    model = build_fitted_model(job, data, settings)
    if job.device == "cuda":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stubs forget it
    return model


class Resumable(Protocol):
    """Whatever has a state that goes into a checkpoint."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


class _Checkpointer:
    """Checkpoints of a training, and the weights of its best epoch: the average's where there is one."""

    def __init__(
        self,
        folder: Path,
        model: Any,
        optimizer: Resumable,
        data: TrainingData,
        schedule: Schedule,
        average: WeightAverage | None = None,
    ) -> None:
        self.checkpoint_path, self.average = folder / "checkpoint.pt", average
        self.folder, self.model, self.optimizer, self.schedule = folder, model, optimizer, schedule
        self.goal = data.task.goal
        self.best_score = math.inf if self.goal.direction == "minimize" else -math.inf
        self.best_epoch = 0
        self.best_weights: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, float]] = []
        self.saved_at = time.monotonic()
        if self.checkpoint_path.exists():
            try:
                checkpoint = torch.load(
                    self.checkpoint_path, weights_only=True, map_location=next(model.parameters()).device
                )
            except (RuntimeError, EOFError, pickle.UnpicklingError):
                raise UserError(
                    f"{self.checkpoint_path} is damaged; delete it, and training starts again from there"
                ) from None
            model.load_state_dict(checkpoint["model"])
            optimizer.load_state_dict(checkpoint["optimizer"])
            if average is not None:
                average.load_state_dict(checkpoint["average"])
            self.best_score, self.best_epoch, self.best_weights, self.history = (
                checkpoint["score"],
                checkpoint["best_epoch"],
                checkpoint["best"],
                checkpoint["history"],
            )

    def run(self, seed: int) -> gradient.Run:
        """The epochs that are left."""
        epochs = range(len(self.history), self.schedule.stop_epoch)
        return gradient.Run(
            seed, epochs, self.schedule.epochs, self.record_epoch, self.schedule.epochs_per_pass, self.history
        )

    def record_epoch(self, epoch: int, metrics: Mapping[str, float]) -> None:
        score = _finite_score(metrics, self.goal, epoch)
        self.history.append(dict(metrics))
        if self.goal.is_better(score, self.best_score) or not self.best_weights or self.schedule.keep_last:
            self.best_score, self.best_epoch = score, epoch + 1
            weights = self.model.state_dict() if self.average is None else self.average.weights
            self.best_weights = {name: tensor.detach().clone() for name, tensor in weights.items()}
        if time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
            self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        buffer = io.BytesIO()  # PyTorch's own writer reports a full disk as a RuntimeError like any other
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "score": self.best_score,
                "best_epoch": self.best_epoch,
                "best": self.best_weights,
                "history": self.history,
                **({} if self.average is None else {"average": self.average.state_dict()}),
            },
            buffer,
        )
        write_bytes(self.checkpoint_path, buffer.getvalue())
        self.saved_at = time.monotonic()

    def save_best_weights(self) -> TrainingResult:
        """Save a checkpoint and the best weights; the result so far."""
        self._save_checkpoint()
        self.model.load_state_dict(self.best_weights)
        save_weights(self.model, self.folder / "best")
        return TrainingResult(self.best_score, len(self.history), self.best_epoch, history=tuple(self.history))


def fit_closed_form(
    job: TrainingJob, settings: ContenderSettings[ClosedFormSettings], seed: int, folder: Path, budget: Budget
) -> TrainingResult:
    """Fit in one step, without epochs, to all examples at once."""
    data = load_training_data(job)
    copies = data.train if settings.learner.fit_augmented else data.train[:1]
    torch.manual_seed(derive_seed(seed, "weights"))
    model = build_fitted_model(job, data, settings)
    with torch.no_grad():
        features = _map_examples(copies, lambda examples: model.stem(*examples.inputs))
        values, *sample_weight = (
            _map_examples(copies, partial(_target_field, model, field)) for field in range(len(copies[0].target))
        )
        if values.is_floating_point():
            values = values.flatten(1) if values.ndim > 1 else values[:, None]  # (N, O)
        solve_seed = derive_seed(seed, "solve")
        if isinstance(model.network, FittedInRounds):
            weight = sample_weight[0] if sample_weight else None
            valid_features = model.stem(*data.valid.inputs)
            loss = output_loss(model, data.task, data.valid)
            losses = model.network.fit_rounds(
                features, values, solve_seed, weight, valid_features, loss, budget.keep_epoch
            )
        else:
            assert isinstance(model.network, ClosedForm)
            model.network.fit(features, values, solve_seed, *sample_weight)
    goal = data.task.goal
    scores = score_validation(model.eval(), data.task, data.valid)
    score = _finite_score(scores, goal, 0)
    save_weights(model, folder / "best")
    if not isinstance(model.network, FittedInRounds):
        return TrainingResult(score, 1, 1, history=(scores,))
    history = tuple({f"valid_{goal.name}": loss if goal.direction == "minimize" else -loss} for loss in losses)
    return TrainingResult(score, len(losses), model.network.rounds, history=history)


def _finite_score(metrics: Mapping[str, float], goal: Goal, epoch: int) -> float:
    """The goal on validation after an epoch.

    Raises:
        DivergenceError: if it is not a finite number, as of weights that became infinite in the last steps.
    """
    score = metrics[f"valid_{goal.name}"]
    if not math.isfinite(score):
        raise gradient.DivergenceError(f"the validation {goal.name} became {score} in epoch {epoch + 1}")
    return score


def _target_field(model: Model, field: int, examples: Examples) -> Tensor:
    values: Tensor = target_in_network_units(model, examples)[field]
    return values


def _map_examples(copies: tuple[Examples, ...], transform: Callable[[Examples], Tensor]) -> Tensor:
    """What `transform` makes of all examples, one copy behind the other; in a mapped file if that is large.

    Args:
        transform: some examples -> (n, ...).
    """
    rows = sum(examples.rows for examples in copies)
    first_output = transform(copies[0].select(slice(1))).cpu()  # (1, ...)
    if copies[0].inputs[0].is_cuda or first_output.nbytes * rows < MMAP_THRESHOLD_BYTES:
        return torch.cat([transform(examples) for examples in copies])
    output = torch.from_numpy(allocate((rows, *first_output.shape[1:]), first_output.numpy().dtype))
    step, place = max(1, BLOCK_BYTES // first_output.nbytes), 0
    for examples in copies:
        for start in range(0, examples.rows, step):
            block = transform(examples.select(slice(start, start + step)))
            output[place : place + len(block)] = block
            place += len(block)
    return output


LEARNERS: dict[str, Learner] = {
    "gradient": Learner(RUNG_SHARES, train_gradient),  # gradient descent, epoch by epoch
    "adversarial": Learner(RUNG_SHARES, train_gan),  # a generator against a discriminator
    "closed_form": Learner(ONE_RUNG, fit_closed_form),  # fitted in one step
}


def learner_of(architecture: str) -> Learner:
    return LEARNERS[ARCHITECTURES[architecture].learner]

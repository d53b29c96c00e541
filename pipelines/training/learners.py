"""The ways to learn, side by side: each goes on from where it was and says where it stands.

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
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from models import ARCHITECTURES
from models.blocks.closed_form import Solvable, Weighable
from models.blocks.hyperparameters import Hyperparameters, choice, configured
from models.outputs.output_transform import Weighing
from models.stems import Model
from pipelines.data.large_arrays import room
from pipelines.runtime.files import write_bytes
from pipelines.runtime.seeds import derive
from pipelines.runtime.user_error import Failure
from pipelines.training import adversarial, gradient, weights
from pipelines.training.adversarial import fit_adversarial
from pipelines.training.gradient import fit
from pipelines.training.inference import validate
from pipelines.training.job import (
    MAPPED,
    Data,
    Examples,
    Lesson,
    new_model,
    read,
)

CHECKPOINT_EVERY = 2.0  # seconds between two checkpoints; what a kill can cost
BLOCK = 2**24  # bytes computed at once of what is too large to be computed at once


class ClosedFormSettings(Hyperparameters):
    """What is searched for everything that is solved at once, besides its own settings."""

    draws: bool = choice(False, False, True)  # solve for the augmented copies too; a straight line may be worse for it


@dataclass(frozen=True)
class Course:
    """How far to learn, and when to give up."""

    until: int  # epochs after which to stop for now
    horizon: int  # epochs the learning rate is planned for
    patience: int | None = None  # epochs without a better score after which to stop for good


class Standing(NamedTuple):
    """Where a learner stands."""

    score: float  # the goal on validation, at the best epoch
    epochs: int  # epochs trained
    best_epoch: int  # counted from 1; the weights kept are those after it
    history: tuple[dict[str, float], ...]  # per epoch: learning_rate, train_loss, valid_<goal>


class Learner(NamedTuple):
    settings: type[Hyperparameters]  # what is searched besides the network's own
    rungs: Callable[[int], list[int]]  # of so many epochs, those after which trials are compared
    advance: Callable[[Lesson, Mapping[str, Any], int, Path, Course], Standing]


def by_gradient(lesson: Lesson, settings: Mapping[str, Any], seed: int, folder: Path, course: Course) -> Standing:
    """Train until the course's epoch, from the folder's checkpoint if there is one."""
    data = read(lesson)
    own = configured(gradient.Settings, _named(gradient.Settings, settings))
    model = _fresh(lesson, data, settings, seed)
    optimizer = gradient.new_optimizer(model, own)
    keeper = _Keeper(folder, model, optimizer, data, course)
    fit(
        model,
        optimizer,
        data.task,
        data.train,
        data.valid,
        own,
        augment=lesson.augment,
        seed=seed,
        epochs=range(keeper.epochs, course.until),
        horizon=course.horizon,
        report=keeper.report,
    )
    return keeper.finish()


def by_adversaries(lesson: Lesson, settings: Mapping[str, Any], seed: int, folder: Path, course: Course) -> Standing:
    """Train two networks against each other until the course's epoch, from the checkpoint if there is one."""
    data = read(lesson)
    own = configured(adversarial.Settings, _named(adversarial.Settings, settings))
    model = _fresh(lesson, data, settings, seed)
    assert isinstance(model.network, adversarial.Adversaries)
    optimizers = adversarial.Optimizers(model.network, own)
    keeper = _Keeper(folder, model, optimizers, data, course)
    fit_adversarial(
        model,
        optimizers,
        data.task,
        data.train,
        data.valid,
        own,
        augment=lesson.augment,
        seed=seed,
        epochs=range(keeper.epochs, course.until),
        horizon=course.horizon,
        report=keeper.report,
    )
    return keeper.finish()


def _fresh(lesson: Lesson, data: Data, settings: Mapping[str, Any], seed: int) -> Model:
    torch.manual_seed(derive(seed, "weights"))
    model = new_model(lesson, data, settings)
    if lesson.device == "cuda":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stubs forget it
    return model


class Resumable(Protocol):
    """Whatever has a state that goes into a checkpoint."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


class _Keeper:
    """Keeps the best weights, checkpoints, and decides when patience has run out."""

    def __init__(self, folder: Path, model: Any, optimizer: Resumable, data: Data, course: Course) -> None:
        self.path = folder / "checkpoint.pt"
        self.folder, self.model, self.optimizer, self.course = folder, model, optimizer, course
        self.goal = data.task.goal
        self.score = math.inf if self.goal.direction == "minimize" else -math.inf
        self.best_epoch = 0
        self.best: dict[str, torch.Tensor] = {}
        self.history: list[dict[str, float]] = []
        self.saved = time.monotonic()
        if self.path.exists():
            try:
                kept = torch.load(self.path, weights_only=True, map_location=next(model.parameters()).device)
            except (RuntimeError, EOFError, pickle.UnpicklingError):
                raise Failure(f"{self.path} is damaged; delete it, and training starts again from there") from None
            model.load_state_dict(kept["model"])
            optimizer.load_state_dict(kept["optimizer"])
            self.score, self.best_epoch, self.best, self.history = (
                kept["score"],
                kept["best_epoch"],
                kept["best"],
                kept["history"],
            )

    @property
    def epochs(self) -> int:
        """Epochs already trained; all of them if patience ran out in an earlier call."""
        return self.course.until if self._out_of_patience() else len(self.history)

    def report(self, epoch: int, measured: Mapping[str, float]) -> bool:
        self.history.append(dict(measured))
        score = measured[f"valid_{self.goal.name}"]
        if self.goal.better(score, self.score) or not self.best:
            self.score, self.best_epoch = score, epoch + 1
            self.best = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        if time.monotonic() - self.saved > CHECKPOINT_EVERY:
            self._save()
        return self._out_of_patience()

    def _out_of_patience(self) -> bool:
        patience = self.course.patience
        return patience is not None and bool(self.best) and len(self.history) - self.best_epoch >= patience

    def _save(self) -> None:
        content = io.BytesIO()  # PyTorch's own writer reports a full disk as a RuntimeError like any other
        torch.save(
            {
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "score": self.score,
                "best_epoch": self.best_epoch,
                "best": self.best,
                "history": self.history,
            },
            content,
        )
        write_bytes(self.path, content.getvalue())
        self.saved = time.monotonic()

    def finish(self) -> Standing:
        """Checkpoint, put the best weights on disk, and say where the learner stands."""
        self._save()
        self.model.load_state_dict(self.best)
        weights.save(self.model, self.folder / "best")
        return Standing(self.score, len(self.history), self.best_epoch, tuple(self.history))


def in_closed_form(lesson: Lesson, settings: Mapping[str, Any], seed: int, folder: Path, course: Course) -> Standing:
    """Solve for all examples at once; there are no epochs to speak of."""
    data = read(lesson)
    own = configured(ClosedFormSettings, _named(ClosedFormSettings, settings))
    copies = data.train if own.draws else data.train[:1]
    torch.manual_seed(derive(seed, "weights"))
    model = new_model(lesson, data, settings)
    with torch.no_grad():
        features = _of_all(copies, lambda target, *inputs: model.stem(*inputs))
        targets = _of_all(copies, model.finish.inverse)  # type: ignore[arg-type]  # every finish has one
        _solve(model, features, targets, derive(seed, "solve"))
    scores = validate(model, data.task, data.valid)
    weights.save(model, folder / "best")
    return Standing(scores[f"valid_{data.task.goal.name}"], 1, 1, (scores,))


def _of_all(copies: tuple[Examples, ...], read: Callable[..., Tensor]) -> Tensor:
    """What `read` makes of all examples, one copy behind the other; in a mapped file if that is large.

    Args:
        read: (target, *inputs) of some examples -> (n, ...).
    """
    rows = sum(len(target) for _, target in copies)
    one = read(*(values[:1] for values in (copies[0].target, *copies[0].inputs))).cpu()  # (1, ...)
    if copies[0].target.is_cuda or one.nbytes * rows < MAPPED:
        return torch.cat([read(target, *inputs) for inputs, target in copies])
    whole = torch.from_numpy(room((rows, *one.shape[1:]), one.numpy().dtype))
    step, place = max(1, BLOCK // one.nbytes), 0
    for inputs, target in copies:
        for start in range(0, len(target), step):
            some = slice(start, start + step)
            read_now = read(*(values[some] for values in (target, *inputs)))
            whole[place : place + len(read_now)] = read_now
            place += len(read_now)
    return whole


def _solve(model: Model, features: Tensor, targets: Tensor, seed: int) -> None:
    """Targets are class codes, codes and weights, or numbers, as the model's finish gives them."""
    network = model.network
    assert isinstance(network, Solvable)
    if isinstance(model.finish, Weighing):
        if not isinstance(network, Weighable):
            raise ValueError("it is solved for all examples alike and cannot weigh classes; set weights: none")
        network.solve_weighed(features, *model.finish.apart(targets), seed)
    elif targets.is_floating_point():
        network.solve(features, targets.flatten(1) if targets.ndim > 1 else targets[:, None], seed)  # (N, O)
    else:
        network.solve(features, targets, seed)


def _halvings(epochs: int) -> list[int]:
    """A quarter, a half and all of the epochs, where those differ.

    >>> _halvings(12), _halvings(2), _halvings(1)
    ([3, 6, 12], [1, 2], [1])
    """
    first = max(1, epochs // 4)
    return sorted({rung for rung in (first, 2 * first) if rung < epochs} | {epochs})


def _at_once(epochs: int) -> list[int]:
    return [1]


def _named(config: type[Hyperparameters], settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name in config.model_fields}


LEARNERS: dict[str, Learner] = {
    "gradient": Learner(gradient.Settings, _halvings, by_gradient),  # descended, epoch by epoch
    "adversarial": Learner(adversarial.Settings, _halvings, by_adversaries),  # two networks at odds
    "closed_form": Learner(ClosedFormSettings, _at_once, in_closed_form),  # solved
}


def learner_of(architecture: str) -> Learner:
    return LEARNERS[ARCHITECTURES[architecture].learner]

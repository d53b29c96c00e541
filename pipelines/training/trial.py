"""One trial, in a worker process: one setting, trained to the next rung."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import UserError
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.gradient import DivergenceError
from pipelines.training.job import TrainingJob, load_training_data
from pipelines.training.learners import Budget, learner_of

PRELOADED_MODULES = ("torch._dynamo",)  # PyTorch's optimizers import it on first use: better once than in every worker
TRIAL_ERRORS = (ArithmeticError, ValueError, RuntimeError)  # what a bad setting can raise; the rest is ours


@dataclass(frozen=True)
class TrialSpec:
    """What a worker is asked to do; small, because it travels through a pipe."""

    job: TrainingJob
    settings: ContenderSettings[Any]
    seed: int
    folder: Path  # scratch of this trial or seed; what is finished there is not done again
    budget: Budget


@dataclass(frozen=True)
class TrainingResult:
    """How an assignment ended: where it stands, or why it failed."""

    score: float | None
    epochs: int = 0
    best_epoch: int = 0
    reason: str = ""
    history: tuple[dict[str, float], ...] = ()


def run_trial(spec: TrialSpec) -> TrainingResult:
    """Learn as far as asked, or read what an earlier run already found for exactly this."""
    path = spec.folder / f"until-{spec.budget.stop_epoch}.json"
    if path.exists():
        return _read_result(path)
    if spec.job.device == "cpu":
        torch.set_num_threads(1)  # one thread per worker: the same sums in the same order, however many workers
    else:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
        torch.use_deterministic_algorithms(True)
    learner = learner_of(spec.job.architecture)
    spec.folder.mkdir(parents=True, exist_ok=True)
    load_training_data(spec.job)  # before the setting can be blamed for what is wrong with the files
    try:
        outcome = learner.train(spec.job, spec.settings, spec.seed, spec.folder, spec.budget)
        result = TrainingResult(outcome.score, outcome.epochs, outcome.best_epoch, "", outcome.history)
    except UserError:  # a file is damaged: not the setting's fault
        raise
    except (MemoryError, torch.OutOfMemoryError):
        return TrainingResult(None, reason="out of memory")  # not kept: another day there may be more
    except TRIAL_ERRORS as error:
        result = TrainingResult(None, reason=_describe_error(error))
    write_json(path, {**vars(result), "history": list(result.history)})
    return result


def _read_result(path: Path) -> TrainingResult:
    fields = read_json(path)
    return TrainingResult(**{**fields, "history": tuple(fields["history"])})


def _describe_error(error: Exception) -> str:
    """One line, the same on every run: an address or a number of free bytes has no place in an artifact."""
    if isinstance(error, DivergenceError):
        return str(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"

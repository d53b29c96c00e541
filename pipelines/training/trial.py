"""One training in a worker process: a trial of a search up to a rung, or a seed of the best settings."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from models import ARCHITECTURES
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import UserError
from pipelines.training.budget import Budget
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.gradient import DivergenceError
from pipelines.training.job import TrainingJob, load_training_data
from pipelines.training.learners import TrainingResult, learner_of

TRIAL_ERRORS = (ArithmeticError, ValueError, RuntimeError)  # what bad settings can raise; anything else is a defect


def preloaded_modules(architecture: str) -> tuple[str, ...]:
    """What trainings import on first use, as PyTorch's optimizers do: better once than in every worker."""
    return () if ARCHITECTURES[architecture].learner == "closed_form" else ("torch._dynamo",)


@dataclass(frozen=True)
class TrialSpec:
    """The task of a worker; small, because it is sent through a pipe."""

    job: TrainingJob
    settings: ContenderSettings[Any]
    seed: int
    folder: Path  # scratch of this trial or seed; what is finished there is not done again
    budget: Budget


def run_trial(spec: TrialSpec) -> TrainingResult:
    """Train until the budget's share, or read the result that an earlier run wrote for exactly this."""
    path = spec.folder / f"until-{spec.budget.share:.0%}.json"
    if path.exists():
        return read_result(path)
    if spec.job.device == "cpu":
        torch.set_num_threads(1)  # one thread per worker: the same sums in the same order, however many workers
    else:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
        torch.use_deterministic_algorithms(True)
    learner = learner_of(spec.job.architecture)
    spec.folder.mkdir(parents=True, exist_ok=True)
    job = spec.job.read_with(spec.settings.stem)
    load_training_data(job)  # here, because damaged files are no failure of the settings
    try:
        result = learner.train(job, spec.settings, spec.seed, spec.folder, spec.budget)
    except UserError:  # a file is damaged: no failure of the settings
        raise
    except (MemoryError, torch.OutOfMemoryError):
        return TrainingResult(None, reason="out of memory")  # not kept: another day there may be more
    except TRIAL_ERRORS as error:
        result = TrainingResult(None, reason=_describe_error(error))
    write_json(path, {**vars(result), "history": list(result.history)})
    return result


def read_result(path: Path) -> TrainingResult:
    """What `run_trial` wrote."""
    fields = read_json(path)
    return TrainingResult(**{**fields, "history": tuple(fields["history"])})


def _describe_error(error: Exception) -> str:
    """One line, the same on every run: an address or a number of free bytes has no place in an artifact."""
    if isinstance(error, DivergenceError):
        return str(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"

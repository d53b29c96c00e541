"""One trial, in a worker process: one setting, trained to the next rung."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import Failure
from pipelines.training.gradient import Diverged
from pipelines.training.job import Lesson, read
from pipelines.training.learners import Course, learner_of

IMPORTS = ("torch._dynamo",)  # PyTorch's optimizers import it on first use: better once than in every worker
EXPECTED = (ArithmeticError, ValueError, RuntimeError)  # what a bad setting can raise; the rest is ours


@dataclass(frozen=True)
class Assignment:
    """What a worker is asked to do; small, because it travels through a pipe."""

    lesson: Lesson
    settings: Mapping[str, Any]
    seed: int
    folder: Path  # scratch of this trial or seed; what is finished there is not done again
    course: Course


@dataclass(frozen=True)
class Result:
    """How an assignment ended: where it stands, or why it failed."""

    score: float | None
    epochs: int = 0
    best_epoch: int = 0
    reason: str = ""
    history: tuple[dict[str, float], ...] = ()


def carry_out(assignment: Assignment) -> Result:
    """Learn as far as asked, or read what an earlier run already found for exactly this."""
    path = assignment.folder / f"until-{assignment.course.until}.json"
    if path.exists():
        return _read(path)
    if assignment.lesson.device == "cpu":
        torch.set_num_threads(1)  # one thread per worker: the same sums in the same order, however many workers
    else:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS is not deterministic
        torch.use_deterministic_algorithms(True)
    learner = learner_of(assignment.lesson.architecture)
    assignment.folder.mkdir(parents=True, exist_ok=True)
    read(assignment.lesson)  # before the setting can be blamed for what is wrong with the files
    try:
        standing = learner.advance(
            assignment.lesson, assignment.settings, assignment.seed, assignment.folder, assignment.course
        )
        result = Result(standing.score, standing.epochs, standing.best_epoch, "", standing.history)
    except Failure:  # a file is damaged: not the setting's fault
        raise
    except (MemoryError, torch.OutOfMemoryError):
        return Result(None, reason="out of memory")  # not kept: another day there may be more
    except EXPECTED as error:
        result = Result(None, reason=_reason(error))
    write_json(path, {**vars(result), "history": list(result.history)})
    return result


def _read(path: Path) -> Result:
    kept = read_json(path)
    return Result(**{**kept, "history": tuple(kept["history"])})


def _reason(error: Exception) -> str:
    """One line, the same on every run: an address or a number of free bytes has no place in an artifact."""
    if isinstance(error, Diverged):
        return str(error)
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"

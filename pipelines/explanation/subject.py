"""Subject of an explanation: a trained contender, read from its artifacts, and rows that were held out from it.

N rows of a part, n of them that are explained.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.blocks.averaged_model import TrainedNetwork
from pipelines.data.dependence import Dependence, read_dependence
from pipelines.data.folds import Folds, read_folds
from pipelines.data.parts import Part, join_parts, read_part, select_rows
from pipelines.data.schema import Schema
from pipelines.runtime.files import read_json
from pipelines.settings import paths
from pipelines.settings.trained_model import TrainedModel, load_members, load_trained
from pipelines.tasks import Task

STEPS_OF_TREES = 64  # operations that as long take as a comparison in a tree, which waits for memory
TREES = ("decision_tree", "random_forest", "gradient_boosting", "isolation_forest")


class HeldOutRows(NamedTuple):
    """Rows that a model has not learned from."""

    model: TrainedNetwork
    part: Part
    train: Part  # what it has learned from
    places: NDArray[np.int64]  # (N,): where each row stands among all that are held out


class Subject(NamedTuple):
    """What is explained."""

    name: str  # the contender's
    architecture: str
    task: Task
    schema: Schema
    model: TrainedNetwork  # what ships, on the CPU and in evaluation mode
    postprocess: nn.Module
    part: Part  # the validation part, from which the rows are that are explained one by one
    held_out: tuple[HeldOutRows, ...]  # the validation part once more; with folds, the rows of each
    dependence: Dependence  # of all rows that are held out, in their order
    flops: int  # of one prediction of the model
    seed: int


class Effort(NamedTuple):
    """How much may be computed."""

    rows: int  # that are explained one by one
    operations: float = float("inf")  # floating-point ones, about


def load_subject(problem: str, contender: str, seed: int) -> Subject:
    """Read a contender that has been evaluated.

    Args:
        seed: the project's.

    Raises:
        UserError: if a file is missing or damaged.
    """
    trained = load_trained(problem, contender)
    train, valid = (read_part(paths.split_folder(problem) / part, trained.schema) for part in ("train", "valid"))
    folds = read_folds(paths.folds_file(problem))
    calibration = read_json(paths.evaluate_folder(problem, contender) / "calibration.json")
    if folds.number:
        held_out, dependence = _rows_of_folds(problem, contender, trained, folds, join_parts(train, valid))
    else:
        dependence = read_dependence(paths.split_folder(problem) / "valid")
        held_out = (HeldOutRows(trained.model, valid, train, np.arange(len(valid.target))),)
    return Subject(
        contender, trained.record["architecture"], trained.task, trained.schema, trained.model,
        trained.task.postprocess(calibration), valid, held_out, dependence, trained.record["flops"], seed,
    )  # fmt: skip


def _rows_of_folds(
    problem: str, contender: str, trained: TrainedModel, folds: Folds, part: Part
) -> tuple[tuple[HeldOutRows, ...], Dependence]:
    """What each fold held out, with the model that has not seen it."""
    models = load_members(problem, contender, trained.task, trained.record, folds.names)
    rows = [folds.held_out(fold) for fold in range(folds.number)]
    order = np.sort(np.concatenate(rows))
    found = tuple(
        HeldOutRows(
            model.eval(),
            select_rows(part, rows[fold]),
            select_rows(part, folds.trained(fold)),
            np.searchsorted(order, rows[fold]),
        )
        for fold, model in enumerate(models)
    )
    return found, folds.dependence


def answer_operations(subject: Subject) -> float:
    """What one answer costs, in operations that take as long as those of a network."""
    return max(1, subject.flops) * (STEPS_OF_TREES if subject.architecture in TREES else 1)


def choose_rows(part: Part, schema: Schema, count: int) -> NDArray[np.int64]:
    """Which rows are explained, (n,): of each class in turn, or evenly over the part."""
    rows = len(part.target)
    if schema.target.kind != "category":
        return np.unique(np.linspace(0, rows - 1, min(count, rows)).round().astype(np.int64))
    codes = np.asarray(part.target)
    occurrence = np.empty(rows, dtype=np.int64)  # how many rows of its class stand in front of a row
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        occurrence[own] = np.arange(len(own))
    return np.lexsort((codes, occurrence))[:count].astype(np.int64)

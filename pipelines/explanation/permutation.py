"""Permutation importance: how much worse a contender does when a column's values are dealt out among the rows anew.

Any learner has it, trees too, since the contender is only asked. Rows that were held out answer, with folds each from
the model that has not seen it, so that a column counts for what it tells about new rows. Columns that say the same
share what they say: each alone may seem to count little.

Breiman, "Random Forests", Machine Learning 45, 2001, section 10; for any model Fisher, Rudin & Dominici, "All Models
are Wrong, but Many are Useful", JMLR 20, 2019. https://jmlr.org/papers/v20/18-760.html

Shapes: N rows that are held out, C columns.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.blocks.averaged_model import TrainedNetwork
from pipelines.data.dependence import Dependence
from pipelines.data.parts import select_rows
from pipelines.evaluation.intervals import (
    UNDEFINED,
    Interval,
    estimate_means,
    mean_intervals,
    series_means,
    student_intervals,
    studentised_draws,
)
from pipelines.evaluation.units import Floats, explain_too_few, find_units, merge_units
from pipelines.explanation.feature_model import networks_of
from pipelines.explanation.subject import Effort, HeldOutRows, Subject, answer_operations
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tasks.task import Reference
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors

MAX_REPEATS = 5  # times that a column is dealt out anew; the mean of them is shown
MIN_ROWS = 50  # that are asked, however much one costs
RESAMPLES = 1_000  # of the bootstrap behind an interval
OPERATIONS_OF_A_CALL = 3e7  # that as long take as to ask a model at all


class Column(NamedTuple):
    """What is dealt out anew: an input, or one variable of a sequence."""

    name: str
    place: int  # among the inputs
    variable: int | None = None


class Importance(NamedTuple):
    """How much worse the goal gets without a column, in the goal's units; below 0: better."""

    column: str
    value: float
    low: float  # 95 % interval over the rows; NaN where nothing can be claimed
    high: float


class Importances(NamedTuple):
    importances: tuple[Importance, ...]  # the largest first
    goal: str
    score: float  # the goal with all columns as they are
    rows: int  # that were asked
    held_out: int  # rows in all; where fewer were asked, the score is not the leaderboard's
    repeats: int
    reason: str  # why there are no intervals; empty where there are


def list_columns(subject: Subject) -> list[Column]:
    """What can be dealt out anew."""
    columns: list[Column] = []
    for place, field in enumerate(subject.task.input_fields):
        if field.kind == "steps":
            columns += [Column(name, place, variable) for variable, name in enumerate(field.columns)]
        else:
            columns.append(Column(field.name, place))
    return columns


def explain_no_columns(subject: Subject) -> str:
    """Why there are no columns to compare; empty if there are."""
    if subject.task.name == "generation":
        return "it starts from noise, and reads no column"
    if len(list_columns(subject)) < 2:
        (field,) = subject.task.input_fields
        return f"it takes columns of a table or variables of a sequence, and the only input, {field.name}, is one"
    return ""


def permutation_importance(subject: Subject, effort: Effort) -> Importances:
    """Importance of every column, with 95 % intervals over the rows.

    Args:
        effort: within its operations, fewer repeats, and fewer rows, evenly over all.
    """
    held_out, places, repeats = _fit_effort(subject, effort)
    questions = _prepare_questions(subject, held_out)
    before = _measure_objective(subject, questions)
    sign = 1.0 if subject.task.goal.direction == "minimize" else -1.0
    columns = list_columns(subject)
    worse = np.zeros((len(places), len(columns)))
    for number, column in enumerate(columns):
        for repeat in range(repeats):
            seed = derive_seed(subject.seed, "explain", column.name, repeat)
            after = _measure_objective(subject, questions, (column, np.random.default_rng(seed)))
            worse[:, number] += sign * (after - before) / repeats
    intervals, reason = _intervals(worse, _dependence_of(subject, places), subject.seed)
    found = [
        Importance(column.name, float(worse[:, number].mean()), *intervals[number])
        for number, column in enumerate(columns)
    ]
    found.sort(key=lambda one: -one.value if np.isfinite(one.value) else np.inf)
    total = sum(len(one.places) for one in subject.held_out)
    return Importances(tuple(found), subject.task.goal.name, float(before.mean()), len(places), total, repeats, reason)


def _fit_effort(subject: Subject, effort: Effort) -> tuple[list[HeldOutRows], NDArray[np.int64], int]:
    """The rows that are asked, their places among all that are held out, and how often."""
    total = sum(len(one.places) for one in subject.held_out)
    networks = len(networks_of(subject.held_out[0].model)) / len(networks_of(subject.model))
    cost = answer_operations(subject) * networks
    calls = OPERATIONS_OF_A_CALL * len(subject.held_out)
    passes = effort.operations / len(list_columns(subject))  # what one column may cost
    count = int(min(total, max(MIN_ROWS, (passes - calls) / cost)))
    kept = np.unique(np.linspace(0, total - 1, count).round().astype(np.int64))
    held_out = []
    for one in subject.held_out:
        mask = np.isin(one.places, kept)
        if mask.any():
            rows = select_rows(one.part, np.flatnonzero(mask))
            held_out.append(one._replace(part=rows, places=one.places[mask]))
    return held_out, kept, int(max(1, min(MAX_REPEATS, passes // (calls + len(kept) * cost))))


class _Questions(NamedTuple):
    """What is asked: the rows of each model, and what all answers are scored against."""

    asked: tuple[tuple[TrainedNetwork, tuple[Tensor, ...]], ...]  # a model and its rows' inputs, (n, ...) each
    order: NDArray[np.intp]  # (N,): of all answers one behind the other, so that they stand as the held-out rows do
    reference: Reference


def _prepare_questions(subject: Subject, held_out: list[HeldOutRows]) -> _Questions:
    order = np.argsort(np.concatenate([one.places for one in held_out]), kind="stable")
    references = [subject.task.reference(one.part, one.train) for one in held_out]
    joined = (np.concatenate(fields)[order] for fields in zip(*references, strict=True))
    asked = tuple((one.model, to_tensors(model_inputs(subject.task, one.part))) for one in held_out)
    return _Questions(asked, order, subject.task.reference_type(*joined))


def _measure_objective(
    subject: Subject, questions: _Questions, shuffled: tuple[Column, np.random.Generator] | None = None
) -> Floats:
    """The goal of every row, (N,); where a column is dealt out anew, among the rows of each model."""
    answers = []
    for model, inputs in questions.asked:
        if shuffled is not None:
            inputs = shuffle_column(inputs, shuffled[0], shuffled[1].permutation(len(inputs[0])))
        answers.append(predict(model, subject.postprocess, inputs))
    predictions = np.concatenate(answers)[questions.order]
    return np.asarray(subject.task.objective_per_row(predictions, questions.reference), dtype=np.float64)


def shuffle_column(inputs: tuple[Tensor, ...], column: Column, order: NDArray[np.int64]) -> tuple[Tensor, ...]:
    """Inputs (N, ...) of which one column is that of other rows."""
    values, rows = inputs[column.place], torch.from_numpy(order)
    changed = values[rows]
    if column.variable is not None:
        changed, other = values.clone(), changed
        changed[..., column.variable] = other[..., column.variable]
    return (*inputs[: column.place], changed, *inputs[column.place + 1 :])


def _dependence_of(subject: Subject, places: NDArray[np.int64]) -> Dependence:
    units = subject.dependence.units
    return subject.dependence if units is None else subject.dependence._replace(units=units[places])


def _intervals(worse: Floats, dependence: Dependence, seed: int) -> tuple[list[Interval], str]:
    """The interval of every column's mean, and why there is none."""
    reason = explain_too_few(dependence, len(worse))
    if not reason and not np.isfinite(worse).all():
        reason = "the goal is not a number on some rows"
    if reason:
        return [UNDEFINED] * worse.shape[1], reason
    if dependence.kind == "series":
        assert dependence.units is not None, "a series is in the order of something"
        return student_intervals(series_means(worse[np.argsort(dependence.units, kind="stable")])), ""
    compact = dependence
    if dependence.units is not None:  # of some rows alone: clusters are numbered anew
        compact = dependence._replace(units=np.unique(dependence.units, return_inverse=True)[1])
    units = merge_units(find_units(compact, len(worse)), seed)
    sums = units.sum_rows(worse)
    draws = studentised_draws(sums, units.sizes, seed, RESAMPLES)
    return mean_intervals(estimate_means(sums, units.sizes), draws), ""


def table_rows(importances: Importances) -> Iterator[tuple[Any, ...]]:
    """Of every column its importance and the ends of its interval."""
    yield from importances.importances

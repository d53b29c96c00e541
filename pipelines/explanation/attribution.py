"""Attributions: how much each element of a few rows counted for what a contender answers, by one of several methods.

Shapes: n rows, P elements of a row.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipelines.data.parts import Part, select_rows
from pipelines.data.schema import Field
from pipelines.evaluation.number_format import format_number
from pipelines.explanation.attention import attention_weights
from pipelines.explanation.elements import ELEMENT_LAYOUTS, ElementKind
from pipelines.explanation.feature_model import stems_of
from pipelines.explanation.grad_cam import grad_cam
from pipelines.explanation.gradients import DEFAULT_STEPS, input_gradients, integrated_gradients
from pipelines.explanation.occlusion import make_windows, occlude
from pipelines.explanation.spectrogram import spectrogram_axes
from pipelines.explanation.subject import Effort, Subject, answer_operations, choose_rows
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors

MAX_TABLE_ELEMENTS = 20  # of a row that are written into a table, those that count most
MIN_STEPS = 8  # of integrated gradients, fewer of which would be far off
PASSES = 3  # forward passes that a gradient costs: one forward, and backward about two
UNKNOWN = "?"  # a token that is not in the vocabulary

AttributionMethod = Callable[[Subject, tuple[Tensor, ...], int], Tensor]  # (subject, inputs, steps) -> (n, P...)

ATTRIBUTION_METHODS: dict[str, AttributionMethod] = {
    "input_gradients": lambda subject, inputs, _: input_gradients(subject, inputs),
    "integrated_gradients": integrated_gradients,
    "grad_cam": lambda subject, inputs, _: grad_cam(subject, inputs),
    "attention": lambda subject, inputs, _: attention_weights(subject, inputs),
    "occlusion": lambda subject, inputs, _: occlude(subject, inputs),
}


class Attribution(NamedTuple):
    """Numbers for every element of some rows; row i of everything is the same row."""

    kind: ElementKind
    rows: NDArray[np.int64]  # (n,), of the validation part
    answers: tuple[str, ...]  # what the contender answers, in words; empty where that is many numbers
    values: NDArray[np.float64]  # (n, H, W), (n, T, F), (n, T) or (n, D); see elements.py
    names: tuple[tuple[str, ...], ...]  # of the elements of each row, in the order of its values; of padding, empty
    examples: Part  # the rows themselves


def attribute_rows(subject: Subject, method: str, effort: Effort) -> Attribution:
    """Explain a few rows of the validation part.

    Args:
        method: a key of ATTRIBUTION_METHODS that applies.
        effort: within its operations, integrated gradients take fewer steps, and every method fewer rows.
    """
    rows, steps = fit_effort(subject, method, effort)
    chosen = choose_rows(subject.part, subject.schema, rows)
    examples = select_rows(subject.part, chosen)
    inputs = to_tensors(model_inputs(subject.task, examples))
    found = ATTRIBUTION_METHODS[method](subject, inputs, steps)
    kind = ELEMENT_LAYOUTS[type(stems_of(subject.model)[0])].kind
    return Attribution(
        kind,
        chosen,
        tuple(_describe_answers(subject, inputs)),
        found.detach().double().numpy(),
        tuple(_name_elements(kind, subject, found, inputs)),
        examples,
    )


def fit_effort(subject: Subject, method: str, effort: Effort) -> tuple[int, int]:
    """Rows, and steps of integrated gradients, within an effort: at least one row, and at least 8 steps."""
    answers = effort.operations / answer_operations(subject)
    if method == "occlusion":
        first = to_tensors(model_inputs(subject.task, select_rows(subject.part, np.arange(1))))
        return max(1, int(min(effort.rows, answers / len(make_windows(subject, first))))), 1
    gradients = answers / PASSES
    if method != "integrated_gradients":
        return max(1, int(min(effort.rows, gradients))), 1
    rows = max(1, int(min(effort.rows, gradients / MIN_STEPS)))
    return rows, int(min(DEFAULT_STEPS, max(MIN_STEPS, gradients / rows)))


def table_rows(attribution: Attribution) -> Iterator[tuple[int, str, str, float]]:
    """Of every row its number, what is answered, and each element that counts most with its value."""
    named = zip(attribution.rows, attribution.answers, attribution.names, attribution.values, strict=True)
    for row, answer, names, values in named:
        flat = values.ravel()
        order = [place for place in np.argsort(-np.abs(flat), kind="stable") if names[place]]
        for place in order[:MAX_TABLE_ELEMENTS]:
            yield int(row), answer, names[place], float(flat[place])


def _describe_answers(subject: Subject, inputs: tuple[Tensor, ...]) -> Iterator[str]:
    predictions = predict(subject.model, nn.Identity(), inputs)
    for outputs in predictions:
        if subject.task.name == "classification":
            yield subject.schema.target.categories[int(outputs.argmax())]
        elif subject.task.name == "regression":
            yield f"{format_number(float(outputs[0]))} {subject.schema.target.unit}".strip()
        else:
            yield ""


def _name_elements(
    kind: ElementKind, subject: Subject, values: Tensor, inputs: tuple[Tensor, ...]
) -> Iterator[tuple[str, ...]]:
    fields = subject.task.input_fields
    if kind == "text":
        for text in inputs[0]:
            yield tuple(_name_token(fields[0], int(number), place) for place, number in enumerate(text))
        return
    names = _ELEMENT_NAMES[kind](subject, values.shape[1:])
    for _ in values:
        yield names


def _name_token(field: Field, number: int, place: int) -> str:
    """A token and where it stands, counted from 1; empty behind the last."""
    if not number:
        return ""
    return f"{place + 1}: {field.categories[number] if number > 1 else UNKNOWN}"


def _name_pixels(subject: Subject, shape: torch.Size) -> tuple[str, ...]:
    return tuple(f"row {row + 1}, column {column + 1}" for row, column in np.ndindex(*shape))


def _name_steps(subject: Subject, shape: torch.Size) -> tuple[str, ...]:
    (field,) = subject.task.input_fields
    names = field.columns if len(field.columns) == shape[1] else tuple(map(str, range(1, shape[1] + 1)))
    return tuple(f"step {step + 1}, {names[variable]}" for step, variable in np.ndindex(*shape))


def _name_bands(subject: Subject, shape: torch.Size) -> tuple[str, ...]:
    seconds, hertz = spectrogram_axes(subject)
    return tuple(f"{seconds[step]:.2f} s, {hertz[band]:.0f} Hz" for step, band in np.ndindex(*shape))


def _name_columns(subject: Subject, shape: torch.Size) -> tuple[str, ...]:
    return tuple(field.name for field in subject.task.input_fields)


_ELEMENT_NAMES: dict[ElementKind, Callable[[Subject, torch.Size], tuple[str, ...]]] = {
    "image": _name_pixels,
    "steps": _name_steps,
    "audio": _name_bands,
    "table": _name_columns,
}

"""Integrated gradients add up; of which networks a gradient says all is stated, and true; elements are the stem's."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models import ARCHITECTURES
from models.blocks.averaged_model import AveragedModel
from models.outputs.averages import LogMeanProbability
from models.stems import ColumnSpec, Model, build_stem
from pipelines.explanation.elements import add_features, blank_features, gather_elements
from pipelines.explanation.explained_number import EXPLAINED_NUMBERS, NO_NUMBER
from pipelines.explanation.feature_model import FeatureModel, read_features, stems_of
from pipelines.explanation.gradients import WITHOUT_GRADIENT, input_gradients, integrated_gradients
from pipelines.explanation.subject import Subject
from pipelines.tasks import TASKS
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.job import to_tensors
from tests.support.architecture_cases import make_examples, ready_network, usual_shape
from tests.support.planted import PLANTED, train_subject

ROWS = 6
VECTORS_FROM_CLASSES = [
    name
    for name, one in ARCHITECTURES.items()
    if one.output_type == "vector" and {"classes", "numbers"} & set(one.predicts)
]


def first_inputs(subject: Subject, rows: int = ROWS) -> tuple[Tensor, ...]:
    return tuple(values[:rows] for values in to_tensors(model_inputs(subject.task, subject.part)))


def explained_difference(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """The explained number of each row less that of features of 0, (B,)."""
    scorer = FeatureModel(subject.model, subject.task).eval()
    features = read_features(subject.model, inputs)
    weights = scorer.weigh(features, inputs)
    blank = tuple(blank_features(*pair) for pair in zip(stems_of(subject.model), features, strict=True))
    difference: Tensor = scorer(*features, weights, *inputs) - scorer(*blank, weights, *inputs)
    return difference.detach()


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [
        ("pictures", "cnn"),
        ("pictures", "lstm"),  # row by row
        ("series", "gru"),
        ("series", "mlp"),  # flat
        ("series", "patch_transformer"),  # as an image
        ("texts", "lstm"),
        ("texts", "logistic_regression"),
        ("table", "mlp"),
    ],
)
def test_integrated_gradients_add_up_to_what_they_explain(kind: str, architecture: str) -> None:
    """Completeness: Sundararajan et al. 2017, proposition 1."""
    subject = train_subject(architecture, PLANTED[kind](), passes=4)
    inputs = first_inputs(subject)
    found = integrated_gradients(subject, inputs).flatten(1).sum(1)
    torch.testing.assert_close(found, explained_difference(subject, inputs), atol=0.02, rtol=0.02)


def test_an_average_is_explained_as_one_model() -> None:
    data = PLANTED["texts"]()  # whose stems are learned, so that each member keeps its own
    members = [train_subject("gru", data, passes=passes) for passes in (2, 4)]
    average = AveragedModel([one.model for one in members if isinstance(one.model, Model)], LogMeanProbability(-1))
    assert len(average.stems) == 2
    subject = members[0]._replace(model=average.eval())
    inputs = first_inputs(subject)
    found = integrated_gradients(subject, inputs).flatten(1).sum(1)
    torch.testing.assert_close(found, explained_difference(subject, inputs), atol=0.02, rtol=0.02)


@pytest.mark.parametrize("name", VECTORS_FROM_CLASSES)
def test_a_gradient_tells_all_that_an_architecture_sees_unless_it_is_listed(name: str) -> None:
    """Along a path of 64 points, the gradients of a network add up to what its output changes by."""
    network = ready_network(name, usual_shape(name))
    x = make_examples(usual_shape(name))[:4]
    factors = 0.6 + 0.4 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0))
    if x.ndim == 3:
        factors[:, :, -1] = 1  # a step stays there
    start = x * factors
    direction = torch.linspace(-1, 1, network(x).shape[1])
    points = (torch.arange(64.0) + 0.5).reshape(-1, *[1] * x.ndim) / 64
    path = (start + points * (x - start)).flatten(0, 1).requires_grad_()
    score = (network(path) @ direction).sum()
    slope = torch.autograd.grad(score, path)[0] if score.requires_grad else torch.zeros_like(path)
    total = ((x - start) * slope.reshape(64, *x.shape).mean(0)).flatten(1).sum(1)
    with torch.no_grad():
        change = (network(x) - network(start)) @ direction
    error = float((total - change).abs().max() / change.abs().max().clamp(min=1e-6))
    assert (error > 0.05) == (name in WITHOUT_GRADIENT), error


def test_the_gradient_of_a_linear_model_times_its_input_is_each_columns_share() -> None:
    subject = train_subject("logistic_regression", PLANTED["table"](), passes=0)
    inputs = first_inputs(subject)
    network: Any = subject.model.network
    features = read_features(subject.model, inputs)[0]
    named = network(features).argmax(1)
    centred = network.weight - network.weight.mean(0)
    expected = (features * centred[named])[:, :10].reshape(ROWS, 5, 2).sum(2)  # two features of each number
    torch.testing.assert_close(input_gradients(subject, inputs)[:, :5], expected)


COLUMN_KINDS = {
    "image": (ColumnSpec("image", (3, 4, 3)), np.random.default_rng(0).integers(0, 255, (5, 3, 4, 3)).astype(np.uint8)),
    "steps": (ColumnSpec("steps", (6, 2)), np.random.default_rng(0).normal(size=(5, 6, 2)).astype(np.float32)),
    "audio": (
        ColumnSpec("audio", (2000,), rate=8000),
        np.random.default_rng(0).integers(-999, 999, (5, 2000)).astype(np.int16),
    ),
}


@pytest.mark.parametrize("kind", COLUMN_KINDS)
@pytest.mark.parametrize("input_type", ["vector", "image", "sequence"])
def test_features_are_brought_back_to_the_same_elements_however_they_are_read(kind: str, input_type: Any) -> None:
    column, values = COLUMN_KINDS[kind]
    stem: Any = build_stem((column,), input_type)
    stem.fit((values,))
    reference: Any = build_stem((column,), "vector")
    reference.fit((values,))
    inputs = (torch.from_numpy(values),)
    found = gather_elements(stem, stem(*inputs), inputs, add_features)
    torch.testing.assert_close(found, gather_elements(reference, reference(*inputs), inputs, add_features))
    if kind == "image":
        pixels = (inputs[0].float() - stem.mean) / stem.scale
        torch.testing.assert_close(found, pixels.sum(3))


def test_tokens_stand_where_they_stood_in_the_text() -> None:
    ids = torch.tensor([[5, 3, 5, 0], [2, 0, 0, 0]])
    column = ColumnSpec("text", (4,), cardinality=6, length=4)
    ordered: Any = build_stem((column,), "sequence")
    with torch.no_grad():
        ordered.embedding.weight.copy_(torch.arange(6.0)[:, None].expand_as(ordered.embedding.weight))
        found = gather_elements(ordered, ordered(ids), (ids,), add_features)
    torch.testing.assert_close(found / ordered.embedding.embedding_dim, ids.float())
    counted: Any = build_stem((column,), "vector")
    shares = gather_elements(counted, torch.arange(6.0).expand(2, 6), (ids,), add_features)
    torch.testing.assert_close(shares, torch.tensor([[2.5, 3.0, 2.5, 0.0], [2.0, 0.0, 0.0, 0.0]]))


def test_every_task_has_a_number_that_is_explained_or_a_reason_why_not() -> None:
    assert sorted([*EXPLAINED_NUMBERS, *NO_NUMBER]) == sorted(TASKS)


def test_weights_of_outputs_pick_the_number_that_is_explained() -> None:
    class OfShape:
        shape = (3, 5)

    task: Any = type("Task", (), {"form": OfShape, "scored_classes": np.array([1, 2])})
    drawn = torch.arange(2 * 16.0).reshape(2, 16)
    middle = EXPLAINED_NUMBERS["denoising"].weigh_outputs(task, drawn)
    assert (drawn * middle).sum(1).tolist() == [1 + 1 * 5 + 2, 16 + 1 + 1 * 5 + 2]  # a score, then row 1, column 2
    forecast = torch.arange(2 * 3 * 1 * 3.0).reshape(2, 3, 1, 3)
    median = EXPLAINED_NUMBERS["forecasting"].weigh_outputs(task, forecast)
    assert (forecast * median).flatten(1).sum(1).tolist() == pytest.approx([4, 13])  # the means of 1 4 7 and 10 13 16
    logits = torch.zeros(1, 3, 2, 2)
    logits[0, 2, 0, 1], logits[0, 0, 1] = 6, 9
    area = EXPLAINED_NUMBERS["segmentation"].weigh_outputs(task, logits)
    assert (logits * area).sum().item() == pytest.approx(6 - 6 / 3)  # one pixel is of class 2, over the mean of three
    assert math.isclose(area.sum().item(), 0, abs_tol=1e-6)

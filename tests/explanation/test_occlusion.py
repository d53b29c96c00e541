"""Windows cover every element; what is hidden is what stems from them; the fall is that of the explained number."""

import torch

from pipelines.explanation.feature_model import prepare_scorer
from pipelines.explanation.occlusion import make_windows, occlude
from pipelines.explanation.subject import Subject
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.job import to_tensors
from tests.support.planted import PLANTED, SIDE, train_subject


def first_inputs(subject: Subject, rows: int = 4) -> tuple[torch.Tensor, ...]:
    return tuple(values[:rows] for values in to_tensors(model_inputs(subject.task, subject.part)))


def test_windows_overlap_by_half_and_cover_all() -> None:
    subject = train_subject("decision_tree", PLANTED["pictures"](), passes=0)
    windows = make_windows(subject, first_inputs(subject))
    assert windows.shape == ((SIDE - 1) ** 2, SIDE, SIDE)
    assert set(windows.flatten(1).sum(1).tolist()) == {4}
    assert windows.sum(0).min() == 1
    assert windows.sum(0)[1:-1, 1:-1].unique().tolist() == [4]


def test_of_a_linear_model_a_columns_fall_is_its_share() -> None:
    subject = train_subject("logistic_regression", PLANTED["table"](), passes=0)
    inputs = first_inputs(subject)
    scorer, features, weights = prepare_scorer(subject.model, subject.task, inputs)
    whole = scorer(*features, weights, *inputs)
    without_all = scorer(*(torch.zeros_like(values) for values in features), weights, *inputs)
    found = occlude(subject, inputs)
    assert found.shape == (4, 6)
    torch.testing.assert_close(found.sum(1), (whole - without_all).detach(), atol=1e-4, rtol=1e-4)


def test_what_is_not_there_counts_nothing() -> None:
    subject = train_subject("random_forest", PLANTED["texts"](), passes=0)
    inputs = first_inputs(subject)
    shorter = inputs[0].clone()
    shorter[:, 5:] = 0
    found = occlude(subject, (shorter,))
    assert not found[:, 5:].any()
    assert found[:, :5].any()

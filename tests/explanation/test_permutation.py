"""Permutation importance asks rows that were held out, within its effort, and claims no more than they can tell."""

import numpy as np
import pytest
import torch

from pipelines.data.dependence import Dependence
from pipelines.data.parts import select_rows
from pipelines.explanation.drawing import describe_rows
from pipelines.explanation.permutation import MIN_ROWS, Column, permutation_importance, shuffle_column
from pipelines.explanation.subject import Effort, HeldOutRows, Subject
from tests.support.planted import COLUMNS, ROWS, plant_table, train_subject


@pytest.fixture(scope="module")
def subject() -> Subject:
    return train_subject("logistic_regression", plant_table(), passes=0)


def in_folds(subject: Subject) -> Subject:
    """The same rows, held out by two folds in turn."""
    rows = np.arange(len(subject.part.target))
    halves = (rows[rows % 2 == 0], rows[rows % 2 == 1])
    held_out = tuple(HeldOutRows(subject.model, select_rows(subject.part, own), subject.part, own) for own in halves)
    return subject._replace(held_out=held_out)


def test_rows_of_folds_are_scored_together(subject: Subject) -> None:
    whole, parted = (permutation_importance(one, Effort(1)) for one in (subject, in_folds(subject)))
    assert parted.score == pytest.approx(whole.score)
    assert (parted.rows, parted.held_out, parted.repeats) == (whole.rows, ROWS, whole.repeats)
    assert parted.importances[0].column == whole.importances[0].column
    assert parted.importances[0].value == pytest.approx(whole.importances[0].value, rel=0.3)


def test_a_small_effort_asks_fewer_rows_and_once(subject: Subject) -> None:
    found = permutation_importance(in_folds(subject)._replace(flops=10**9), Effort(1, operations=1e9))
    assert (found.rows, found.held_out, found.repeats) == (MIN_ROWS, ROWS, 1)
    assert describe_rows(found) == f"of {MIN_ROWS} rows: the leaderboard's score is of all {ROWS}"
    assert found.importances[0].low < found.importances[0].value < found.importances[0].high


def test_the_same_subject_has_the_same_importances(subject: Subject) -> None:
    assert permutation_importance(subject, Effort(1)) == permutation_importance(subject, Effort(1))


def test_rows_of_few_groups_claim_nothing(subject: Subject) -> None:
    groups = Dependence("clusters", np.arange(len(subject.part.target)) % 3)
    found = permutation_importance(subject._replace(dependence=groups), Effort(1))
    assert "too few to tell" in found.reason
    assert all(np.isnan(one.low) and np.isnan(one.high) for one in found.importances)
    assert len(found.importances) == COLUMNS


def test_rows_of_one_group_count_together(subject: Subject) -> None:
    """The mean is the same; its interval is that of half as many units."""
    groups = Dependence("clusters", np.arange(len(subject.part.target)) // 2)
    alone, paired = (
        permutation_importance(subject._replace(dependence=one), Effort(1)).importances[0]
        for one in (subject.dependence, groups)
    )
    assert paired.value == alone.value
    assert (paired.low, paired.high) != (alone.low, alone.high)


def test_only_the_column_that_is_dealt_out_changes() -> None:
    steps = torch.arange(24.0).reshape(4, 3, 2)
    order = np.array([1, 2, 3, 0])
    inputs = (torch.arange(4.0), steps)
    first, changed = shuffle_column(inputs, Column("b", 1, 1), order)
    assert torch.equal(first, inputs[0])
    assert torch.equal(changed[..., 0], steps[..., 0])
    assert torch.equal(changed[..., 1], steps[[1, 2, 3, 0], :, 1])
    numbers, same = shuffle_column(inputs, Column("a", 0), order)
    assert numbers.tolist() == [1, 2, 3, 0]
    assert torch.equal(same, steps)

"""The table of methods: every one has words, and what does not apply says why."""

import pytest

from models import ARCHITECTURES
from pipelines.explanation.methods import METHODS, find_methods
from pipelines.explanation.subject import Subject, choose_rows
from pipelines.reporting.explanations import EXPLANATIONS
from tests.support.planted import PLANTED, plant_pictures, train_subject


def test_every_method_has_its_words() -> None:
    assert list(METHODS) == list(EXPLANATIONS)


@pytest.fixture(scope="module")
def subject() -> Subject:
    return train_subject("mlp", plant_pictures(), passes=1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_does_not_apply_to_an_architecture_says_why(architecture: str, subject: Subject) -> None:
    one = subject._replace(architecture=architecture)
    applicable = find_methods(one)
    for name, method in METHODS.items():
        reason = method.explain_obstacle(one)
        assert (name in applicable) == (not reason)
        assert not reason.endswith("."), "it stands inside a sentence"


def test_rows_that_are_shown_are_of_every_class() -> None:
    data = PLANTED["pictures"]()
    rows = choose_rows(data.part, data.schema, 5)
    assert data.part.target[rows].tolist() == [0, 1, 2, 0, 1]
    assert len(set(rows.tolist())) == 5

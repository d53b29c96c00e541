"""A table's competition should hold a linear fit and boosted trees; other kinds of data are left alone."""

import pytest

from pipelines.data.schema import Field, FieldKind, Schema
from pipelines.evaluation.classical import CLASSICAL, find_missing_classical
from pipelines.proposals.contenders import ENTRANTS
from pipelines.tasks import build_task, settings_from_json

TARGETS = {
    "classification": Field(name="answer", kind="category", dtype="int64", shape=(), categories=("no", "yes")),
    "regression": Field(name="answer", kind="number", dtype="float32", shape=()),
}


def field(name: str, kind: FieldKind) -> Field:
    return Field(name=name, kind=kind, dtype="float32", shape=(8, 8) if kind == "image" else ())


def missing(task: str, entered: set[str], *kinds: FieldKind) -> tuple[str, ...]:
    inputs = tuple(field(f"input {number}", kind) for number, kind in enumerate(kinds))
    schema = Schema(inputs=inputs, target=TARGETS[task], title="Stand-in", origin="", licence="")
    return find_missing_classical(build_task(settings_from_json({"kind": task}), schema), entered)


@pytest.mark.parametrize(
    ("task", "entered", "found"),
    [
        ("classification", {"mlp"}, ("logistic_regression", "gradient_boosting")),
        ("regression", {"mlp", "linear_regression"}, ("gradient_boosting",)),
        ("regression", {"gradient_boosting", "linear_regression"}, ()),
    ],
)
def test_what_was_not_entered_for_a_table_is_found(task: str, entered: set[str], found: tuple[str, ...]) -> None:
    assert missing(task, entered, "number", "category", "text") == found


@pytest.mark.parametrize("kinds", [("image",), ("text",), ("number", "image")])
def test_nothing_is_missing_where_examples_are_no_rows_of_a_table(kinds: tuple[FieldKind, ...]) -> None:
    assert missing("classification", {"mlp"}, *kinds) == ()


@pytest.mark.parametrize("task", CLASSICAL)
def test_every_proposal_for_a_table_holds_them(task: str) -> None:
    always = {entrant.architecture for entrant in ENTRANTS[task, "table"] if not entrant.min_rows}
    assert set(CLASSICAL[task]) <= always

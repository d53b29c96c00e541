"""The comparison with others: who is compared on which set, and how scores and ratios are computed."""

from typing import Any

import numpy as np
import pytest

from benchmarks.automl import SETS, Result, _ratio
from benchmarks.automl_peers import PEERS, Rows, score_predictions
from pipelines.data.schema import Field, Schema


def schema_of(target: Field) -> Schema:
    field = Field(name="x", kind="number", dtype="float32", shape=())
    return Schema(inputs=(field,), target=target, title="", origin="", licence="")


class Fixed:
    """A model whose answers are given."""

    def __init__(self, answers: list[Any], classes: list[int] | None = None) -> None:
        self.answers, self.classes_ = np.array(answers), classes

    def predict_proba(self, _: object) -> Any:
        return self.answers

    predict = predict_proba


def test_every_peer_of_a_set_is_known() -> None:
    assert {peer for one in SETS.values() for peer in one.peers} == set(PEERS)


def test_classes_are_scored_by_their_codes_also_where_the_model_knows_fewer() -> None:
    schema = schema_of(Field(name="y", kind="category", dtype="int64", shape=(), categories=("a", "b", "c")))
    rows = Rows(None, np.array([0, 2, 2]))
    scores = score_predictions(Fixed([[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]], [0, 2]), rows, schema)
    assert scores["accuracy"] == pytest.approx(2 / 3)
    assert scores["log_loss"] == pytest.approx(-(np.log(0.5) + np.log(0.75) + np.log(0.1)) / 3)


def test_numbers_are_scored_by_their_errors() -> None:
    schema = schema_of(Field(name="y", kind="number", dtype="float32", shape=()))
    scores = score_predictions(Fixed([1.0, 4.0]), Rows(None, np.array([1.0, 1.0])), schema)
    assert scores == {"rmse": pytest.approx(np.sqrt(4.5)), "mae": pytest.approx(1.5)}


def test_ratios_are_those_to_the_best_of_all() -> None:
    results = [Result("a", 1.0, {"rmse": 2.0}), Result("b", 1.0, {"rmse": 3.0}), Result("c", 1.0, {})]
    assert [_ratio(result, results, "rmse") for result in results[:2]] == [1.0, 1.5]
    assert np.isnan(_ratio(results[2], results, "rmse"))
    shares = [Result("a", 1.0, {"accuracy": 0.8}), Result("b", 1.0, {"accuracy": 0.4})]
    assert [_ratio(share, shares, "accuracy") for share in shares] == [1.0, 2.0]

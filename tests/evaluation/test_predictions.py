"""Predictions and scores are read as they were written."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluation.predictions import (
    Predictions,
    read_predictions,
    read_scores,
    score_predictions,
    write_predictions,
    write_scores,
)
from pipelines.evaluation.ranking import read_entry
from pipelines.runtime.files import write_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks.classification import ClassReference
from tests.support.letter_entries import FLOOR, SHARES, TARGETS, classification, letter_entry


def test_a_model_that_answers_with_infinities_is_refused_with_the_row() -> None:
    strong = letter_entry("strong")
    broken = strong.predictions.test_predictions.copy()
    broken[7, 0] = np.inf
    with pytest.raises(UserError, match=r"1 of 200 test rows .* first in row 7"):
        score_predictions(classification(), strong.predictions._replace(test_predictions=broken), seed=0)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    strong = letter_entry("strong")
    write_predictions(tmp_path / "predictions.npz", strong.predictions)
    write_scores(tmp_path / "metrics.json", strong.scores, strong.predictions)
    write_json(tmp_path / "model.json", {"architecture": "mlp", "parameters": 5000, "flops": 10_000, "bytes": 20_000})
    again = read_entry(classification(), "strong", tmp_path, tmp_path)
    assert again[:5] == strong[:5]
    assert again.scores.valid == pytest.approx(strong.scores.valid, rel=1e-7)
    assert np.array_equal(again.predictions.test_predictions, strong.predictions.test_predictions)
    assert list(again.predictions.baselines) == [FLOOR]
    assert all(np.array_equal(values, SHARES) for values in again.predictions.baselines[FLOOR])


def test_an_undefined_score_is_null_on_disk_and_comes_back_undefined(tmp_path: Path) -> None:
    strong = letter_entry("strong")
    valid, _, test, *_ = strong.predictions
    rows = TARGETS == 0
    same = Predictions(valid[rows], ClassReference(TARGETS[rows]), test[rows], ClassReference(TARGETS[rows]), {})
    write_scores(tmp_path / "metrics.json", score_predictions(classification(), same, seed=0), same)
    assert '"roc_auc": null' in (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert np.isnan(read_scores(tmp_path / "metrics.json").test["roc_auc"]).all()


def test_predictions_hold_no_date(tmp_path: Path) -> None:
    strong = letter_entry("strong")
    for name in ("one.npz", "two.npz"):
        write_predictions(tmp_path / name, strong.predictions)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert np.array_equal(read_predictions(tmp_path / "one.npz", ClassReference).valid_reference.codes, TARGETS)

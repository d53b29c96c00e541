"""A contender that has been evaluated has a row before its problem has a verdict."""

import json
import math
from pathlib import Path

import pytest

from pipelines.reporting.contender_row import format_row, read_contender_scores


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    train, evaluate = tmp_path / "train", tmp_path / "evaluate"
    train.mkdir()
    evaluate.mkdir()
    (train / "model.json").write_text(json.dumps({"goal": "log_loss"}))
    blocks = {
        "valid": {"accuracy": 0.95, "f1": 0.9, "log_loss": 0.171},
        "test": {"accuracy": 0.983, "f1": None, "log_loss": 0.179},
        "test_low": {"accuracy": 0.968, "f1": None, "log_loss": 0.132},
        "test_high": {"accuracy": 0.994, "f1": None, "log_loss": 0.232},
    }
    (evaluate / "metrics.json").write_text(json.dumps({**blocks, "test_rows": 359, "valid_rows": 360}))
    return train, evaluate


def test_the_row_names_problem_contender_the_goal_and_another_metric(folders: tuple[Path, Path]) -> None:
    scores = read_contender_scores("digits", "lenet5", *folders)
    assert scores is not None
    assert format_row(scores) == "digits  lenet5  log_loss 0.179 [0.132, 0.232]  accuracy 0.983 [0.968, 0.994]"
    assert scores.valid_score == 0.171
    assert math.isnan(scores.test_scores["f1"].value)


@pytest.mark.parametrize("missing", ["model.json", "metrics.json"])
def test_a_contender_that_is_not_finished_has_no_row(folders: tuple[Path, Path], missing: str) -> None:
    for folder in folders:
        (folder / missing).unlink(missing_ok=True)
    assert read_contender_scores("digits", "lenet5", *folders) is None

"""The leaderboard ranks by validation, calls ties ties, and names a champion with a reason."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.data.schema import Field, Schema
from pipelines.evaluation.leaderboard import BASELINE, Leaderboard, read_leaderboard, write_leaderboard
from pipelines.evaluation.predictions import (
    Predictions,
    read_predictions,
    read_scores,
    score_predictions,
    write_predictions,
    write_scores,
)
from pipelines.evaluation.ranking import Entry, check_same_rows, rank, read_entry
from pipelines.reporting.leaderboard import render_leaderboard
from pipelines.runtime.files import write_json
from pipelines.runtime.user_error import UserError
from pipelines.tasks.classification import Classification, ClassificationSettings, ClassReference
from pipelines.tasks.reconstruction import ReconstructionReference

ROWS, CLASSES = 200, 4
TARGETS = np.arange(ROWS) % CLASSES
FLOOR = "majority class (baseline)"
SHARES = np.full((ROWS, CLASSES), 1 / CLASSES)


def classification(goal: str = "log_loss") -> Classification:
    labels = tuple("abcd")
    target = Field(name="label", kind="category", dtype="int64", shape=(), categories=labels)
    schema = Schema(inputs=(), target=target, title="Stand-in", origin="", licence="")
    return Classification(schema, ClassificationSettings(), goal)


def predictions_of(skill: float, seed: int) -> np.ndarray:
    """Probabilities (N, K) whose logits favour the truth by `skill`, and noise besides."""
    logits = np.random.default_rng(seed).normal(size=(ROWS, CLASSES))
    logits[np.arange(ROWS), TARGETS] += skill
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def entry(name: str, skill: float, parameters: int, seed: int = 0, test_skill: float | None = None) -> Entry:
    task = classification()
    predictions = Predictions(
        predictions_of(skill, seed),
        ClassReference(TARGETS),
        predictions_of(skill if test_skill is None else test_skill, seed + 100),
        ClassReference(TARGETS),
        {FLOOR: (SHARES, SHARES)},
    )
    return Entry(name, "mlp", parameters, 2 * parameters, score_predictions(task, predictions, seed=0), predictions)


def competition(*entries: Entry, goal: str = "log_loss") -> Leaderboard:
    return rank("letters", classification(goal), entries, seed=20)


STRONG, WEAK = entry("strong", 4.0, 5000), entry("weak", 1.0, 100)
TWIN = entry("twin", 4.0, 700, seed=1)  # as skilled as strong, and cheaper
COSTLY = entry("costly", 4.0, 9000, seed=2)  # as skilled, and dearer
FAINT = entry("faint", 0.5, 10)  # about as good as the class shares
BLIND = entry("blind", 0.0, 10)
LUCKY = entry("lucky", 4.0, 300, seed=1, test_skill=1.0)  # ties on validation, fails on test


@pytest.mark.parametrize(
    ("entries", "champion", "tied", "sentence"),
    [
        ((STRONG, WEAK), "strong", (), "every other contender is behind it by more than chance explains"),
        ((STRONG, TWIN, WEAK), "twin", ("strong",), "cheapest"),
        ((TWIN, COSTLY), "twin", ("costly",), ""),
        ((WEAK,), "weak", (), "weak is the only contender"),
        ((BLIND,), "blind", (), "It does worse than the row 'majority class (baseline)'"),
        ((FAINT,), "faint", (), "It was not shown to be better than the row 'majority class (baseline)'"),
        ((STRONG, LUCKY), "lucky", ("strong",), "On the test rows, which decide nothing, strong does better"),
    ],
    ids=["clear", "tied, the second cheaper", "tied, the first cheaper", "alone", "blind", "faint", "lucky"],
)
def test_the_champion_is_the_cheapest_that_validation_cannot_tell_from_the_best(
    entries: tuple[Entry, ...], champion: str, tied: tuple[str, ...], sentence: str
) -> None:
    found = competition(*entries).champion
    assert found.contender == champion
    assert found.tied == tied
    assert sentence in found.reason


def test_a_champion_no_better_than_the_baseline_is_marked_so() -> None:
    assert competition(STRONG, WEAK).champion.better_than_baseline
    assert not competition(BLIND).champion.better_than_baseline


def test_the_baseline_stands_in_the_table_and_is_never_the_champion() -> None:
    board = competition(BLIND)
    (floor,) = [row for row in board.rows if row.architecture == BASELINE]
    assert floor.contender == FLOOR
    assert floor.test_scores["accuracy"].value == 1 / CLASSES
    assert floor.rank == 1  # blind guesses with confidence, which costs more than shares
    assert board.champion.contender == "blind"


def test_of_several_baselines_all_are_listed_and_the_best_is_the_one_to_beat() -> None:
    shrewd = WEAK.predictions.valid_predictions, WEAK.predictions.test_predictions
    predictions = FAINT.predictions._replace(baselines={FLOOR: (SHARES, SHARES), "shrewd (baseline)": shrewd})
    board = competition(FAINT._replace(predictions=predictions))
    assert {row.contender for row in board.rows if row.architecture == BASELINE} == {FLOOR, "shrewd (baseline)"}
    assert "It does worse than the row 'shrewd (baseline)'" in board.champion.reason
    assert not board.champion.better_than_baseline


def test_rows_are_ordered_by_validation_and_reported_on_test() -> None:
    board = competition(WEAK, STRONG, TWIN)
    assert [row.valid_score for row in board.rows] == sorted(row.valid_score for row in board.rows)
    for row, source in (
        (row, one) for row in board.rows for one in (WEAK, STRONG, TWIN) if one.contender == row.contender
    ):
        assert row.test_scores == source.scores.test
        assert row.valid_score == source.scores.valid["log_loss"]


def test_each_row_says_how_it_stands_to_the_best() -> None:
    verdicts = {row.contender: row.verdict for row in competition(STRONG, TWIN, WEAK).rows}
    assert sorted(verdicts[name] for name in ("strong", "twin")) == ["best", "tied with best"]
    assert verdicts["weak"] == verdicts["majority class (baseline)"] == "behind"


def test_differences_are_from_the_best_and_hold_zero_when_tied() -> None:
    board = competition(STRONG, TWIN, WEAK)
    for row in board.rows:
        if row is board.best_row:
            assert np.isnan([row.test_difference.value, row.test_p, row.valid_p]).all()
        else:
            goal = row.test_scores["log_loss"].value - board.best_row.test_scores["log_loss"].value
            assert row.test_difference.value == pytest.approx(goal)
            assert row.test_difference.low <= row.test_difference.value <= row.test_difference.high


def test_a_goal_to_be_maximised_ranks_the_highest_first() -> None:
    board = competition(WEAK, STRONG, goal="accuracy")
    assert [row.contender for row in board.rows] == ["strong", "weak", "majority class (baseline)"]
    assert board.rows[1].verdict == "behind"


def test_the_order_of_entry_changes_nothing() -> None:
    assert repr(competition(STRONG, TWIN, WEAK)) == repr(competition(WEAK, TWIN, STRONG))  # repr, because NaN != NaN


def test_a_leaderboard_is_read_as_it_was_written(tmp_path: Path) -> None:
    board = competition(STRONG, TWIN, WEAK)
    write_leaderboard(tmp_path, board)
    again = read_leaderboard(tmp_path)
    assert again.champion == board.champion
    assert [row.contender for row in again.rows] == [row.contender for row in board.rows]
    for row, original in zip(again.rows, board.rows, strict=True):
        assert row.test_scores["brier"] == pytest.approx(original.test_scores["brier"], rel=1e-5)
        assert [row.valid_score, row.valid_p, row.test_p] == pytest.approx(
            [original.valid_score, original.valid_p, original.test_p], rel=1e-5, nan_ok=True
        )
    write_leaderboard(tmp_path / "again", again)
    for name in ("leaderboard.csv", "champion.json", "metrics.json"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_terminal_shows_intervals_the_champion_and_the_reason() -> None:
    text = render_leaderboard(competition(STRONG, TWIN, WEAK))
    accuracy = TWIN.scores.test["accuracy"]
    assert f"{accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]" in text
    assert "* champion: twin" in text
    assert "majority class (baseline)" in text
    assert max(len(line) for line in text.splitlines()) <= 130


def test_printing_a_leaderboard_imports_nothing_heavy() -> None:
    code = "import sys, pipelines.reporting.leaderboard; print({'numpy', 'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_answers_to_different_rows_are_not_compared() -> None:
    other = TWIN._replace(predictions=TWIN.predictions._replace(test_reference=ClassReference(TARGETS[::-1])))
    with pytest.raises(UserError, match=r"twin and strong hold different test reference"):
        competition(STRONG, other)


def test_rows_with_missing_values_are_the_same_rows() -> None:
    rows = np.array([[1.0, np.nan]], dtype=np.float32)
    predictions = Predictions(rows, ReconstructionReference(rows), rows, ReconstructionReference(rows), {})
    one = STRONG._replace(predictions=predictions)
    other = one._replace(contender="other", predictions=predictions._replace(test_reference=(rows.copy(),)))
    check_same_rows([one, other])
    changed = predictions._replace(test_reference=ReconstructionReference(rows + 1))
    with pytest.raises(UserError, match="other and strong hold different test reference"):
        check_same_rows([one, other._replace(predictions=changed)])


def test_a_competition_needs_a_contender() -> None:
    with pytest.raises(UserError, match="none is entered for 'letters'"):
        competition()


def test_a_model_that_answers_with_infinities_is_refused_with_the_row() -> None:
    broken = STRONG.predictions.test_predictions.copy()
    broken[7, 0] = np.inf
    with pytest.raises(UserError, match=r"1 of 200 test rows .* first in row 7"):
        score_predictions(classification(), STRONG.predictions._replace(test_predictions=broken), seed=0)


def test_an_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.npz", STRONG.predictions)
    write_scores(tmp_path / "metrics.json", STRONG.scores, STRONG.predictions)
    write_json(tmp_path / "model.json", {"architecture": "mlp", "parameters": 5000, "flops": 10_000, "device": "cpu"})
    again = read_entry(classification(), "strong", tmp_path, tmp_path)
    assert again[:4] == STRONG[:4]
    assert again.scores.valid == pytest.approx(STRONG.scores.valid, rel=1e-7)
    assert np.array_equal(again.predictions.test_predictions, STRONG.predictions.test_predictions)
    assert list(again.predictions.baselines) == [FLOOR]
    assert all(np.array_equal(values, SHARES) for values in again.predictions.baselines[FLOOR])


def test_an_undefined_score_is_null_on_disk_and_comes_back_undefined(tmp_path: Path) -> None:
    valid, _, test, *_ = STRONG.predictions
    rows = TARGETS == 0
    same = Predictions(valid[rows], ClassReference(TARGETS[rows]), test[rows], ClassReference(TARGETS[rows]), {})
    write_scores(tmp_path / "metrics.json", score_predictions(classification(), same, seed=0), same)
    assert '"roc_auc": null' in (tmp_path / "metrics.json").read_text(encoding="utf-8")
    assert np.isnan(read_scores(tmp_path / "metrics.json").test["roc_auc"]).all()


def test_predictions_hold_no_date(tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        write_predictions(tmp_path / name, STRONG.predictions)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert np.array_equal(read_predictions(tmp_path / "one.npz", ClassReference).valid_reference.codes, TARGETS)

"""The comparison of two checkouts: contenders in each one's words, and a table of both side by side."""

import json
from pathlib import Path

import pytest

from benchmarks.public_sets import SETS, Reached, format_set, make_entry, read_result


def test_a_contender_is_entered_in_the_words_of_its_checkout(tmp_path: Path) -> None:
    before = make_entry(tmp_path, "titanic", "mlp", 30)
    (tmp_path / "pipelines" / "training").mkdir(parents=True)
    (tmp_path / "pipelines" / "training" / "budget.py").touch()
    now = make_entry(tmp_path, "titanic", "mlp", 30)
    assert (before["tune"]["epochs"], before["train"]["epochs"], now["budget"]["epochs"]) == (30, 30, 30)
    assert not {"epochs"} & {*now["tune"], *now["train"]}


@pytest.mark.parametrize(("key", "ships", "said"), [("ship", True, "a"), ("better_than_baseline", False, "(a)")])
def test_a_leaderboard_of_now_and_of_before_is_read(tmp_path: Path, key: str, ships: bool, said: str) -> None:
    (tmp_path / "leaderboard.csv").write_text("rank,contender,test_rmse,test_mae\n1,a,2.5,2\n2,mean (baseline),9,8\n")
    (tmp_path / "champion.json").write_text(json.dumps({"contender": "a", key: ships}))
    scores, champion = read_result(tmp_path, ("rmse",))
    assert scores == {"a": {"rmse": 2.5}, "mean (baseline)": {"rmse": 9.0}}
    assert champion == said


def test_checkouts_stand_side_by_side_and_a_row_that_one_lacks_is_a_dash() -> None:
    metrics = dict.fromkeys(SETS["titanic"].metrics, 0.5)
    before = Reached(({"mlp": metrics},), ("mlp",), 1.0)
    now = Reached(({"mlp": metrics, "other": metrics},), ("other", "(mlp)"), 2.0)
    _, mlp, other, *ends = format_set("titanic", {"old": before, "new": now})
    assert mlp.split() == ["mlp", *["0.500"] * 4]
    assert other.split() == ["other", "–", "–", "0.500", "0.500"]
    assert ends == ["  old ships mlp; 1 s", "  new ships other, (mlp); 2 s"]


def test_several_splits_are_averaged_and_say_how_sure_that_is() -> None:
    draws = tuple({"mlp": dict.fromkeys(SETS["titanic"].metrics, value)} for value in (0.4, 0.5, 0.6))
    _, mlp, _ = format_set("titanic", {"now": Reached(draws, ("mlp",) * 3, 1.0)})
    assert mlp.split() == ["mlp", *["0.500", "±", "0.058"] * 2], "0.1 / sqrt(3)"

"""The leaderboard ranks by validation, says how each stands to the best, and names a champion with a reason."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from pipelines.evaluation.champion_settings import ChampionRule, ChampionSettings, CostMeasure
from pipelines.evaluation.leaderboard import BASELINE, COST_MEASURES, Leaderboard, read_leaderboard, write_leaderboard
from pipelines.evaluation.predictions import (
    Predictions,
)
from pipelines.evaluation.ranking import Entry, check_same_rows, rank
from pipelines.reporting.leaderboard import render_leaderboard
from pipelines.runtime.user_error import UserError
from pipelines.tasks.classification import ClassReference
from pipelines.tasks.reconstruction import ReconstructionReference
from tests.support.letter_entries import CLASSES, FLOOR, SHARES, TARGETS, classification, entry, letter_entry

DEFAULTS = ChampionSettings()


def competition(*entries: Entry | str, goal: str = "log_loss", settings: ChampionSettings = DEFAULTS) -> Leaderboard:
    """Of entries, or the names of those in letter_entries.py."""
    found = [letter_entry(one) if isinstance(one, str) else one for one in entries]
    return rank("letters", classification(goal), found, settings, seed=20)


@cache
def board_of(*names: str) -> Leaderboard:
    """A competition by the defaults that several tests look at."""
    return competition(*names)


@pytest.mark.parametrize(
    ("entries", "champion", "as_good", "sentence"),
    [
        (("strong", "weak"), "strong", (), "every other contender is behind it by more than chance explains"),
        (
            ("strong", "twin", "weak"),
            "twin",
            ("strong",),
            "as good as the best, strong (0.116), within a margin of 0.064",
        ),
        (("twin", "costly"), "twin", ("costly",), "costly is as good within the margin, but costs more"),
        (
            ("strong", "close"),
            "close",
            ("strong",),
            "It is behind the best by 0.046, more than chance explains (p < 0.001)",
        ),
        (("weak", "short"), "weak", (), "short costs less, but it is undecided whether it is as good: about "),
        (("weak",), "weak", (), "weak is the only contender"),
        (("blind",), "blind", (), "on validation it does worse than the baseline 'majority class (baseline)'"),
        (("faint",), "faint", (), "Do not ship it: on validation it was not shown to be better than the"),
        (("strong", "lucky"), "lucky", ("strong",), "On the test rows, which decide nothing, strong does better"),
    ],
    ids=["clear", "as good and cheaper", "as good and dearer", "close", "short", "alone", "blind", "faint", "lucky"],
)
def test_the_champion_is_the_cheapest_that_validation_shows_to_be_as_good_as_the_best(
    entries: tuple[str, ...], champion: str, as_good: tuple[str, ...], sentence: str
) -> None:
    found = board_of(*entries).champion
    assert found.contender == champion
    assert found.as_good == as_good
    assert sentence in found.reason


@pytest.mark.parametrize(
    ("rule", "entries", "champion"),
    [
        ("best", ("strong", "twin", "weak"), "strong"),
        ("one_se", ("strong", "twin", "weak"), "twin"),
        ("one_se", ("strong", "close"), "strong"),
        ("tied", ("strong", "twin", "weak"), "twin"),
        ("tied", ("strong", "close"), "strong"),
        ("noninferior", ("strong", "close"), "close"),
    ],
)
def test_another_rule_chooses_otherwise_and_leaves_the_verdicts(
    rule: ChampionRule, entries: tuple[str, ...], champion: str
) -> None:
    board = competition(*entries, settings=ChampionSettings(rule=rule))
    assert (board.champion.contender, board.champion.rule) == (champion, rule)
    assert [row.verdict for row in board.rows] == [row.verdict for row in board_of(*entries).rows]


def test_a_margin_of_nothing_ships_the_best() -> None:
    assert competition("strong", "close", settings=ChampionSettings(margin=0.0)).champion.contender == "strong"


@pytest.mark.parametrize("cost", COST_MEASURES)
def test_cheap_is_what_the_settings_say(cost: CostMeasure) -> None:
    light = letter_entry("twin")._replace(contender="light", parameters=9000, flops=9000, bytes=9000)
    light = light._replace(**{cost: 1})
    board = competition("strong", "twin", light, settings=ChampionSettings(cost=cost))
    assert (board.champion.contender, board.champion.cost) == ("light", cost)


def test_a_champion_no_better_than_the_baseline_is_not_to_be_shipped() -> None:
    assert board_of("strong", "weak").champion.ship
    assert not board_of("blind").champion.ship


def test_where_nothing_gains_on_the_baseline_the_best_score_leads_and_the_margin_is_nothing() -> None:
    champion = competition("blind", entry("blinder", -0.2, 1)).champion
    assert (champion.contender, champion.margin, champion.ship) == ("blind", 0.0, False)


def test_the_baseline_stands_in_the_table_and_is_never_the_champion() -> None:
    board = board_of("blind")
    (floor,) = [row for row in board.rows if row.architecture == BASELINE]
    assert floor.contender == FLOOR
    assert floor.test_scores["accuracy"].value == 1 / CLASSES
    assert floor.rank == 1  # blind guesses with confidence, which costs more than shares
    assert board.champion.contender == "blind"


def test_of_several_baselines_all_are_listed_and_the_best_is_the_one_to_beat() -> None:
    faint, weak = letter_entry("faint"), letter_entry("weak").predictions
    baselines = {FLOOR: (SHARES, SHARES), "shrewd (baseline)": (weak.valid_predictions, weak.test_predictions)}
    board = competition(faint._replace(predictions=faint.predictions._replace(baselines=baselines)))
    assert {row.contender for row in board.rows if row.architecture == BASELINE} == {FLOOR, "shrewd (baseline)"}
    assert "it does worse than the baseline 'shrewd (baseline)'" in board.champion.reason
    assert not board.champion.ship


def test_rows_are_ordered_by_validation_and_reported_on_test() -> None:
    board = competition("weak", "strong", "twin")
    assert [row.valid_score for row in board.rows] == sorted(row.valid_score for row in board.rows)
    for row in board.rows:
        if row.architecture == BASELINE:
            continue
        source = letter_entry(row.contender)
        assert row.test_scores == source.scores.test
        assert row.valid_score == source.scores.valid["log_loss"]


def test_each_row_says_how_it_stands_to_the_best() -> None:
    verdicts = {row.contender: row.verdict_text for row in board_of("strong", "twin", "weak").rows}
    assert (verdicts["strong"], verdicts["twin"]) == ("best", "as good within the margin")
    assert verdicts["weak"] == verdicts["majority class (baseline)"] == "behind"


def test_what_is_undecided_says_how_many_rows_would_tell() -> None:
    _, short, _ = board_of("weak", "short").rows
    assert re.fullmatch("undecided: about [0-9,]+ more rows would tell", short.verdict_text)


def test_differences_are_from_the_best_and_the_bound_is_above_them() -> None:
    board = board_of("strong", "twin", "weak")
    for row in board.rows:
        if row is board.best_row:
            assert np.isnan([row.test_difference.value, row.test_p, row.valid_bound, row.valid_p]).all()
        else:
            goal = row.test_scores["log_loss"].value - board.best_row.test_scores["log_loss"].value
            assert row.test_difference.value == pytest.approx(goal)
            assert row.test_difference.low <= row.test_difference.value <= row.test_difference.high
            assert row.valid_bound > row.valid_difference


def test_a_goal_to_be_maximised_ranks_the_highest_first() -> None:
    board = competition("weak", "strong", goal="accuracy")
    assert [row.contender for row in board.rows] == ["strong", "weak", "majority class (baseline)"]
    assert board.rows[1].verdict == "behind"
    assert board.rows[1].valid_bound > -board.rows[1].valid_difference > 0, "a loss, whichever way the goal goes"


def test_the_order_of_entry_changes_nothing() -> None:
    one, other = board_of("strong", "twin", "weak"), competition("weak", "twin", "strong")
    assert repr(one) == repr(other)  # repr, because NaN != NaN


@pytest.mark.parametrize("verdicts", ["shown", "undecided"])
def test_a_leaderboard_is_read_as_it_was_written(tmp_path: Path, verdicts: str) -> None:
    board = board_of("strong", "twin", "weak") if verdicts == "shown" else board_of("weak", "short")
    write_leaderboard(tmp_path, board)
    again = read_leaderboard(tmp_path)
    assert again.champion == board.champion
    assert [row.contender for row in again.rows] == [row.contender for row in board.rows]
    for row, original in zip(again.rows, board.rows, strict=True):
        assert row.test_scores["brier"] == pytest.approx(original.test_scores["brier"], rel=1e-5)
        assert (row.verdict, row.more_rows, row.bytes) == (original.verdict, original.more_rows, original.bytes)
        assert [row.valid_score, row.valid_bound, row.valid_p, row.test_p] == pytest.approx(
            [original.valid_score, original.valid_bound, original.valid_p, original.test_p], rel=1e-5, nan_ok=True
        )
    write_leaderboard(tmp_path / "again", again)
    for name in ("leaderboard.csv", "champion.json", "metrics.json"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_terminal_shows_intervals_the_champion_and_the_reason() -> None:
    text = render_leaderboard(board_of("strong", "twin", "weak"))
    accuracy = letter_entry("twin").scores.test["accuracy"]
    assert f"{accuracy.value:.3f} [{accuracy.low:.3f}, {accuracy.high:.3f}]" in text
    assert "* champion: twin" in text
    assert "majority class (baseline)" in text
    assert max(len(line) for line in text.splitlines()) <= 130


def test_the_terminal_says_how_many_rows_are_missing_and_what_that_means() -> None:
    board = board_of("weak", "short")
    (short,) = [row for row in board.rows if row.contender == "short"]
    text = render_leaderboard(board)
    assert f"undecided: ~{short.more_rows:,} rows\n" in text
    assert "undecided: about so many more rows of validation would tell" in text
    assert "about so many" not in render_leaderboard(board_of("strong", "weak"))


def test_the_terminal_says_in_capitals_what_should_not_ship() -> None:
    assert "\n* DO NOT SHIP YET: faint" in render_leaderboard(board_of("faint"))
    assert "SHIP" not in render_leaderboard(competition("strong"))


def test_printing_a_leaderboard_imports_nothing_heavy() -> None:
    code = "import sys, pipelines.reporting.leaderboard; print({'numpy', 'torch', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_answers_to_different_rows_are_not_compared() -> None:
    twin = letter_entry("twin")
    other = twin._replace(predictions=twin.predictions._replace(test_reference=ClassReference(TARGETS[::-1])))
    with pytest.raises(UserError, match=r"twin and strong hold different test reference"):
        competition("strong", other)


def test_rows_with_missing_values_are_the_same_rows() -> None:
    rows = np.array([[1.0, np.nan]], dtype=np.float32)
    reference = ReconstructionReference(rows, np.ones_like(rows))
    predictions = Predictions(rows, reference, rows, reference, {})
    one = letter_entry("strong")._replace(predictions=predictions)
    other = one._replace(
        contender="other",
        predictions=predictions._replace(test_reference=ReconstructionReference(rows.copy(), np.ones_like(rows))),
    )
    check_same_rows([one, other])
    changed = predictions._replace(test_reference=reference._replace(values=rows + 1))
    with pytest.raises(UserError, match="other and strong hold different test reference"):
        check_same_rows([one, other._replace(predictions=changed)])


def test_a_competition_needs_a_contender() -> None:
    with pytest.raises(UserError, match="none is entered for 'letters'"):
        competition()

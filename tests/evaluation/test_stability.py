"""Stability says how often the champion is the same when rows and trainings are drawn again."""

import numpy as np
import pytest

from pipelines.data.dependence import ALONE, Dependence
from pipelines.evaluation.champion_settings import ChampionRule, ChampionSettings
from pipelines.evaluation.ranking import rank
from pipelines.evaluation.stability import Candidate, describe_stability, measure_stability
from pipelines.evaluation.training_error import Trainings
from pipelines.tasks import Goal
from tests.support.letter_entries import TARGETS, classification, letter_entry

LOSS = Goal("log_loss", "minimize")
ROWS = 150


def candidate(name: str, *means: float, cost: int = 1, seed: int = 0) -> Candidate:
    """A contender whose trainings have these mean losses, and whose best ships."""
    noise = np.random.default_rng(seed).normal(0, 0.1, (len(means), ROWS))
    trainings = noise + np.array(means)[:, None]
    return Candidate(name, (cost,), trainings[int(np.argmin(means))], trainings, ships_one=True)


def stability(*candidates: Candidate, rule: ChampionRule = "noninferior", dependence: Dependence = ALONE) -> object:
    baseline = np.ones(ROWS)
    return measure_stability(candidates, [baseline], LOSS, ChampionSettings(rule=rule), dependence, 3, draws=200)


def test_a_clear_winner_wins_every_drawing() -> None:
    assert stability(candidate("good", 0.1, 0.11), candidate("bad", 0.5, 0.51, seed=1)) == {"good": 1.0, "bad": 0.0}


def test_of_two_alike_each_wins_some_and_the_shares_add_up() -> None:
    found = stability(candidate("one", 0.2), candidate("other", 0.2, seed=1), rule="best")
    assert isinstance(found, dict)
    assert sum(found.values()) == pytest.approx(1)
    assert 0.05 < found["one"] < 0.95


def test_trainings_that_are_far_apart_make_the_choice_unstable() -> None:
    steady = stability(candidate("one", 0.2, 0.2, 0.2), candidate("other", 0.26, 0.26, 0.26, seed=1), rule="best")
    shaky = stability(candidate("one", 0.2, 0.5, 0.5), candidate("other", 0.26, 0.26, 0.26, seed=1), rule="best")
    assert isinstance(steady, dict)
    assert isinstance(shaky, dict)
    assert steady["one"] > 0.95
    assert shaky["one"] == pytest.approx(1 - (2 / 3) ** 3, abs=0.1)  # the best of three is drawn at least once


def test_the_rule_of_the_champion_decides_in_every_drawing() -> None:
    dear, cheap = candidate("dear", 0.2, cost=9), candidate("cheap", 0.205, cost=1, seed=1)
    by_margin, by_score = stability(dear, cheap), stability(dear, cheap, rule="best")
    assert isinstance(by_margin, dict)
    assert isinstance(by_score, dict)
    assert by_margin["cheap"] > by_score["cheap"]


def test_where_rows_are_too_few_to_tell_there_is_no_stability() -> None:
    groups = Dependence("clusters", np.repeat(np.arange(5), ROWS // 5))
    assert stability(candidate("one", 0.2), candidate("other", 0.3), dependence=groups) is None
    assert "cannot be said" in describe_stability(None, "one")


def test_a_series_is_drawn_in_blocks_of_neighbours() -> None:
    series = Dependence("series", np.arange(ROWS)[::-1].copy())
    assert stability(candidate("good", 0.1), candidate("bad", 0.5, seed=1), dependence=series) == {
        "good": 1.0,
        "bad": 0.0,
    }


def test_the_sentence_names_the_champion_and_the_next() -> None:
    assert describe_stability({"one": 0.8, "two": 0.15, "three": 0.05}, "one", draws=100) == (
        "Drawn again 100 times, rows and trainings make one the champion in 80 %, two in 15 %."
    )
    assert describe_stability({"one": 1.0}, "one").endswith("make one the champion in 100 %.")


def test_the_leaderboard_has_it_and_says_who_was_trained_once() -> None:
    once = Trainings(*(np.atleast_2d(rows) for rows in objectives()))
    board = rank(
        "letters",
        classification(),
        [letter_entry("strong"), letter_entry("twin")._replace(trainings=once), letter_entry("weak")],
        ChampionSettings(),
        20,
    )
    assert board.champion.stability is not None
    assert board.champion.stability > 0.5
    assert "make twin the champion in" in board.champion.stability_reason
    assert "twin was trained once: another could come out differently" in board.champion.reason


def objectives() -> list[np.ndarray]:
    twin = letter_entry("twin").predictions
    both = twin.valid_predictions, twin.test_predictions
    return [classification().objective_per_row(one, twin.valid_reference) for one in both]


def test_verdicts_are_over_folds() -> None:
    valid, test = objectives()
    folds = np.arange(len(valid)) % 5
    luck = Trainings(valid[None], test + np.random.default_rng(0).normal(0, 0.15, (5, 1)), ships_one=False)
    entries = [letter_entry("strong"), letter_entry("weak")]
    folded = [one._replace(predictions=one.predictions._replace(valid_folds=folds)) for one in entries]
    alone, over_folds = (rank("letters", classification(), both, ChampionSettings(), 20) for both in (entries, folded))
    bounds = [board.rows[-1].valid_bound for board in (alone, over_folds)]
    assert bounds[1] > bounds[0], "the error of the folds is added"
    assert over_folds.champion.stability is not None
    assert not letter_entry("twin")._replace(trainings=luck).was_trained_once


def test_verdicts_are_over_trainings() -> None:
    valid, test = objectives()
    generator = np.random.default_rng(0)
    luck = generator.normal(0, 0.15, (3, 1))
    spread = Trainings(valid + luck - luck[0], test + luck - luck[0])
    shaky = letter_entry("twin")._replace(trainings=spread)
    steady, unsteady = (
        rank("letters", classification(), [letter_entry("strong"), one], ChampionSettings(), 20).rows
        for one in (letter_entry("twin"), shaky)
    )
    assert len(TARGETS) == len(valid)
    assert {row.contender: row.verdict for row in steady}["twin"] == "as good within the margin"
    assert {row.contender: row.verdict for row in unsteady}["twin"] == "undecided"

"""The time plan: equal shares, trainings short enough for a search, and no more than is asked for."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.folds import HOLDOUT, write_folds
from pipelines.data.parts import Part, write_part
from pipelines.data.schema import Field, Schema, write_schema
from pipelines.proposals.time_plan import MIN_STEPS, Share, Work, least_seconds, limit_contender, read_work, share_time
from pipelines.proposals.training_time import TrainingTime
from pipelines.settings import paths
from pipelines.settings.limits import Limits
from pipelines.settings.params import Params

NETWORK = TrainingTime(fixed_seconds=1.0, row_seconds=1e-4, is_closed_form=False, uses_seed=True)
SOLVED = TrainingTime(fixed_seconds=0.5, row_seconds=1e-3, is_closed_form=True, uses_seed=False)
PARAMS = Params.model_validate(
    {
        "seed": 1,
        "problems": {
            "mine": {
                "task": "classification",
                "source": {"kind": "sklearn", "dataset": "digits"},
                "split": {"valid": 0.2, "test": 0.2},
            }
        },
        "contenders": {"mine-mlp": {"problem": "mine", "architecture": "mlp"}},
    }
)


@pytest.fixture(autouse=True)
def _split(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A split of 3,200 rows: 100 steps are a pass, and 4,000 a training."""
    monkeypatch.chdir(tmp_path)
    x = Field(name="x", kind="number", dtype="float32", shape=())
    y = Field(name="y", kind="category", dtype="int64", shape=(), categories=("a", "b"))
    schema = Schema(inputs=(x,), target=y, title="Two columns", origin="made here", licence="none")
    write_schema(paths.schema_file("mine"), schema)
    part = Part((np.zeros(3200, np.float32),), np.zeros(3200, np.int64))
    write_part(paths.split_folder("mine") / "train", schema, part)
    write_folds(paths.folds_file("mine"), HOLDOUT)


def work(taken: TrainingTime | None, folds: int = 0) -> Work:
    return read_work(PARAMS, "mine-mlp", {} if taken is None else {"mlp": taken})._replace(folds=folds)


def test_a_contender_s_work_is_read_from_its_split_and_settings() -> None:
    assert work(NETWORK) == Work(NETWORK, rows=3200, folds=0, asked_steps=4000)


def test_shares_are_equal_and_sum_to_the_time_of_all_cores() -> None:
    shares = share_time(seconds=600.0, least=[0.0] * 4, problems=1, workers=2)
    assert len(set(shares)) == 1
    others = 600.0 - sum(share.core_seconds for share in shares) / 2
    assert 0 < others < 60
    assert limit_contender(work(None), shares[0]).search_seconds * 4 / 2 == pytest.approx(2 / 3 * (600.0 - others))
    (alone,) = share_time(seconds=600.0, least=[0.0], problems=1, workers=2)
    assert alone.core_seconds * alone.clock_share > shares[0].core_seconds * 1.9, "alone, it has all cores"


def test_who_cannot_do_with_an_equal_share_gets_what_it_needs_and_the_others_share_the_rest() -> None:
    needy, *others = share_time(seconds=100.0, least=[90.0, 1.0, 2.0], problems=1, workers=2)
    assert needy.core_seconds == 90.0
    assert {share.core_seconds for share in others} == {(2 * (100.0 - 8.0 * 3 / 2 - 15.0) - 90.0) / 2}


def test_a_third_of_the_time_is_trained_in_whatever_else_is_to_be_done() -> None:
    for share in share_time(seconds=6.0, least=[0.0] * 4, problems=1, workers=2):
        assert share.core_seconds == pytest.approx(1.0)


def test_with_time_enough_trainings_are_whole() -> None:
    limits = limit_contender(work(NETWORK), Share(1000.0, 1.0))
    assert limits.max_steps is None
    assert limits.seeds is not None
    assert limits.seeds >= 3


def test_trainings_are_cut_until_two_trials_fit_in_the_search() -> None:
    limits = limit_contender(work(NETWORK), Share(24.0, 1.0))
    assert limits.max_steps is not None
    assert MIN_STEPS < limits.max_steps < 4000
    assert 2 * (1.0 + limits.max_steps * 32 * 1e-4) <= 2 / 3 * 24.0
    assert limits.seeds == 1


@pytest.mark.parametrize("core_seconds", [40.0, 100.0, 400.0])
def test_folds_fit_into_the_time_although_most_are_trained_twice(core_seconds: float) -> None:
    limits = limit_contender(work(NETWORK, folds=5), Share(core_seconds, 1.0))
    steps = limits.max_steps or 4000
    training = 1.0 + steps * 32 * 1.5e-4
    assert steps > MIN_STEPS
    assert limits.search_seconds + 5 * 1.6 * training <= core_seconds
    assert limits.seeds is None, "there are as many trainings as folds"


def test_the_search_ends_early_enough_for_its_last_trial() -> None:
    long, short = (limit_contender(work(NETWORK), Share(seconds, 1.0)) for seconds in (24.0, 2400.0))
    assert long.search_seconds < 2 / 3 * 24.0 - 1.0
    assert short.search_seconds == pytest.approx(2 / 3 * 2400.0, rel=0.01)


def test_a_training_keeps_steps_enough_to_show_something() -> None:
    limits = limit_contender(work(NETWORK), Share(0.1, 1.0))
    assert (limits.max_steps, limits.seeds) == (MIN_STEPS, 1)
    assert least_seconds(work(NETWORK)) == pytest.approx(3 * (1.0 + MIN_STEPS * 32 * 1.5e-4))


def test_what_is_solved_at_once_is_not_cut_and_searched_with_what_its_folds_leave() -> None:
    limits = limit_contender(work(SOLVED), Share(1.0, 1.0))
    assert (limits.max_steps, limits.seeds) == (None, None)
    assert least_seconds(work(SOLVED, folds=5)) == pytest.approx(6 * 3.7)
    folded = limit_contender(work(SOLVED, folds=5), Share(6 * 3.7, 0.5))
    assert folded.search_seconds == pytest.approx(3.7 / 2 / 2)


def test_one_training_is_left_to_what_could_not_be_timed() -> None:
    assert limit_contender(work(None), Share(9.0, 0.5)) == Limits(3.0, seeds=1)

"""The time plan: equal shares, trainings short enough for a search, and no more than is asked for."""

import time
from pathlib import Path

import numpy as np
import pytest

from pipelines.data.folds import HOLDOUT, write_folds
from pipelines.data.parts import Part, write_part
from pipelines.data.schema import Field, Schema, write_schema
from pipelines.proposals.time_plan import (
    MIN_STEPS,
    Share,
    Work,
    least_seconds,
    limit_contender,
    plan_limits,
    read_work,
    share_time,
    verdict_seconds,
)
from pipelines.proposals.training_time import STAGE_SECONDS, VERDICT_SECONDS, TrainingTime
from pipelines.runtime.files import write_json
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
    shares = share_time(seconds=570.0, least=[0.0] * 4, workers=2)
    assert len(set(shares)) == 1
    assert sum(share.core_seconds for share in shares) == 2 * 570.0
    assert limit_contender(work(None), shares[0]).search_seconds * 4 / 2 == pytest.approx(2 / 3 * 570.0)
    (alone,) = share_time(seconds=570.0, least=[0.0], workers=2)
    assert alone.core_seconds * alone.clock_share > shares[0].core_seconds * 1.9, "alone, it has all cores"


def test_who_cannot_do_with_an_equal_share_gets_what_it_needs_and_the_others_share_the_rest() -> None:
    needy, *others = share_time(seconds=73.0, least=[90.0, 1.0, 2.0], workers=2)
    assert needy.core_seconds == 90.0
    assert {share.core_seconds for share in others} == {(2 * 73.0 - 90.0) / 2}


def test_a_verdict_is_given_the_time_that_it_took_the_last_time_and_else_what_is_usual() -> None:
    usual = verdict_seconds(PARAMS, ["mine-mlp"], workers=2, load=1.0)
    assert usual == STAGE_SECONDS / 2 + VERDICT_SECONDS
    assert verdict_seconds(PARAMS, ["mine-mlp"], workers=2, load=3.0) == 3 * usual, "on a busy machine"
    for verb, name, seconds in (("evaluate", "mine-mlp", 20.0), ("compare", "mine", 3.0), ("export", "mine", 4.0)):
        write_json(paths.STATE_FOLDER / "durations" / f"{verb}-{name}.json", {"seconds": seconds})
    assert verdict_seconds(PARAMS, ["mine-mlp"], workers=2, load=3.0) == 20.0 / 2 + 3.0 + 4.0


def test_searches_end_early_enough_for_trainings_and_verdict_and_a_third_of_the_time_is_worked_in() -> None:
    limits = plan_limits(PARAMS, ["mine-mlp"], seconds=1000.0, workers=2)["mine-mlp"]
    assert limits.search_until is not None
    assert limits.search_until <= time.time() + 1000.0 - verdict_seconds(PARAMS, ["mine-mlp"], workers=2, load=1.0)
    for verb, name in (("evaluate", "mine-mlp"), ("compare", "mine")):
        write_json(paths.STATE_FOLDER / "durations" / f"{verb}-{name}.json", {"seconds": 900.0})
    shorter = plan_limits(PARAMS, ["mine-mlp"], seconds=1000.0, workers=2)["mine-mlp"]
    assert 0 < shorter.search_seconds < limits.search_seconds
    assert shorter.search_until is not None
    assert shorter.search_until < limits.search_until


def test_with_time_enough_trainings_are_whole() -> None:
    limits = limit_contender(work(NETWORK), Share(1000.0, 1.0))
    assert limits.max_steps is None
    assert limits.seeds is not None
    assert limits.seeds >= 3


def test_where_there_is_no_time_to_choose_one_trial_and_one_training_share_it() -> None:
    limits = limit_contender(work(NETWORK), Share(24.0, 1.0))
    assert limits.max_steps is not None
    assert MIN_STEPS < limits.max_steps < 4000
    assert 2 * (1.0 + limits.max_steps * 32 * 1.4e-4) == pytest.approx(24.0, rel=0.01)
    assert limits.seeds == 1
    assert limits.search_seconds < 24.0 / 2, "it ends with its first trial"


@pytest.mark.parametrize("core_seconds", [40.0, 100.0, 400.0])
def test_folds_fit_into_the_time_although_most_are_trained_twice(core_seconds: float) -> None:
    limits = limit_contender(work(NETWORK, folds=5), Share(core_seconds, 1.0))
    steps = limits.max_steps or 4000
    training = 1.0 + steps * 32 * 1.4e-4
    assert steps > MIN_STEPS
    assert limits.search_seconds + 5 * 1.6 * training <= core_seconds
    assert limits.seeds is None, "there are as many trainings as folds"


def test_what_whole_trainings_leave_of_a_share_is_searched_in() -> None:
    training = 1.0 + 4000 * 32 * 1.4e-4
    limits = limit_contender(work(NETWORK), Share(2.5 * training, 1.0))
    assert (limits.max_steps, limits.seeds) == (None, 1)
    assert limits.search_seconds == pytest.approx(training), "half a trial before the 1.5 trainings that are left end"


def test_the_search_ends_early_enough_for_its_last_trial() -> None:
    long, short = (limit_contender(work(NETWORK), Share(seconds, 1.0)) for seconds in (24.0, 2400.0))
    assert long.search_seconds < 2 / 3 * 24.0 - 1.0
    assert short.search_seconds == pytest.approx(2 / 3 * 2400.0, rel=0.01)


def test_a_training_keeps_steps_enough_to_show_something() -> None:
    limits = limit_contender(work(NETWORK), Share(0.1, 1.0))
    assert (limits.max_steps, limits.seeds) == (MIN_STEPS, 1)
    assert least_seconds(work(NETWORK)) == pytest.approx(2 * (1.0 + MIN_STEPS * 32 * 1.4e-4))


def test_what_is_solved_at_once_is_not_cut_and_searched_with_what_its_folds_leave() -> None:
    limits = limit_contender(work(SOLVED), Share(1.0, 1.0))
    assert (limits.max_steps, limits.seeds) == (None, None)
    assert least_seconds(work(SOLVED, folds=5)) == pytest.approx(6 * 3.7)
    folded = limit_contender(work(SOLVED, folds=5), Share(6 * 3.7, 0.5))
    assert folded.search_seconds == pytest.approx(3.7 / 2 / 2)


def test_one_training_is_left_to_what_could_not_be_timed() -> None:
    assert limit_contender(work(None), Share(9.0, 0.5)) == Limits(3.0, seeds=1)

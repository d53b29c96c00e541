"""The time plan: equal shares, trainings short enough for a search, and no more than is asked for."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.data.folds import HOLDOUT, write_folds
from pipelines.data.parts import Part, write_part
from pipelines.data.schema import Field, Schema, write_schema
from pipelines.proposals.time_plan import MIN_STEPS, Share, limit_contender, share_time
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


def test_shares_are_equal_and_sum_to_the_time_of_all_cores() -> None:
    share = share_time(seconds=600.0, contenders=4, problems=1, workers=2)
    others = 600.0 - share.core_seconds * 4 / 2
    assert 0 < others < 60
    assert share.search_seconds * 4 / 2 == pytest.approx(2 / 3 * (600.0 - others))
    alone = share_time(seconds=600.0, contenders=1, problems=1, workers=2)
    assert alone.search_seconds > share.search_seconds * 1.9, "alone, it has all cores"


def test_a_third_of_the_time_is_trained_in_whatever_else_is_to_be_done() -> None:
    assert share_time(seconds=6.0, contenders=4, problems=1, workers=2).core_seconds == pytest.approx(1.0)


def test_with_time_enough_trainings_are_whole() -> None:
    limits = limit_contender(PARAMS, "mine-mlp", NETWORK, Share(1000.0, 300.0))
    assert limits.max_steps is None
    assert limits.seeds is not None
    assert limits.seeds >= 3


def test_trainings_are_cut_until_two_trials_fit_in_the_search() -> None:
    limits = limit_contender(PARAMS, "mine-mlp", NETWORK, Share(24.0, 8.0))
    assert limits.max_steps is not None
    assert MIN_STEPS < limits.max_steps < 4000
    assert 2 * (1.0 + limits.max_steps * 32 * 1e-4) <= 2 / 3 * 24.0
    assert limits.seeds == 1


def test_a_training_keeps_steps_enough_to_show_something() -> None:
    assert limit_contender(PARAMS, "mine-mlp", NETWORK, Share(0.1, 0.1)) == Limits(0.1, seeds=1, max_steps=MIN_STEPS)


def test_what_is_solved_at_once_is_not_cut() -> None:
    limits = limit_contender(PARAMS, "mine-mlp", SOLVED, Share(1.0, 1.0))
    assert (limits.max_steps, limits.seeds) == (None, None)


def test_one_training_is_left_to_what_could_not_be_timed() -> None:
    assert limit_contender(PARAMS, "mine-mlp", None, Share(9.0, 3.0)) == Limits(3.0, seeds=1)

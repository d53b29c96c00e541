"""Limits are in the records of what they change, as long as they are in force, and nowhere else."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from pipelines.runtime.dvc_yaml import find_stage
from pipelines.settings import paths
from pipelines.settings.input_records import build_input_records, record_trials
from pipelines.settings.limits import LIMITS_VARIABLE, Limits, limit_params, read_limits, write_limits
from pipelines.settings.params import load_params
from pipelines.settings.scratch import stage_fingerprint
from tests.support.modules import ROOT

NAME = "digits-mlp"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped project with limits for one contender, in force."""
    for name in ("models", "pipelines", "serving"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy2(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(LIMITS_VARIABLE, "1")
    write_limits(NAME, Limits(1.5, seeds=1, max_steps=100))
    return tmp_path


def build_record(verb: str, name: str = NAME) -> dict[str, Any]:
    stage = find_stage(verb, name)
    assert stage is not None
    (record,) = build_input_records([stage]).values()
    return record


def test_limits_stand_in_the_records_of_search_and_training(project: Path) -> None:
    asked = load_params().train_settings(NAME).seeds
    settings = build_record("tune")["settings"]
    assert settings["contender"]["limits"]["seeds"] == {"asked": asked, "done": 1}
    assert settings["budget"]["max_steps"] == settings["budget"]["min_steps"] == 100
    assert build_record("train")["settings"]["train"]["seeds"] == 1
    assert "limits" not in build_record("tune", "digits-lenet5")["settings"]["contender"]
    assert "contender" not in build_record("evaluate")["settings"]


def test_stages_train_what_the_records_say(project: Path) -> None:
    params = limit_params(load_params())
    assert params.train_settings(NAME).seeds == 1
    assert (params.budget_settings(NAME).max_steps, params.budget_settings(NAME).min_steps) == (100, 100)
    assert params.contenders["digits-lenet5"] == load_params().contenders["digits-lenet5"]


def test_nothing_is_limited_where_limits_are_not_in_force(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limited = build_record("tune")
    monkeypatch.delenv(LIMITS_VARIABLE)
    assert read_limits() == {}
    assert build_record("tune") != limited
    assert limit_params(load_params()) == load_params()


def test_limits_that_cut_nothing_are_not_stated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_limits(NAME, Limits(1.5, trials=10_000, seeds=10_000, max_steps=10**9))
    record = build_record("tune")
    monkeypatch.delenv(LIMITS_VARIABLE)
    assert build_record("tune") == record


def test_trials_are_recorded_and_a_search_without_limits_goes_on_from_them(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = find_stage("tune", NAME)
    assert stage is not None
    stage = stage._replace(deps=stage.deps[:1])  # its record alone: nothing has been split
    write_limits(NAME, Limits(1.5))
    before = build_record("tune")
    stated = record_trials(NAME, 3)
    assert stated["trials"]["done"] == 3
    assert paths.record_file("tune", NAME).exists()
    assert paths.record_file("train", NAME).exists()
    after = build_record("tune")
    assert after != before
    assert stage_fingerprint(stage, after, "cpu") == stage_fingerprint(stage, before, "cpu")
    monkeypatch.delenv(LIMITS_VARIABLE)
    assert stage_fingerprint(stage, build_record("tune"), "cpu") == stage_fingerprint(stage, before, "cpu")


def test_a_search_that_begins_late_ends_no_later() -> None:
    assert Limits(1000.0).seconds_to_search() == 1000.0
    assert Limits(1000.0, search_until=time.time() + 2000.0).seconds_to_search() == 1000.0
    assert 0 < Limits(1000.0, search_until=time.time() + 500.0).seconds_to_search() <= 500.0
    assert Limits(1000.0, search_until=time.time() - 5.0).seconds_to_search() == 0.0, (
        "one trial is finished in any case"
    )

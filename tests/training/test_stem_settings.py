"""Settings of the stem: searched where a task has them, kept with the others, and part of the model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.blocks.hyperparameters import Choice
from models.blocks.window_scale import WindowSettings
from pipelines.data.schema import read_schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import TASKS, build_task
from pipelines.training import weights
from pipelines.training.contender_settings import STEM_SETTINGS, make_settings
from pipelines.training.inference import score_validation
from pipelines.training.job import load_training_data
from pipelines.training.search_space import build_search_space
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

SCALES = ("train", "level", "level_and_spread")


@pytest.mark.parametrize("architecture", ["lstm", "esn", "mlp", "linear_regression", "gradient_boosting"])
def test_the_scale_of_windows_is_searched_for_everything_that_forecasts(architecture: str) -> None:
    space = build_search_space("co2-one", architecture, "forecasting", {}, {})
    assert space.domains["window_scale"] == Choice(SCALES)
    assert space.add_fixed(space.first_values).stem == WindowSettings(window_scale="level_and_spread")
    assert space.add_fixed({**space.first_values, "window_scale": "train"}).to_json()["window_scale"] == "train"


def test_what_is_fixed_of_a_stem_is_not_searched() -> None:
    space = build_search_space("co2-lstm", "lstm", "forecasting", {"window_scale": "level"}, {})
    assert "window_scale" not in space.domains
    assert space.fixed == {"window_scale": "level"}


def test_other_tasks_know_no_such_setting() -> None:
    message = r"contenders.digit_rows-lstm: unknown setting 'window_scale': use one of width, "
    with pytest.raises(UserError, match=message):
        build_search_space("digit_rows-lstm", "lstm", "classification", {"window_scale": "level"}, {})
    assert "window_scale" not in make_settings("lstm", "classification", {}).to_json()
    assert set(STEM_SETTINGS) <= set(TASKS)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("architecture", ["lstm", "linear_regression"])
def test_a_trained_forecaster_is_loaded_with_its_scale(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str, scale: str
) -> None:
    job = training_job_of(folder_of("sunspots"), architecture, "sunspots")
    settings = make_settings(architecture, "forecasting", {"window_scale": scale})
    result = run_trial(TrialSpec(job, settings, 3, tmp_path, epochs(2)))
    task = build_task(job.task_settings, read_schema(job.schema_file))
    model = weights.load_model(architecture, task, settings, tmp_path / "best")
    scores = score_validation(model, task, load_training_data(job).valid)
    assert scores["valid_mase"] == pytest.approx(result.score, rel=1e-6)
    assert np.isfinite(scores["valid_mase"])

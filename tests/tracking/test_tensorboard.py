"""TensorBoard shows what the artifacts hold, and is made anew from them."""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pipelines.cli.command import bakeoff
from pipelines.cli.names import UnknownName
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.tracking.tensorboard import BOARD_FOLDER, write_boards
from tests.support.small_project import CONTENDERS, EPOCHS, SEEDS, TRIALS

MLP = BOARD_FOLDER / "digits" / "digits-mlp"
PROBLEMS = dict.fromkeys(CONTENDERS, "digits")


def read_events(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


@pytest.fixture
def boards(project: Path) -> Path:
    assert write_boards(PROBLEMS) == list(CONTENDERS)
    return project


def test_curves_and_histograms_of_every_training_are_shown(boards: Path) -> None:
    for seed in range(SEEDS):
        events = read_events(MLP / f"seed-{seed}")
        losses = events.Scalars("valid_log_loss")
        assert [event.step for event in losses] == list(range(1, EPOCHS + 1))
        assert losses[3].value == pytest.approx(2 / 4)
        assert "network.head.weight" in events.Tags()["histograms"]


def test_scores_pictures_graph_and_points_of_a_contender_are_shown(boards: Path) -> None:
    events = read_events(MLP)
    assert events.Scalars("test/accuracy")[0].value == pytest.approx(0.94)
    assert events.Tags()["images"] == ["confusion"]
    assert events.Tags()["graph"]
    assert (MLP / "projector_config.pbtxt").exists()


def test_settings_and_scores_of_every_trial_are_shown(boards: Path) -> None:
    from tensorboard.plugins.hparams import plugin_data_pb2

    folders = sorted(MLP.glob("trial-*"))
    assert len(folders) == TRIALS
    content = read_events(folders[0]).SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    started = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info
    assert started.hparams["width"].number_value == 256
    assert started.hparams["activation"].string_value == "gelu"
    assert read_events(folders[0]).Scalars("trial/log_loss")[0].value == pytest.approx(0.1)


def test_a_contender_that_is_gone_is_shown_no_longer(boards: Path) -> None:
    shutil.rmtree(paths.evaluate_folder("digits", "digits-mlp"))
    assert write_boards(PROBLEMS) == ["digits-logistic_regression"]
    assert not MLP.exists()


def test_the_command_writes_the_files_or_says_why_not(project: Path) -> None:
    entries = ", ".join(f"{name}: {{problem: digits}}" for name in CONTENDERS)
    Path("params.yaml").write_text(f"problems: {{digits: {{}}}}\ncontenders: {{{entries}}}\n")
    ended = CliRunner().invoke(bakeoff, ["tensorboard", "--write-only"], standalone_mode=False)
    assert ended.exception is None
    assert ended.output == ""
    assert MLP.exists()
    ended = CliRunner().invoke(bakeoff, ["tensorboard", "--write-only", "digits-logistic_regression"])
    assert ended.exit_code == 0
    assert [path.name for path in MLP.parent.iterdir()] == ["digits-logistic_regression"], "the one that is named"
    ended = CliRunner().invoke(bakeoff, ["tensorboard", "--write-only", "digits"])
    assert ended.exit_code == 0
    assert MLP.exists(), "all of a problem"
    ended = CliRunner().invoke(bakeoff, ["tensorboard", "digit"], standalone_mode=False)
    assert isinstance(ended.exception, UnknownName)
    assert "did you mean digits" in str(ended.exception)
    shutil.rmtree("artifacts")
    ended = CliRunner().invoke(bakeoff, ["tensorboard", "--write-only"], standalone_mode=False)
    assert isinstance(ended.exception, UserError)
    assert "bakeoff run" in str(ended.exception)


def test_without_tensorboard_the_command_says_how_to_install_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(UserError, match=r"pip install .*\[tensorboard\]"):
        write_boards(PROBLEMS)

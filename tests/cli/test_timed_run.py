"""A run of limited time: which contenders share the time, and what has none to share."""

from pathlib import Path

import pytest
import yaml

from pipelines.cli.command import main
from pipelines.cli.names import ProjectNames
from pipelines.cli.timed_run import contenders_of
from pipelines.runtime.user_error import UserError

PROJECT = ProjectNames(
    ("digits", "co2"),
    {"digits-mlp": "digits", "co2-esn": "co2", "digits-cnn": "digits"},
    {
        "split@digits": "digits", "split@co2": "co2", "tune@digits-mlp": "digits", "tune@digits-cnn": "digits",
        "tune@co2-esn": "co2", "compare@digits": "digits", "package@digits": "digits", "package@co2": "co2",
    },
)  # fmt: skip


@pytest.mark.parametrize(
    ("targets", "contenders"),
    [
        ((), ["digits-mlp", "co2-esn", "digits-cnn"]),
        (("package@digits",), ["digits-mlp", "digits-cnn"]),
        (("compare@digits", "tune@co2-esn"), ["digits-mlp", "co2-esn", "digits-cnn"]),
        (("evaluate@digits-cnn",), ["digits-cnn"]),
        (("split@co2", "tune@digits-mlp"), ["digits-mlp"]),
    ],
)
def test_the_time_is_for_the_contenders_that_the_targets_train(targets: tuple[str, ...], contenders: list[str]) -> None:
    assert contenders_of(PROJECT, targets) == contenders


def test_what_trains_nothing_has_no_use_for_time() -> None:
    with pytest.raises(
        UserError, match="--minutes limits searches and trainings, and split@co2 has none: leave it out"
    ):
        contenders_of(PROJECT, ["split@co2"])


@pytest.mark.parametrize("minutes", ["0", "-1", "soon"])
def test_minutes_are_a_number_above_nothing(minutes: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--minutes", minutes]) == 2
    assert "--minutes" in capsys.readouterr().err


def test_a_contender_shares_the_time_with_what_it_starts_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entries = {name: {"problem": problem} for name, problem in PROJECT.contenders.items()}
    entries["digits-cnn"]["start_from"] = "co2-esn"
    Path("params.yaml").write_text(yaml.safe_dump({"contenders": entries}))
    assert contenders_of(PROJECT, ["evaluate@digits-cnn"]) == ["co2-esn", "digits-cnn"]

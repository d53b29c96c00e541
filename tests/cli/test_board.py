"""`bakeoff board` shows verdicts, and the scores of contenders that wait for one."""

import json
from pathlib import Path

import pytest
import yaml

from pipelines.cli.command import main
from pipelines.evaluation.leaderboard import Champion, Estimate, Leaderboard, LeaderboardRow, write_leaderboard
from pipelines.settings import paths
from tests.support.pages import ROOT

UNDEFINED = float("nan")
NO_ESTIMATE = Estimate(UNDEFINED, UNDEFINED, UNDEFINED)
SCORES = {"log_loss": Estimate(0.092, 0.067, 0.122), "f1": NO_ESTIMATE}
STRONG = LeaderboardRow(
    rank=1, contender="strong", architecture="mlp", verdict="best", more_rows=None, valid_score=0.09,
    valid_difference=UNDEFINED, valid_bound=UNDEFINED, valid_p=UNDEFINED, test_scores=SCORES,
    test_difference=NO_ESTIMATE, test_p=UNDEFINED, parameters=650, flops=9, bytes=2600,
)  # fmt: skip
CHAMPION = Champion(
    contender="strong", architecture="mlp", problem="letters", goal="log_loss", rule="noninferior", margin=0.1,
    cost="parameters", selection_score=0.09, ship=True, reason="strong is alone.", as_good=(),
)  # fmt: skip
PARAMS = {
    "problems": {"letters": {"task": "classification"}, "digits": {}},
    "contenders": {
        "strong": {"problem": "letters", "architecture": "mlp"},
        "late": {"problem": "letters", "architecture": "mlp"},
        "digits-mlp": {"problem": "digits", "architecture": "mlp"},
    },
}


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS, sort_keys=False))
    Path("dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())


def write_verdict(champion: Champion = CHAMPION) -> None:
    write_leaderboard(paths.compare_folder("letters"), Leaderboard((STRONG,), champion))


def write_scores(problem: str, contender: str) -> None:
    train, evaluate = paths.train_folder(problem, contender), paths.evaluate_folder(problem, contender)
    for folder in (train, evaluate):
        folder.mkdir(parents=True)
    (train / "model.json").write_text('{"goal": "log_loss"}')
    blocks = {block: {"log_loss": 0.5} for block in ("valid", "test", "test_low", "test_high")}
    (evaluate / "metrics.json").write_text(json.dumps(blocks))


def test_leaderboards_come_with_their_reports_and_the_next_commands(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict()
    assert main(["board"]) == 0
    printed = capsys.readouterr().out
    for text in (
        "letters",
        "strong",
        "0.092 [0.067, 0.122]",
        "letters/compare/report.html",
        "bakeoff serve`",
        "bakeoff ui",
    ):
        assert text in printed


def test_the_board_of_one_problem_ends_with_the_command_that_serves_it(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict()
    assert main(["board", "letters"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert "`bakeoff serve letters`" in last


def test_a_champion_that_should_not_ship_is_shown_so(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict(CHAMPION._replace(ship=False))
    assert main(["board"]) == 0
    assert "* DO NOT SHIP YET: strong is alone." in capsys.readouterr().out.splitlines()


def test_a_contender_without_a_verdict_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict()
    write_scores("letters", "strong")
    write_scores("letters", "late")
    write_scores("digits", "digits-mlp")
    assert main(["board"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "letters: evaluated, and not compared yet" in lines
    assert [line for line in lines if "log_loss 0.500" in line] == [
        "  letters  late  log_loss 0.500 [0.500, 0.500]",
        "  digits  digits-mlp  log_loss 0.500 [0.500, 0.500]",
    ]
    assert main(["board", "digits"]) == 0
    assert "letters" not in capsys.readouterr().out


def test_a_script_reads_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    write_verdict()
    write_scores("digits", "digits-mlp")
    assert main(["board", "--json"]) == 0
    letters, digits = json.loads(capsys.readouterr().out)
    assert letters["champion"]["contender"] == "strong"
    (row,) = letters["rows"]
    assert row["test_scores"]["log_loss"] == {"value": 0.092, "low": 0.067, "high": 0.122}
    assert row["test_scores"]["f1"]["value"] is None
    assert (digits["champion"], digits["rows"]) == (None, [])
    assert digits["without_verdict"][0]["contender"] == "digits-mlp"


def test_without_any_result_the_board_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board"]) == 1
    assert "make run" in capsys.readouterr().err
    assert main(["board", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_an_unknown_problem_gets_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["board", "lettres"]) == 2
    assert "no problem is called 'lettres'; did you mean letters" in capsys.readouterr().err

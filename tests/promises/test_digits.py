"""The promises, by real runs of the whole pipeline on real digits, with small settings."""

import copy
import csv
import json
import re
import shutil
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from serving.client.client import Client
from serving.server.server import running_server
from tests.docs.test_readme import serving_blocks
from tests.support.commands import run_bakeoff
from tests.support.project import ROOT, SMALL_PARAMS, Project

RESOLVE = "pipelines/dvc.yaml:resolve"


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after an undisturbed run with one worker. Tests that change it work on a copy."""
    project = Project(tmp_path_factory.mktemp("finished"), SMALL_PARAMS)
    project.run_checked("dvc", "repro", BAKEOFF_WORKERS="1", BAKEOFF_TRACKING="off")  # MLflow: tests of their own
    return project


@pytest.fixture
def copied(finished: Project, tmp_path: Path) -> Project:
    """The finished project, cache and scratch included, in another folder."""
    shutil.copytree(finished.folder, tmp_path / "copy")
    project = copy.copy(finished)
    project.folder = tmp_path / "copy"
    (project.folder / "mlflow.db").unlink(missing_ok=True)  # it knows its files by their old place
    shutil.rmtree(project.folder / "mlruns", ignore_errors=True)
    return project


def test_after_a_run_git_shows_nothing_changed_but_the_lock(finished: Project) -> None:
    changed = {line.split()[1] for line in finished.run_checked("git", "status", "--porcelain").splitlines()}
    assert changed == {"dvc.lock", "pipelines/dvc.lock"}


def test_a_run_of_limited_time_says_what_it_did_and_eight_stages_at_once_then_leave_the_lock_of_dvc_repro(
    finished: Project, tmp_path: Path
) -> None:
    project = Project(tmp_path / "limited", SMALL_PARAMS)
    params = (project.folder / "params.yaml").read_bytes()
    said = project.run_checked("python", "-m", "pipelines.cli", "run", "digits", "--minutes", "0.001")
    limits = json.loads((project.folder / "artifacts/digits/tune/digits-lenet5/best.json").read_text())["limits"]
    assert limits["trials"]["asked"] == 4
    assert limits["seeds"] == {"asked": 2, "done": 1}
    assert "digits-lenet5: " in said
    assert "1 of 2 trainings" in said
    report = (project.folder / "artifacts/digits/compare/report.html").read_text()
    assert f"The time of the run was limited: {limits['trials']['done']} of 4 choices of settings" in report
    assert (project.folder / "params.yaml").read_bytes() == params
    states = json.loads(project.run_checked("dvc", "status", "--json"))
    assert states == {RESOLVE: ["always changed"]}, "the lock is true"
    assert project.lock_text != finished.lock_text
    shown = mlflow_runs(project)
    assert {name for _, name, _, _ in shown} >= set(SMALL_PARAMS["contenders"])
    project.run_checked("python", "-m", "pipelines.cli", "run", BAKEOFF_WORKERS="8", BAKEOFF_TRACKING="off")
    assert mlflow_runs(project) == shown, "MLflow was left alone"
    assert project.lock_text == finished.lock_text


def stages_run(output: str) -> set[str]:
    """The stages that a `dvc repro` ran, besides resolve, which always runs."""
    return set(re.findall(r"Running stage '([^']+)'", output)) - {RESOLVE}


def test_nothing_is_run_again_when_nothing_changed(finished: Project) -> None:
    lock = finished.folder / "dvc.lock"
    before = lock.stat()
    assert stages_run(finished.run_checked("dvc", "repro")) == set()
    after = lock.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns), (
        "the stage that always runs has a lock of its own"
    )


def test_what_dvc_leaves_when_it_is_killed_changes_nothing(copied: Project) -> None:
    # DVC makes an empty file of such a name beside an output to see which links work; killed, it leaves it there
    for folder in ("data/digits/split/train", "artifacts/digits/evaluate/digits-lenet5", "artifacts/digits/export"):
        (copied.folder / folder / ".Zk3vB1m0pQ9xYw2tR7uLaA.tmp").touch()
    assert stages_run(copied.run_checked("dvc", "repro")) == set()


def test_a_contender_that_is_trained_again_is_the_same_bit_for_bit(copied: Project) -> None:
    lock = copied.lock_text
    verified = run_bakeoff(copied.folder, "verify", "digits-logistic_regression")
    assert verified.returncode == 0, verified.stderr
    assert "digits-logistic_regression: reproduced bit for bit" in verified.stdout
    assert "The machine is of the same kind." in verified.stdout
    assert copied.lock_text == lock
    assert not (copied.folder / ".state" / "verify" / "digits-logistic_regression").exists()


def test_nothing_that_dvc_tracks_holds_a_path_or_a_date(finished: Project) -> None:
    places = [str(finished.folder).encode(), str(ROOT).encode(), str(Path.home()).encode() + b"/", b"20" + b"26-"]
    tracked = [path for folder in ("data", "artifacts") for path in (finished.folder / folder).rglob("*")]
    for path in filter(Path.is_file, tracked):
        content = path.read_bytes()
        assert not [place for place in places if place in content], path


def test_tuning_and_training_never_open_the_test_part(copied: Project) -> None:
    before = copied.lock_text
    for path in copied.folder.glob("data/digits/split/test/*"):
        path.write_bytes(b"never to be read")
    shutil.rmtree(copied.folder / ".state")
    kept = {
        path: path.read_bytes()
        for stage in ("tune", "train")
        for path in copied.folder.glob(f"artifacts/*/{stage}/**/*.*")
    }
    for stage in ("augment digits", "tune digits-lenet5", "train digits-lenet5"):
        copied.run_checked("python", "-m", *f"pipelines.{stage}".split())
    assert {path: path.read_bytes() for path in kept} == kept
    failed = copied.run_command("python", "-m", "pipelines.evaluate", "digits-lenet5")
    assert failed.returncode == 1
    assert copied.lock_text == before


def mlflow_runs(project: Project) -> list[tuple[str, ...]]:
    """What MLflow shows: experiment, run, status and metrics of every run that is not deleted."""
    with sqlite3.connect(project.folder / "mlflow.db") as database:
        rows = database.execute(
            "select e.name, r.name, r.status, (select group_concat(key || '=' || value) from "
            "(select key, value from latest_metrics m where m.run_uuid = r.run_uuid and key not like '%seconds%' "
            "order by key)) from runs r join experiments e using (experiment_id) where r.lifecycle_stage = 'active'"
        ).fetchall()
    database.close()
    return sorted(rows, key=repr)


def test_mlflow_can_be_lost_and_rebuilt_from_the_artifacts(copied: Project) -> None:
    copied.run_checked("python", "-m", "pipelines.tracking")
    before = mlflow_runs(copied)
    assert {name for _, name, _, _ in before} >= set(SMALL_PARAMS["contenders"])
    (copied.folder / "mlflow.db").unlink()
    shutil.rmtree(copied.folder / "mlruns")
    assert stages_run(copied.run_checked("dvc", "repro")) == set(), "DVC misses nothing"
    copied.run_checked("python", "-m", "pipelines.tracking")
    assert mlflow_runs(copied) == before
    copied.run_checked("python", "-m", "pipelines.tracking")
    assert mlflow_runs(copied) == before, "syncing twice doubles nothing"


def stale_stages(project: Project) -> set[str]:
    """The stages whose own settings or code changed; those behind them follow when their data has changed."""
    project.run_checked("python", "-m", "pipelines.resolve")
    return set(json.loads(project.run_checked("dvc", "status", "--json"))) - {RESOLVE}


def test_an_edit_of_one_contender_stales_that_one_alone(copied: Project) -> None:
    params = copy.deepcopy(SMALL_PARAMS)
    params["contenders"]["digits-lenet5"]["search"]["width"] = [1, 3]
    copied.write_params(params)
    assert stale_stages(copied) == {"tune@digits-lenet5", "train@digits-lenet5"}
    copied.write_params(SMALL_PARAMS)
    with (copied.folder / "models" / "lenet5.py").open("a") as source:
        source.write("# edited\n")
    assert stale_stages(copied) == {f"{verb}@digits-lenet5" for verb in ("tune", "train", "evaluate")} | {
        "export@digits"
    }


def test_a_removed_contender_vanishes_and_what_scikit_learn_solved_can_be_champion(copied: Project) -> None:
    params = copy.deepcopy(SMALL_PARAMS)
    del params["contenders"]["digits-lenet5"]
    copied.write_params(params)
    copied.run_checked("dvc", "repro")
    folder = copied.folder / "artifacts" / "digits"
    with (folder / "compare" / "leaderboard.csv").open() as stream:
        names = [row["contender"] for row in csv.DictReader(stream)]
    assert names == ["digits-logistic_regression", "majority class (baseline)"]
    assert json.loads((folder / "compare" / "champion.json").read_text())["contender"] == names[0]
    assert (folder / "export" / "model.onnx").exists()
    assert (folder / "export" / "model.pt").exists(), "what scikit-learn solved is a network of tensors"
    assert (folder / "package" / "digits.mar").exists()
    assert "lenet5" not in (folder / "compare" / "report.html").read_text()


def test_every_verdict_carries_its_uncertainty(finished: Project) -> None:
    with (finished.folder / "artifacts/digits/compare/leaderboard.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["architecture"] for row in rows].count("baseline") == 1
    for row in rows:
        low, value, high = (float(row[f"test_accuracy{end}"]) for end in ("_low", "", "_high"))
        assert low <= value <= high
        assert low < high
    for row in rows[1:]:
        assert 0 <= float(row["valid_p"]) <= 1
    report = (finished.folder / "artifacts/digits/compare/report.html").read_text()
    assert "http" not in report.split("<body")[0], "the page needs no network"


def test_a_users_mistake_is_a_sentence_and_not_a_traceback(copied: Project) -> None:
    by_dvc, by_the_stage = ("dvc", "repro"), ("python", "-m", "pipelines.resolve")  # dvc calls the same, in more time
    for command, change, sentence in (
        (by_dvc, {"seed": "twenty"}, "resolve: params.yaml: seed: must be a valid integer"),
        (by_the_stage, {"problems": {"digits": {"source": {"kind": "sklearn", "dataset": "letters"}}}}, "letters"),
        (
            by_the_stage,
            {"contenders": {"digits-lenet5": {"search": {"width": [3, 1]}}}},
            "contenders.digits-lenet5: width",
        ),
        (
            by_the_stage,
            {"contenders": {"digits-lenet5": {"architecture": "lenet5", "fix": {"widht": 1}}}},
            "unknown setting 'widht'",
        ),
        (by_the_stage, {"problems": {"digits": {"split": {"valid": 0.9}}}}, "problems.digits.split"),
        (  # the pictures' size is known once they are split
            (*by_dvc, "augment@digits"),
            {"problems": {"digits": {"augment": {"shift": 9}}}},
            "problems.digits.augment.shift",
        ),
    ):
        copied.write_params(merge_settings(SMALL_PARAMS, change))
        failed = copied.run_command(*command)
        assert failed.returncode != 0, change
        assert sentence in failed.stdout
        assert "Traceback" not in failed.stdout


def merge_settings(one: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    result = dict(one)
    for name, value in other.items():
        before = result.get(name)
        result[name] = merge_settings(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return result


def test_served_predictions_equal_evaluated_ones_and_readme_requests_work(finished: Project) -> None:
    folder = finished.folder / "artifacts" / "digits"
    champion = json.loads((folder / "compare" / "champion.json").read_text())["contender"]
    images = np.load(finished.folder / "data/digits/split/test/image.npy")
    with np.load(folder / "evaluate" / champion / "predictions.npz") as predictions:
        expected = predictions["test_predictions"]
    with running_server([folder / "package" / "digits.mar"]) as server:
        answers = Client(server.address).predict_many("digits", list(images))
        here = (
            ("http://127.0.0.1:8080", server.address),
            ("client digits", f"client --address {server.address} digits"),
        )
        outputs = []
        for block in serving_blocks():
            for page, free in here:  # the page names the usual port, the test a free one
                block = block.replace(page, free)
            outputs.append(finished.run_checked("bash", "-ec", block, PYTHONPATH="."))
    found = np.array([list(answer["probabilities"].values()) for answer in answers])
    assert np.abs(found - expected).max() < 1e-5
    assert sum('"label"' in output or "label" in output for output in outputs) >= 2, outputs
    assert not [output for output in outputs if '"error"' in output]

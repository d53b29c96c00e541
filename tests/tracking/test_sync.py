"""MLflow is a view of the artifacts: it can be made again, is never doubled, and never fails a stage.

With MLflow itself, on a small project whose artifacts are real but briefly made.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pipelines.exporting.parity import onnx_runtime
from pipelines.runtime.files import read_json, write_json
from pipelines.settings import paths
from pipelines.tracking import background, sync
from pipelines.tracking.contender_run import PARENT_RUN_TAG
from pipelines.tracking.store import open_store
from tests.support.small_project import (
    CONTENDERS,
    EPOCHS,
    PARAMS,
    ROOT,
    TRIALS,
    make_contender,
    mlflow_contents,
    run_ids,
    run_tracking,
    search_runs,
    start_tracking,
)

HANGING_SECONDS = 600  # a process that has shown nothing for so long never will


def test_a_run_shows_what_the_artifacts_hold(project: Path) -> None:
    assert run_tracking() == 0
    with open_store(sync.STORE_LOCK) as store:
        found = search_runs(store)
        (run,) = [run for run in found if run.info.run_name == "digits-mlp"]
        children = [child for child in found if child.data.tags.get(PARENT_RUN_TAG) == run.info.run_id]
        curve = store.client.get_metric_history(run.info.run_id, "seed-2/train_loss")
        pictures = [file.path for file in store.client.list_artifacts(run.info.run_id, "evaluation")]
    assert run.info.status == "FINISHED"
    settings = read_json(paths.train_folder("digits", "digits-mlp") / "model.json")["settings"]
    assert {name: run.data.params[name] for name in settings} == {name: str(value) for name, value in settings.items()}
    assert run.data.params["architecture"] == "mlp"
    assert run.data.params["members"] == "3"
    assert (run.data.params["ship"], run.data.params["shipped"]) == ("best", "seed-1")
    assert run.data.metrics["test_accuracy"] == 0.94
    assert (run.data.metrics["test_accuracy_low"], run.data.metrics["test_accuracy_high"]) == (0.92, 0.96)
    assert run.data.metrics["seconds_tune"] == 31.5
    assert 43 < (run.info.end_time - run.info.start_time) / 1000 < 45, "as long as the stages took"
    assert [(entry.step, entry.value) for entry in curve] == [(epoch, 1 / epoch) for epoch in range(1, EPOCHS + 1)]
    assert pictures == ["evaluation/confusion.png"]
    by_status = [child.info.status for child in children]
    assert {status: by_status.count(status) for status in by_status} == {"FINISHED": 10, "KILLED": 1, "FAILED": 1}
    (failed,) = [child for child in children if child.info.status == "FAILED"]
    assert failed.data.tags["bakeoff.reason"].startswith("diverged: the loss is not a number")
    assert [child.info.run_name for child in children if "bakeoff.chosen" in child.data.tags] == ["trial 0"]


def test_the_champion_loads_without_the_project_and_answers_raw_pixels(project: Path, tmp_path: Path) -> None:
    assert run_tracking("--registry", "digits") == 0
    with np.load(paths.export_folder("digits") / "golden.npz", allow_pickle=False) as golden:
        images = golden["input_image"]
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys, mlflow, numpy as np\n"
        f"images = np.load({str(tmp_path / 'images.npy')!r})\n"
        "model = mlflow.pyfunc.load_model('models:/digits@champion')\n"
        "assert model.input_example['image'].shape == (2, 8, 8)\n"
        "replies = [model.predict({'image': images[:rows]})['probabilities'] for rows in (1, 5, 8)]\n"
        f"np.save({str(tmp_path / 'replies.npy')!r}, np.concatenate(replies))\n"
        "assert 'torch' not in sys.modules and 'pipelines' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    answer = onnx_runtime(paths.export_folder("digits") / "model.onnx")
    expected = np.concatenate([answer((images[:rows],)) for rows in (1, 5, 8)])
    np.testing.assert_allclose(np.load(tmp_path / "replies.npy"), expected, atol=1e-6)


def test_repeating_it_changes_nothing_and_a_changed_artifact_replaces_its_run(project: Path) -> None:
    assert run_tracking() == 0
    before, first = mlflow_contents(), run_ids()
    assert run_tracking() == 0
    assert run_ids() == first
    assert mlflow_contents() == before
    metrics = read_json(paths.evaluate_folder("digits", "digits-mlp") / "metrics.json")
    metrics["test"]["accuracy"] = 0.99
    write_json(paths.evaluate_folder("digits", "digits-mlp") / "metrics.json", metrics)
    assert run_tracking("digits-mlp") == 0
    second = run_ids()
    assert second.keys() == first.keys()
    assert {name for name in first if first[name] != second[name]} == {"digits-mlp"}
    after = mlflow_contents()
    assert len(after["runs"]) == len(before["runs"]) == 2 * (1 + TRIALS)
    assert after["models"] == before["models"] == ["digits-champion", *CONTENDERS]


def test_a_deleted_mlflow_store_is_rebuilt_identically(project: Path) -> None:
    assert run_tracking() == 0
    before = mlflow_contents()
    Path("mlflow.db").unlink()
    shutil.rmtree("mlruns")
    process = start_tracking()  # another process, because this one has the deleted database open
    out, err = process.communicate()
    assert process.returncode == 0
    assert err == ""
    assert [line.split(":")[0] for line in out.splitlines()] == [*CONTENDERS, "models"]
    code = "from tests.support.small_project import mlflow_contents; print(mlflow_contents())"
    after = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert after.stdout.strip() == str(before)


def test_runs_whose_files_were_deleted_are_made_again(project: Path) -> None:
    assert run_tracking() == 0
    shutil.rmtree("mlruns")
    assert run_tracking() == 0
    after = mlflow_contents()
    assert len(after["runs"]) == 2 * (1 + TRIALS)
    assert str(after["runs"]).count("evaluation/confusion.png") == 2


def making_the_store(_: subprocess.Popen[str]) -> bool:
    return any(Path().glob("mlflow.db.new-*"))


def filling_a_run(_: subprocess.Popen[str]) -> bool:
    return any(Path("mlruns").glob("digits/*/artifacts/*/*.png"))


def between_two_contenders(process: subprocess.Popen[str]) -> bool:
    assert process.stdout is not None
    return bool(process.stdout.readline())


def test_killed_at_any_moment_it_ends_with_the_same_runs(project: Path) -> None:
    for moment in (making_the_store, filling_a_run, between_two_contenders):
        process = start_tracking()
        deadline = time.monotonic() + 600
        while not moment(process):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, moment.__name__
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert run_tracking() == 0
    assert not list(Path().glob("mlflow.db.new-*"))
    after = mlflow_contents()
    assert len(after["runs"]) == 2 * (1 + TRIALS)
    assert str(after["runs"]).count("('bakeoff.complete', 'true')") == 2
    assert after["models"] == ["digits-champion", *CONTENDERS]
    assert len(after["versions"]) == 1


def test_two_processes_may_start_on_a_store_that_is_not_there_yet(project: Path) -> None:
    processes = [start_tracking(contender) for contender in CONTENDERS]
    for process in processes:
        out, err = process.communicate()
        assert process.returncode == 0, err
        assert "shown" in out
        assert err in ("", "waiting: another process is showing results in MLflow\n")
    assert set(run_ids()) == set(CONTENDERS)


def test_a_champion_is_registered_once_and_a_returning_one_reuses_its_version(project: Path) -> None:
    for _ in range(2):
        sync.main(["--registry", "digits"])
    exported, kept = paths.export_folder("digits"), project / "kept"
    shutil.copytree(exported, kept)
    make_contender(project, "digits-logistic_regression", "logistic_regression")
    sync.main(["--registry", "digits"])
    assert seen_versions() == ({"1": "digits-mlp", "2": "digits-logistic_regression"}, "2")
    shutil.rmtree(exported)
    shutil.copytree(kept, exported)
    sync.main(["--registry", "digits"])
    assert seen_versions() == ({"1": "digits-mlp", "2": "digits-logistic_regression"}, "1")


def seen_versions() -> tuple[dict[str, str], str]:
    with open_store(sync.STORE_LOCK) as store:
        versions = store.client.search_model_versions("name = 'digits'")
        champion = store.client.get_model_version_by_alias("digits", "champion")
        return {str(one.version): one.tags["bakeoff.contender"] for one in versions}, str(champion.version)


def test_a_server_that_is_down_is_a_sentence_and_not_a_failure(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # the discard port: nobody listens
    sync.main(["--registry", "digits"])
    said = capsys.readouterr().err
    assert said.startswith("note: MLflow (http://127.0.0.1:9) does not show digits yet")
    assert said.endswith("`make track` tries again\n")
    assert said.count("\n") == 1
    assert not Path("mlflow.db").exists()


def test_removed_contenders_are_tagged_apart_from_current_ones(project: Path) -> None:
    assert run_tracking() == 0
    Path("params.yaml").write_text(PARAMS.replace("digits-logistic_regression: {}, ", ""))
    assert run_tracking() == 0
    with open_store(sync.STORE_LOCK) as store:
        current = {
            run.info.run_name: run.data.tags["bakeoff.current"]
            for run in search_runs(store)
            if PARENT_RUN_TAG not in run.data.tags
        }
    assert current == {"digits-logistic_regression": "false", "digits-mlp": "true"}


def test_a_store_that_was_moved_with_its_project_is_not_written_to(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_tracking("digits-mlp") == 0
    shutil.copytree(project, project.parent / "elsewhere")
    monkeypatch.chdir(project.parent / "elsewhere")
    sync.main(["--registry", "digits"])
    said = capsys.readouterr().err
    assert f"{project}/mlruns/digits" in said
    assert "delete mlflow.db and mlruns, then run `make track`" in said


def test_a_contender_that_was_not_evaluated_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_tracking("digits-lenet5") == 0
    assert "digits-lenet5 has not been evaluated yet" in capsys.readouterr().err


def test_a_contender_with_missing_files_does_not_block_the_others(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sync, "MAX_ATTEMPTS", 1)
    (paths.train_folder("digits", "digits-logistic_regression") / "model.json").unlink()
    assert run_tracking() == 1
    said = capsys.readouterr()
    assert "does not show digits-logistic_regression yet" in said.err
    assert "model.json" in said.err
    assert set(run_ids()) >= {"digits-mlp"}
    assert "digits-mlp: shown" in said.out


def test_a_stage_does_not_wait_for_mlflow(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    log = background.TRACKING_STATE / "digits-mlp.log"
    log.unlink(missing_ok=True)
    background.start_in_background("digits-mlp")
    assert not log.exists() or "shown" not in log.read_text(), "importing MLflow alone takes longer than a return"
    deadline = time.monotonic() + 600
    while "shown" not in log.read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert log.read_text().startswith("digits-mlp: shown in ")


def test_what_a_run_queues_is_shown_until_the_run_ends(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with closing(background.QueueProcess()) as queue:
        for name in CONTENDERS:
            background.add_to_queue(name)
            queue.ensure_running()
            started = time.monotonic()
            while background.read_queue():  # it is shown while the run goes on
                assert time.monotonic() - started < HANGING_SECONDS, background.QUEUE_LOG.read_text()
                time.sleep(0.1)
            assert name in run_ids()
        background.add_to_queue("--registry", "digits")
    background.wait_for_background()
    assert not background.read_queue()
    assert mlflow_contents()["models"] == ["digits-champion", *CONTENDERS]


def test_the_process_of_a_queue_ends_when_its_run_is_killed(project: Path) -> None:
    code = (
        "import signal; from pipelines.tracking import background\n"
        "background.add_to_queue('digits-mlp')\n"
        "background.QueueProcess().ensure_running()\n"
        "signal.raise_signal(signal.SIGKILL)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert run.returncode == -signal.SIGKILL
    background.wait_for_background()
    assert list(run_ids()) == ["digits-mlp"]

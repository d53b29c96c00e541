"""Trials, seeds and stages on a Ray cluster: what one machine finds, whichever node dies, wherever files are."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.runtime.cluster import TaskNeeds, open_workers, run_stage_on_cluster
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Crash
from pipelines.settings import paths
from pipelines.tasks import Goal
from pipelines.training.budget import BudgetSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.finished_trials import Trial
from pipelines.training.learners import TrainingResult
from pipelines.training.members import seed_specs, train_members
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from tests.support import cluster_tasks
from tests.support.budgets import epochs
from tests.support.cluster_tasks import FolderTask
from tests.support.pages import ROOT
from tests.support.problems import make_problem, training_job_of
from tests.support.project import SMALL_PARAMS
from tests.support.ray_cluster import kill_node, raylet_of, running_cluster, second_node
from tests.support.small_project import make_contender
from tests.support.unanswered_trial import TrialWithoutAnswer

pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'")

GOAL = Goal("log_loss", "minimize")
LENGTH = BudgetSettings(epochs=4, min_steps=1)
CONTENDER = "digits-logistic_regression"
ELSEWHERE = "/nonexistent"  # where no node finds the project's folder
FOLDER_MODES = pytest.mark.parametrize("folder_on_nodes", ["", ELSEWHERE], ids=["shared", "carried"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with data that is split and augmented, and a contender that is trained."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("models", "pipelines", "serving", "dvc.yaml"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "params.yaml").write_text(yaml.safe_dump(SMALL_PARAMS))
    make_problem("digits", folder / "data" / "digits")
    make_contender(folder, CONTENDER, "logistic_regression")
    return folder


@pytest.fixture(autouse=True)
def _inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.delenv("BAKEOFF_CLUSTER", raising=False)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with running_cluster() as nodes:
        yield nodes


def use_cluster(monkeypatch: pytest.MonkeyPatch, cluster: Any, folder_on_nodes: str = "") -> None:
    monkeypatch.setenv("BAKEOFF_CLUSTER", cluster.address)
    monkeypatch.setenv("BAKEOFF_CLUSTER_FOLDER", folder_on_nodes)


def search(scratch: str) -> list[Trial]:
    job = training_job_of(Path("data/digits"), "mlp")
    space = build_search_space("digits-mlp", "mlp", "classification", {"width": 256, "depth": 3, "batch_size": 16}, {})
    config = SearchConfig(job, GOAL, space, 6, 3, LENGTH, (0.25, 0.5, 1.0), seed=5, contender="digits-mlp")
    return run_search(config, Path(".state", scratch), 2, lambda *_: None)[1]


@pytest.fixture(scope="module")
def local_trials(project: Path) -> list[Trial]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        return search("local")


@FOLDER_MODES
def test_a_search_finds_the_same_when_a_node_is_killed_in_the_middle(
    folder_on_nodes: str, local_trials: list[Trial], cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = Path(".state", f"search-{folder_on_nodes.strip('/')}")
    use_cluster(monkeypatch, cluster, folder_on_nodes)
    with second_node(cluster) as node:
        work = TrialWithoutAnswer(raylet_of(node), Path(f"{scratch}-trained").absolute())
        monkeypatch.setattr("pipelines.training.search.run_trial", work)
        is_over = threading.Event()

        def kill_when_trained() -> None:
            while not is_over.wait(0.01):
                if work.trained.exists():
                    kill_node(cluster, node)
                    return

        killer = threading.Thread(target=kill_when_trained)
        killer.start()
        try:
            assert search(scratch.name) == local_trials
        finally:
            is_over.set()
            killer.join()
        assert node not in cluster.worker_nodes
    assert files_below(scratch) == files_below(Path(".state/local")), "as a later run would go on from"


def files_below(folder: Path) -> dict[str, bytes]:
    """Contents of the files that trainings leave, by path; not what a killed node left half-written."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name != "journal.log"  # which holds times
        and not path.name.startswith(".unfinished-")
    }


def train_seeds(scratch: str) -> dict[str, TrainingResult]:
    job = training_job_of(Path("data/digits"), "mlp")
    settings = make_settings("mlp", "classification", {"width": 16})
    folder = Path(".state", scratch)
    specs = seed_specs(job, settings, epochs(3), seed=5, seeds=3, folder=folder)
    members = train_members(specs, GOAL, folder=folder, workers=2, on_progress=lambda *_: None)
    return {member.name: member.result for member in members}


def test_seeds_end_with_the_same_weights(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = train_seeds("seeds-local")
    for folder_on_nodes in ("", ELSEWHERE):
        use_cluster(monkeypatch, cluster, folder_on_nodes)
        scratch = f"seeds-{folder_on_nodes.strip('/')}"
        assert train_seeds(scratch) == expected
        found, local = (files_below(Path(".state", name)) for name in (scratch, "seeds-local"))
        assert found.keys() == local.keys()
        weights = [name for name in local if name.endswith("best.safetensors")]
        assert len(weights) == 3
        assert all(found[name] == local[name] for name in weights)


@pytest.fixture(scope="module")
def local_evaluation(project: Path) -> dict[str, bytes]:
    """What the stage writes where it runs on this machine."""
    subprocess.run(
        [sys.executable, "-m", "pipelines.evaluate", CONTENDER],
        cwd=project,
        env={**os.environ, "BAKEOFF_TRACKING": "off"},
        check=True,
        capture_output=True,
    )
    return files_below(project / paths.evaluate_folder("digits", CONTENDER))


@FOLDER_MODES
def test_an_evaluation_writes_the_same_on_a_node(
    folder_on_nodes: str, local_evaluation: dict[str, bytes], cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cluster(monkeypatch, cluster, folder_on_nodes)
    folder = paths.evaluate_folder("digits", CONTENDER)
    duration = Path(".state", "durations", f"evaluate-{CONTENDER}.json")
    duration.unlink()
    if folder_on_nodes == "":
        (folder / "metrics.json").unlink()
    else:
        (folder / "tables" / "stale.csv").write_text("left by an earlier run")
    completed = run_stage_on_cluster("evaluate", CONTENDER, paths.STATE_FOLDER)
    assert completed.exit_status == 0, completed.output
    assert f"evaluate {CONTENDER}" in completed.output
    assert files_below(folder) == local_evaluation
    assert duration.exists()
    assert not list(Path(".state", "tracking").glob("*")), "MLflow is written where the run was started"


def test_a_stage_that_fails_says_why(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cluster(monkeypatch, cluster, ELSEWHERE)
    weights = paths.train_folder("digits", CONTENDER) / "model.json"
    text = weights.read_text()
    weights.write_text("{")
    try:
        completed = run_stage_on_cluster("evaluate", CONTENDER, paths.STATE_FOLDER)
    finally:
        weights.write_text(text)
    assert completed.exit_status == 1
    assert "model.json is damaged" in completed.output


# Tasks of other kinds


def do_tasks(
    work: Any,
    *names: str,
    scratch: str = "tasks",
    files: tuple[Path, ...] = (),
    device: str = "cpu",
) -> list[Any]:
    folder = Path(".state", scratch)
    with open_workers(work, 1, [], TaskNeeds(device, files, folder)) as pool:
        return pool.map([FolderTask(folder / name) for name in names])


def test_a_task_that_trains_on_a_gpu_is_given_one(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    use_cluster(monkeypatch, cluster)
    assert do_tasks(cluster_tasks.visible_gpus, "a", "b", device="cuda") == ["0", "0"]
    assert do_tasks(cluster_tasks.visible_gpus, "a") == ["all that a finds"]


def test_a_task_that_was_under_way_on_a_killed_node_is_done_elsewhere(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_cluster(monkeypatch, cluster)
    folder = Path(".state", "doomed").absolute()
    folder.mkdir()
    with second_node(cluster) as node:
        (folder / "doomed").write_text(str(raylet_of(node)))
        needs = TaskNeeds("cpu", (), Path(".state", "doomed"))
        with open_workers(cluster_tasks.wait_on_the_doomed_node, 1, [], needs) as pool:
            for name in "abcd":
                pool.submit(name, FolderTask(folder / name))
            while not any(path.is_dir() for path in folder.iterdir()):
                time.sleep(0.05)
            kill_node(cluster, node)
            results: dict[str, Any] = {}
            while len(results) < 4:
                results.update(pool.collect_results())
    assert results == dict.fromkeys("abcd", "done")


def test_a_scratch_folder_goes_to_the_node_and_comes_back(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cluster(monkeypatch, cluster, ELSEWHERE)
    files = (Path("data/digits/split/schema.json"),)
    assert [do_tasks(cluster_tasks.add_a_line, "lines", scratch="back", files=files) for _ in range(3)] == [
        [1],
        [2],
        [3],
    ]
    assert Path(".state/back/lines/lines.txt").read_text() == 3 * "line\n"
    assert [path.name for path in Path(".state/back").iterdir()] == ["lines"], "nothing else is left"


def test_a_task_that_kills_every_worker_is_given_up_with_the_reason_it_has_on_one_machine(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = do_tasks(cluster_tasks.always_die, "a")
    assert expected == [Crash(f"its process died of {signal.SIGABRT.name}")]
    use_cluster(monkeypatch, cluster)
    assert do_tasks(cluster_tasks.always_die, "a") == expected


def test_a_sentence_of_a_task_is_raised_where_the_run_is(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    use_cluster(monkeypatch, cluster)
    with pytest.raises(UserError, match="b is not a task"):
        do_tasks(cluster_tasks.refuse_it, "b")
    with pytest.raises(OSError, match=r"No space left on device \(on the node .+\)"):
        do_tasks(cluster_tasks.write_to_a_full_disk, "c")


def test_files_outside_of_the_project_cannot_be_carried(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_cluster(monkeypatch, cluster, ELSEWHERE)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is outside of the project's folder"):
        do_tasks(cluster_tasks.add_a_line, "d", files=(tmp_path / "file",))

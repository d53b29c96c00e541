"""A cluster that is not there, not this one, or not asked for: a sentence, or workers on this machine."""

import sys
from pathlib import Path

import pytest

from pipelines.runtime.cluster import TaskNeeds, open_workers
from pipelines.runtime.cluster_node import Origin, run_task
from pipelines.runtime.user_error import UserError
from pipelines.runtime.workers import Workers
from tests.support.cluster_tasks import add_a_line

NEEDS = TaskNeeds("cpu", (), Path(".state"))


@pytest.fixture(autouse=True)
def _inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_without_a_cluster_the_workers_are_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BAKEOFF_CLUSTER", raising=False)
    with open_workers(add_a_line, 1, [], NEEDS) as pool:
        assert isinstance(pool, Workers)


def test_a_node_with_other_versions_is_refused() -> None:
    origin = Origin(str(Path.cwd()), "absent", "token", {"torch": "1.0"})
    assert str(run_task(origin, b"", (), "scratch", None).error).endswith(
        "and this machine has 1.0: results would differ; install the same constraints.txt on both"
    )


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("workstation", "BAKEOFF_CLUSTER must be auto, host:port or ray://host:port, found 'workstation'"),
        ("127.0.0.1:1", "BAKEOFF_CLUSTER is 127.0.0.1:1, but no cluster answers at 127.0.0.1:1"),
        ("ray://127.0.0.1:1", "BAKEOFF_CLUSTER is ray://127.0.0.1:1, but no cluster answers at ray://127.0.0.1:1"),
        ("auto", "BAKEOFF_CLUSTER is auto, but no cluster was started on this machine"),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_a_sentence(
    address: str, sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install -e '.[cluster]'").shutdown()
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setenv("BAKEOFF_CLUSTER", address)
    with pytest.raises(UserError) as raised:
        open_workers(add_a_line, 1, [], NEEDS)
    assert str(raised.value).startswith(sentence)


def test_without_ray_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAKEOFF_CLUSTER", "auto")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r"pip install 'bakeoff\[cluster\]'"):
        open_workers(add_a_line, 1, [], NEEDS)

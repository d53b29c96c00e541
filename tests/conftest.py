"""Fixtures of all tests: small real problems, split and augmented as the stages do it; Hypothesis's profile.

And how tests are shared out to the workers of pytest-xdist.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pipelines.training.job import TrainingJob
from tests.support.environment import share_the_machine
from tests.support.problems import make_problem, small_problems, training_job_of

share_the_machine()

# No deadline: a slow or busy machine is not a failure. Derandomised: the same examples in every run.
settings.register_profile("bakeoff", deadline=None, derandomize=True)
settings.load_profile("bakeoff")

# Folders of tests that start whole runs, servers and clusters. They come first, so that no worker is left alone with
# one of them when the others have nothing more to do.
LONGEST_FOLDERS = ("promises", "runtime", "cli", "serving", "tracking", "exporting")
SERVED_FILES = tuple(f"tests/serving/{name}.py" for name in ("test_http", "client/test_client", "client/test_command"))


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers() -> int:
    """One worker more than cores, as some of them always wait for a process that starts or ends."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, too
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is one worker's, and so are all files that ask the same server, which starts once for them."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file: str = super()._split_scope(nodeid)
            return SERVED_FILES[0] if file in SERVED_FILES else file

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def position(item: pytest.Item) -> int:
        places = (place for place, folder in enumerate(LONGEST_FOLDERS) if folder in item.path.parts)
        return next(places, len(LONGEST_FOLDERS))

    items.sort(key=position)  # stable: within a folder, the order stays


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a row of PROBLEMS, made on first use."""

    @cache
    def folder(problem: str) -> Path:
        problem_folder = tmp_path_factory.mktemp(problem)
        make_problem(problem, problem_folder)
        return problem_folder

    return folder


@pytest.fixture(scope="session")
def folder_of_few(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The same with few rows."""
    return small_problems(tmp_path_factory.mktemp)


@pytest.fixture(scope="session")
def digits_folder(folder_of: Callable[[str], Path]) -> Path:
    """split/ and augmented/ of 400 digits, with two augmented copies each."""
    return folder_of("digits")


@pytest.fixture
def job(digits_folder: Path) -> TrainingJob:
    return training_job_of(digits_folder, "mlp")


@pytest.fixture(autouse=True)
def _use_one_thread() -> None:
    """PyTorch computes on one thread, as in the workers."""
    import torch

    torch.set_num_threads(1)

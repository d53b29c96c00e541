"""What several files of tests start from: small real problems, split and augmented as the stages do it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from pipelines.training.job import TrainingJob
from tests.support.problems import make_problem, training_job_of


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a row of PROBLEMS, made when it is first asked for."""

    @cache
    def folder(problem: str) -> Path:
        problem_folder = tmp_path_factory.mktemp(problem)
        make_problem(problem, problem_folder)
        return problem_folder

    return folder


@pytest.fixture(scope="session")
def digits_folder(folder_of: Callable[[str], Path]) -> Path:
    """split/ and augmented/ of 400 digits, with two draws each."""
    return folder_of("digits")


@pytest.fixture
def job(digits_folder: Path) -> TrainingJob:
    return training_job_of(digits_folder, "mlp")


@pytest.fixture(autouse=True)
def _use_one_thread() -> None:
    """The tests compute as the workers do."""
    import torch

    torch.set_num_threads(1)

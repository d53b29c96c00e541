"""A small project with artifacts, for MLflow to show."""

import shutil
from pathlib import Path

import pytest

from pipelines.settings import paths
from tests.support.small_project import CONTENDERS, PARAMS, STAGES, make_contender


@pytest.fixture(scope="session")
def made(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the artifacts of two contenders and of a champion."""
    root = tmp_path_factory.mktemp("project")
    (root / "params.yaml").write_text(PARAMS)
    (root / "dvc.yaml").write_text(STAGES)
    shutil.copytree(digits_folder / "split", root / paths.split_folder("digits"))
    for contender, architecture in CONTENDERS.items():
        make_contender(root, contender, architecture)
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(made, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "project"

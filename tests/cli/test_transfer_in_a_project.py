"""A contender that starts from another's weights, in a real project: what is run for it, and what makes it stale."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tests.support.project import Project

SMALL = {"width": 8, "depth": 1}


def write_table(path: Path, seed: int, rows: int = 120) -> None:
    """Two numbers and whether their product is positive."""
    drawn = np.random.default_rng(seed).normal(size=(rows, 2)).round(3)
    lines = [f"{a},{b},{'yes' if a * b > 0 else 'no'}" for a, b in drawn]
    path.write_text("\n".join(["a,b,same_sign", *lines, ""]))


def params_of(**small: Any) -> dict[str, Any]:
    def problem(path: str) -> dict[str, Any]:
        return {
            "task": "classification",
            "source": {"kind": "table", "path": path, "target": "same_sign"},
            "split": {"valid": 0.2, "test": 0.2, "by": "stratified"},
        }

    return {
        "seed": 20,
        "defaults": {
            "tune": {"trials": 2, "generation": 2},
            "train": {"seeds": 1},
            "budget": {"epochs": 3, "min_steps": 1},
        },
        "problems": {"few": problem("few.csv"), "many": problem("many.csv")},
        "contenders": {
            "few-mlp": {
                "problem": "few",
                "architecture": "mlp",
                "start_from": "many-mlp",
                "fix": {"freeze": 1, "optimizer": "adamw"},
            },
            "few-plain": {"problem": "few", "architecture": "mlp", "fix": SMALL},
            "many-mlp": {"problem": "many", "architecture": "mlp", "fix": {**SMALL, **small}},
        },
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("transfer") / "project"
    folder.mkdir()
    write_table(folder / "few.csv", 1)
    write_table(folder / "many.csv", 2, 300)
    return Project(folder, params_of())


def run(project: Project, *names: str) -> str:
    return project.run_checked("python", "-m", "pipelines.cli", "run", *names)


def stale_stages(project: Project) -> dict[str, list[str]]:
    """By stage: what it waits for."""
    output = project.run_checked("python", "-m", "pipelines.cli", "status", "--json")
    return {one["stage"]: one["waits_for"] for one in json.loads(output)}


def read_model(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((project.folder / "artifacts/few/train/few-mlp/model.json").read_text())
    return found


def test_a_contender_is_run_with_what_it_starts_from_and_stale_with_it(project: Project) -> None:
    run(project, "train@few-mlp", "tune@few-plain")
    start = read_model(project)["start"]
    assert start["origin"] == "many-mlp"
    assert start["seen"] == "the rows of the problem many, which share no source with this one's"
    assert (start["frozen"], start["drawn"]) == (["hidden.0"], []), "the same columns and the same classes"
    assert read_model(project)["settings"]["width"] == 8, "that of the weights, although the contender fixes none"
    log = project.folder / ".state/run/logs/tune-few-mlp.log"
    assert "starts from many-mlp: 3 of 3 layers taken over, none drawn anew" in log.read_text()
    assert stale_stages(project).keys().isdisjoint({"tune@few-mlp", "train@few-mlp", "train@many-mlp"})
    dag = project.run_checked("dvc", "dag", "--dot", "tune@few-mlp")
    assert "train@many-mlp" in dag
    stages = yaml.safe_load(project.lock_text)["stages"]
    read = {name: [dep["path"] for dep in stages[f"tune@{name}"]["deps"]] for name in ("few-mlp", "few-plain")}
    assert read["few-mlp"] == [path.replace("plain", "mlp") for path in read["few-plain"]], "as long as any other"

    before, plain = project.lock_text, stages["tune@few-plain"]
    assert "didn't change" in project.run_checked("dvc", "repro", "train@few-mlp")
    assert project.lock_text == before, "dvc repro finds done what bakeoff run did"

    project.write_params(params_of(dropout=0.4))
    waiting = stale_stages(project)
    assert waiting["tune@few-mlp"] == ["train@many-mlp"]
    assert "tune@few-plain" not in waiting
    scores = read_model(project)["members"]
    run(project, "train@few-mlp")
    assert read_model(project)["members"] != scores, "it began with other weights"
    assert read_model(project)["settings"]["dropout"] == 0.4
    assert yaml.safe_load(project.lock_text)["stages"]["tune@few-plain"] == plain
    assert stale_stages(project).keys().isdisjoint({"tune@few-mlp", "train@few-mlp"})
    changed = project.run_checked("dvc", "status", "tune@few-mlp", "train@few-mlp")
    assert "changed" not in changed.replace("always changed", "")


def test_what_a_search_began_with_is_what_is_trained_again(project: Project) -> None:
    run(project, "train@few-mlp")
    folder = project.folder / "artifacts/few/train/few-mlp/weights"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    project.run_checked("python", "-m", "pipelines.train", "few-mlp")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    kept = project.folder / "artifacts/few/tune/few-mlp/trial/start/0.safetensors"
    best = json.loads((project.folder / "artifacts/many/train/many-mlp/model.json").read_text())["best_member"]
    origin = project.folder / f"artifacts/many/train/many-mlp/weights/{best}.safetensors"
    assert kept.read_bytes() == origin.read_bytes()

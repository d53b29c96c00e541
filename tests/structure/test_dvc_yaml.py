"""dvc.yaml lists every file that a stage's result depends on, and no other."""

import ast
from collections.abc import Iterable
from functools import cache
from typing import Any

import pytest
import yaml

from models import ARCHITECTURES
from tests.support.modules import MODULES, ROOT, STAGES, TOP_FOLDERS, package_of, reachable_from, syntax_tree

ARCHITECTURE = "models/${item.architecture}.py"


@cache
def dvc_stages() -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {verb: {"foreach": entry.get("foreach"), **entry.get("do", entry)} for verb, entry in stages.items()}


OF_CONTENDERS = [verb for verb in STAGES if dvc_stages()[verb]["foreach"] == "${contenders}"]


def listed_dependencies(verb: str) -> list[str]:
    listed: list[str] = dvc_stages()[verb]["deps"]
    return listed


def test_dvc_stages_and_stage_files_are_the_same() -> None:
    assert sorted(dvc_stages()) == STAGES


@pytest.mark.parametrize("verb", STAGES)
def test_a_stage_runs_its_own_file_and_depends_on_it(verb: str) -> None:
    key = " ${key}" if dvc_stages()[verb]["foreach"] else ""
    assert dvc_stages()[verb]["cmd"] == f"python -m pipelines.{verb}{key}"
    assert listed_dependencies(verb)[0] == f"pipelines/{verb}.py"


def test_the_fetch_stage_always_runs_for_all_problems() -> None:
    assert [verb for verb in STAGES if not dvc_stages()[verb]["foreach"]] == ["fetch"]
    assert [verb for verb in STAGES if dvc_stages()[verb].get("always_changed")] == ["fetch"]
    assert dvc_stages()["fetch"]["outs"] == ["data/watched"]
    assert "data/watched/${key}.json" in listed_dependencies("split")


@pytest.mark.parametrize("verb", STAGES)
def test_what_a_stage_depends_on_exists(verb: str) -> None:
    for path in listed_dependencies(verb):
        if not path.startswith(("data/", "artifacts/")) and path != ARCHITECTURE:
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("verb", OF_CONTENDERS)
def test_a_contender_depends_on_its_own_architecture_and_no_other(verb: str) -> None:
    listed = listed_dependencies(verb)
    assert ARCHITECTURE in listed
    assert not {"models", "models/__init__.py", *(f"models/{name}.py" for name in ARCHITECTURES)} & set(listed)


def reads_the_test_part(verb: str) -> bool:
    part = "data/${item.problem}/split/test" if verb in OF_CONTENDERS else "data/${key}/split/test"
    return any(part == path or part.startswith(f"{path}/") for path in listed_dependencies(verb))


def test_only_evaluate_and_export_open_the_test_part() -> None:
    assert [verb for verb in STAGES if reads_the_test_part(verb)] == ["evaluate", "export"]


def test_the_test_part_is_named_in_no_other_stage() -> None:
    naming = [
        verb
        for verb in STAGES
        if any(
            isinstance(node, ast.Constant) and node.value == "test"
            for node in ast.walk(syntax_tree(f"pipelines.{verb}"))
        )
    ]
    assert naming == ["evaluate", "export"]


# Code that the search for imports does not enter, with the reason; a name that ends in a dot stands for a folder
NOT_ENTERED = {
    "pipelines.settings.params": "the settings' types; dvc.yaml compares the values in params.yaml",
    "pipelines.tracking.": "shows the artifacts in MLflow and changes none of them",
}
LEFT_OUT: dict[tuple[str, tuple[str, ...]], str] = {  # the same, for some stages alone
    ("pipelines.settings.jobs", ("split",)): "split checks all contenders for slips; what it writes knows of none",
    ("models", ("tune", "train", "evaluate")): "the table; a contender depends on its own row's file",
    ("models.", ("compare",)): "compare builds no network: it asks the tasks for scores alone",
    ("pipelines.training.augmentation", ("evaluate", "export")): "nothing is augmented: job.py names a type",
}


def left_out(names: Iterable[str]) -> frozenset[str]:
    """The modules that these names and those of NOT_ENTERED stand for."""
    named = {*names, *NOT_ENTERED}
    folders = tuple(name for name in named if name.endswith("."))
    return frozenset(module for module in MODULES if module in named or module.startswith(folders))


def left_out_of(verb: str) -> frozenset[str]:
    return left_out(name for (name, verbs) in LEFT_OUT if verb in verbs)


def changes_results(module: str) -> bool:
    """Tell whether an edit of the module may change a result.

    Settings compute nothing of their own. How stages run and how files are written is no result either, except for the
    seeds.
    """
    return package_of(module) not in ("settings", "runtime", "stages") or module == "pipelines.runtime.seeds"


def files_beside(module: str) -> set[str]:
    """Files in the module's folder that it names in a text, such as templates."""
    texts = {node.value for node in ast.walk(syntax_tree(module)) if isinstance(node, ast.Constant)}
    beside = (path for path in MODULES[module].parent.iterdir() if path.is_file())
    return {str(path.relative_to(ROOT)) for path in beside if path.name in texts}


def used_paths(verb: str, architectures: list[str], without: frozenset[str]) -> set[str]:
    """Paths of the code that a stage's result depends on, besides its own file."""
    modules = reachable_from(f"pipelines.{verb}", without)
    if verb in OF_CONTENDERS:
        for name in architectures:
            modules |= reachable_from(f"models.{name}", without)
    counted = {module for module in modules if changes_results(module)}
    paths = {str(MODULES[module].relative_to(ROOT)) for module in counted}
    return paths.union(*(files_beside(module) for module in counted))


def covers(dependency: str, path: str) -> bool:
    return path == dependency or path.startswith(f"{dependency}/")


def missing_dependencies(verb: str, architecture: str, without: frozenset[str]) -> list[str]:
    listed = [path.replace("${item.architecture}", architecture) for path in listed_dependencies(verb)]
    used = used_paths(verb, [architecture] if architecture else [], without)
    return sorted(path for path in used if not any(covers(one, path) for one in listed))


@pytest.mark.parametrize(
    ("verb", "architecture"),
    [(verb, name) for verb in OF_CONTENDERS for name in ARCHITECTURES]
    + [(verb, "") for verb in STAGES if verb not in OF_CONTENDERS],
)
def test_a_stage_depends_on_all_code_that_may_change_its_result(verb: str, architecture: str) -> None:
    missing = missing_dependencies(verb, architecture, left_out_of(verb))
    assert missing == [], f"add them to the deps of {verb} in dvc.yaml, or to LEFT_OUT with a reason"


@pytest.mark.parametrize("verb", STAGES)
def test_a_stage_depends_on_no_code_that_it_does_not_use(verb: str) -> None:
    code = [path for path in listed_dependencies(verb)[1:] if path.startswith(TOP_FOLDERS) and path != ARCHITECTURE]
    used = used_paths(verb, list(ARCHITECTURES), left_out_of(verb))
    idle = [one for one in code if not any(covers(one, path) for path in used)]
    assert idle == [], f"an edit there would run {verb} again for nothing"


@pytest.mark.parametrize(("name", "verbs"), LEFT_OUT)
def test_every_excluded_dependency_would_otherwise_be_missing(name: str, verbs: tuple[str, ...]) -> None:
    for verb in verbs:
        others = [other for (other, theirs) in LEFT_OUT if verb in theirs and other != name]
        architecture = "mlp" if verb in OF_CONTENDERS else ""
        assert missing_dependencies(verb, architecture, left_out(others)), f"{verb} no longer needs {name} left out"

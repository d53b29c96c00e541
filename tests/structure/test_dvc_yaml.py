"""dvc.yaml lists all code that a stage's result depends on, and no other; and little enough of everything else."""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import ARCHITECTURES
from pipelines.runtime.dvc_yaml import Stage, read_stages
from pipelines.settings import paths
from tests.support.modules import MODULES, ROOT, STAGES, package_of, reachable_from, syntax_tree

ARCHITECTURE = "models/${item.architecture}.py"


MAX_LOCK_LINES = 45  # per stage, on average: DVC reads and writes them all, again and again
ALWAYS_RUN = "resolve"  # for all problems at once; the other stages run per problem or per contender
VERBS = [verb for verb in STAGES if verb != ALWAYS_RUN]


@cache
def read_dvc_yaml(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))
    return content


def dvc_stage(verb: str) -> dict[str, Any]:
    entry: dict[str, Any] = read_dvc_yaml("dvc.yaml")["stages"][verb]
    return {"foreach": entry["foreach"], **entry["do"]}


OF_CONTENDERS = [verb for verb in VERBS if dvc_stage(verb)["foreach"] == "${contenders}"]


def listed_code(verb: str) -> list[str]:
    listed: list[str] = dvc_stage(verb)["meta"]["code"]
    return listed


def test_dvc_stages_and_stage_files_are_the_same() -> None:
    assert sorted(read_dvc_yaml("dvc.yaml")["stages"]) == VERBS
    assert list(read_dvc_yaml("pipelines/dvc.yaml")["stages"]) == [ALWAYS_RUN]


@pytest.mark.parametrize("verb", VERBS)
def test_a_stage_runs_its_own_file_and_depends_on_it(verb: str) -> None:
    assert dvc_stage(verb)["cmd"] == f"python -m pipelines.{verb} ${{key}}"
    assert listed_code(verb)[0] == f"pipelines/{verb}.py"


def test_the_stage_that_always_runs_writes_what_the_others_depend_on_first() -> None:
    stage = read_dvc_yaml("pipelines/dvc.yaml")["stages"][ALWAYS_RUN]
    assert (stage["cmd"], stage["wdir"], stage["always_changed"]) == ("python -m pipelines.resolve", "..", True)
    assert [list(out) for out in stage["outs"]] == [[paths.INPUTS_FOLDER.as_posix()]]
    for verb in VERBS:
        assert dvc_stage(verb)["deps"][0] == paths.record_file(verb, "${key}").as_posix()
        assert "always_changed" not in dvc_stage(verb)


@pytest.mark.parametrize("verb", VERBS)
def test_dvc_compares_data_alone_and_the_record_stands_for_code_and_settings(verb: str) -> None:
    assert all(path.startswith(("data/", "artifacts/")) for path in dvc_stage(verb)["deps"])
    assert "params" not in dvc_stage(verb), "DVC would parse params.yaml anew for it"


def test_dvc_shows_params_all_the_same() -> None:
    assert read_dvc_yaml("dvc.yaml")["params"] == ["params.yaml"]


def lock_lines(stage: Stage) -> int:
    """Lines of dvc.lock for a stage: name, cmd, deps and outs; four for a file, five for a folder."""
    return 4 + sum(4 if Path(path).suffix else 5 for path in (*stage.deps, *stage.outs))


def test_a_stage_takes_few_lines_of_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    lines = [lock_lines(stage) for stage in read_stages()]
    assert sum(lines) / len(lines) <= MAX_LOCK_LINES


@pytest.mark.parametrize("verb", VERBS)
def test_the_code_that_a_stage_lists_exists(verb: str) -> None:
    for path in listed_code(verb):
        if path != ARCHITECTURE:
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("verb", OF_CONTENDERS)
def test_a_contender_depends_on_its_own_architecture_and_no_other(verb: str) -> None:
    listed = listed_code(verb)
    assert ARCHITECTURE in listed
    assert not {"models", "models/__init__.py", *(f"models/{name}.py" for name in ARCHITECTURES)} & set(listed)


def reads_the_test_part(verb: str) -> bool:
    part = "data/${item.problem}/split/test" if verb in OF_CONTENDERS else "data/${key}/split/test"
    return any(covers(path, part) for path in dvc_stage(verb)["deps"])


def test_only_evaluate_and_export_open_the_test_part() -> None:
    assert [verb for verb in VERBS if reads_the_test_part(verb)] == ["evaluate", "export"]


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
    "pipelines.settings.params": "the settings' types; a stage's record holds the values, with their defaults",
    "pipelines.settings.input_records": "writes down what stages depend on; it computes nothing of theirs",
    "pipelines.settings.start_rules": "refuses what params.yaml must not say; the record holds what it says",
    "pipelines.settings.semi_rules": "likewise",
    "pipelines.settings.scratch": "names the folder of unfinished work; what is in it decides the result",
    "pipelines.tracking.": "shows the artifacts in MLflow and changes none of them",
}
LEFT_OUT: dict[tuple[str, tuple[str, ...]], str] = {  # the same, for some stages alone
    ("models", ("tune", "train", "evaluate")): "the table; a contender depends on its own row's file",
    ("models.", ("compare",)): "compare builds no network: it asks the tasks for scores alone",
    ("pipelines.training.augment_settings", ("export",)): "nothing is augmented: job.py names a type",
    ("pipelines.training.starts", ("export",)): "no weights are begun with: job.py names a type",
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


@cache
def files_beside(module: str) -> frozenset[str]:
    """Files in the module's folder that it names in a text, such as templates."""
    texts = {node.value for node in ast.walk(syntax_tree(module)) if isinstance(node, ast.Constant)}
    beside = (path for path in MODULES[module].parent.iterdir() if path.is_file())
    return frozenset(str(path.relative_to(ROOT)) for path in beside if path.name in texts)


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
    listed = [path.replace("${item.architecture}", architecture) for path in listed_code(verb)]
    used = used_paths(verb, [architecture] if architecture else [], without)
    return sorted(path for path in used if not any(covers(one, path) for one in listed))


@pytest.mark.parametrize(
    ("verb", "architecture"),
    [(verb, name) for verb in OF_CONTENDERS for name in ARCHITECTURES]
    + [(verb, "") for verb in VERBS if verb not in OF_CONTENDERS],
)
def test_a_stage_depends_on_all_code_that_may_change_its_result(verb: str, architecture: str) -> None:
    missing = missing_dependencies(verb, architecture, left_out_of(verb))
    assert missing == [], f"add them to the code of {verb} in dvc.yaml, or to LEFT_OUT with a reason"


@pytest.mark.parametrize("verb", VERBS)
def test_a_stage_depends_on_no_code_that_it_does_not_use(verb: str) -> None:
    code = [path for path in listed_code(verb)[1:] if path != ARCHITECTURE]
    used = used_paths(verb, list(ARCHITECTURES), left_out_of(verb))
    idle = [one for one in code if not any(covers(one, path) for path in used)]
    assert idle == [], f"an edit there would run {verb} again for nothing"


@pytest.mark.parametrize(("name", "verbs"), LEFT_OUT)
def test_every_excluded_dependency_would_otherwise_be_missing(name: str, verbs: tuple[str, ...]) -> None:
    for verb in verbs:
        others = [other for (other, theirs) in LEFT_OUT if verb in theirs and other != name]
        architecture = "mlp" if verb in OF_CONTENDERS else ""
        assert missing_dependencies(verb, architecture, left_out(others)), f"{verb} no longer needs {name} left out"

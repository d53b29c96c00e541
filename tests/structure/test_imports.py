"""The shape of the house: who may import whom, and that dvc.yaml knows every file a stage's result depends on."""

import ast
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from models import ARCHITECTURES
from tests.support import small_model

ROOT = Path(__file__).parents[2]
HOUSE = ("models", "pipelines", "serving")
STAGES = sorted(path.stem for path in (ROOT / "pipelines").glob("*.py") if path.stem != "__init__")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in HOUSE
    for path in sorted((ROOT / top).rglob("*.py"))
}

# Who may import whom, besides itself. Read from top to bottom: every room leans on rooms below it alone.
MAY_IMPORT: dict[str, set[str]] = {
    "stages": {
        "tracking",
        "settings",
        "reporting",
        "exporting",
        "evaluation",
        "training",
        "tasks",
        "data_checks",
        "splitting",
        "sources",
        "data",
        "models",
        "runtime",
    },
    "tracking": {"settings", "exporting", "evaluation", "training", "tasks", "data", "models", "runtime"},
    "settings": {"training", "tasks", "splitting", "sources", "data", "models", "runtime"},
    "reporting": {"evaluation", "tasks", "data", "models", "runtime"},
    "exporting": {"tasks", "data", "models", "runtime"},
    "evaluation": {"tasks", "data", "models", "runtime"},
    "training": {"tasks", "data", "models", "runtime"},
    "tasks": {"data", "models", "runtime"},
    "data_checks": {"splitting", "data", "runtime"},
    "splitting": {"data", "runtime"},
    "sources": {"data", "runtime"},
    "data": {"runtime"},
    "models": set(),
    "runtime": set(),
    "serving": set(),
}
DOORS = {  # (importer, imported), besides the table
    ("pipelines.package", "serving.archive"),  # the archive's builder is the one thing both sides need
}


def room(module: str) -> str:
    top, *rest = module.split(".")
    if top != "pipelines":
        return top
    return "stages" if not rest or rest[0] in STAGES else rest[0]


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> frozenset[str]:
    """The project's modules that a module imports, anywhere in its file."""
    found = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; write the whole name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
    return frozenset(name for name in found if name in MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    allowed = MAY_IMPORT[room(module)] | ({room(module)} if room(module) != "stages" else set())
    for other in imports(module):
        assert room(other) in allowed or (module, other) in DOORS, f"{module} may not import {other}"


def test_packages_import_only_packages_below_them() -> None:
    order = list(MAY_IMPORT)
    for name, others in MAY_IMPORT.items():
        assert all(order.index(other) > order.index(name) for other in others), name


def test_every_import_exception_is_used() -> None:
    for importer, imported in DOORS:
        assert imported in imports(importer)


def test_every_package_of_pipelines_has_a_place_in_the_import_order() -> None:
    folders = {path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT) - {"stages", "models", "serving"}


def test_no_file_has_a_catch_all_name() -> None:
    empty = {"util", "utils", "common", "helper", "helpers", "manager", "base", "misc"}
    files = [path for top in (*HOUSE, "tests", "benchmarks") for path in (ROOT / top).rglob("*.py")]
    assert [path for path in files if path.stem in empty] == []


@pytest.mark.parametrize("verb", STAGES)
def test_stage_modules_are_short(verb: str) -> None:
    lines = (ROOT / "pipelines" / f"{verb}.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line]) <= 60, "a stage loads, reads, calls and writes; the rest is a room's"


@pytest.mark.parametrize("module", MODULES)
def test_modules_have_at_most_300_lines(module: str) -> None:
    assert len(MODULES[module].read_text(encoding="utf-8").splitlines()) <= 300


def fresh(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh process, in an empty folder that is also its home and its place for temporary files."""
    places = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    hushing = ("CI", "ORT_DISABLE_TELEMETRY")  # which would keep ONNX Runtime quiet whatever we do
    kept = {name: value for name, value in os.environ.items() if name not in hushing}
    environment = {**kept, **places, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def test_importing_prints_nothing_and_writes_no_files(tmp_path: Path) -> None:
    ended = fresh(f"import importlib\nfor name in {list(MODULES)!r}: importlib.import_module(name)", tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "script",
    [
        "from serving.worker import onnx_model",
        "from pipelines.exporting.parity import onnx_runtime; onnx_runtime({!r})",
    ],
    ids=["serving", "exporting"],
)
def test_onnx_runtime_telemetry_leaves_no_files_at_home(script: str, tmp_path: Path) -> None:
    """Its packages do from version 1.29 on: a file with a number for the device, and a queue of what to send."""
    home, model = tmp_path / "home", tmp_path / "model.onnx"
    home.mkdir()
    model.write_bytes(small_model.build_onnx())
    ended = fresh(script.format(str(model)), home)
    assert ended.returncode == 0, ended.stderr
    assert list(home.iterdir()) == []


def test_importing_a_stage_does_not_wait_for_mlflow_or_for_pictures() -> None:
    script = "import sys, {0}\nsys.exit(any(name in sys.modules for name in ('mlflow', 'matplotlib', 'onnxruntime')))"
    stages = ", ".join(f"pipelines.{verb}" for verb in STAGES)
    assert subprocess.run([sys.executable, "-c", script.format(stages)], cwd=ROOT, timeout=120).returncode == 0


# dvc.yaml


@cache
def story() -> dict[str, Any]:
    stages: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {verb: {"foreach": entry.get("foreach"), **entry.get("do", entry)} for verb, entry in stages.items()}


ARCHITECTURE = "models/${item.architecture}.py"
OF_CONTENDERS = [verb for verb in STAGES if story()[verb]["foreach"] == "${contenders}"]


def dependencies(verb: str) -> list[str]:
    listed: list[str] = story()[verb]["deps"]
    return listed


def test_dvc_stages_and_stage_files_are_the_same() -> None:
    assert sorted(story()) == STAGES


@pytest.mark.parametrize("verb", STAGES)
def test_a_stage_runs_its_own_file_and_depends_on_it(verb: str) -> None:
    key = " ${key}" if story()[verb]["foreach"] else ""
    assert story()[verb]["cmd"] == f"python -m pipelines.{verb}{key}"
    assert dependencies(verb)[0] == f"pipelines/{verb}.py"


def test_the_fetch_stage_always_runs_for_all_problems() -> None:
    assert [verb for verb in STAGES if not story()[verb]["foreach"]] == ["fetch"]
    assert [verb for verb in STAGES if story()[verb].get("always_changed")] == ["fetch"]
    assert story()["fetch"]["outs"] == ["data/watched"]
    assert "data/watched/${key}.json" in dependencies("split")


@pytest.mark.parametrize("verb", STAGES)
def test_what_a_stage_depends_on_exists(verb: str) -> None:
    for path in dependencies(verb):
        if not path.startswith(("data/", "artifacts/")) and path != ARCHITECTURE:
            assert (ROOT / path).exists(), path


@pytest.mark.parametrize("verb", OF_CONTENDERS)
def test_a_contender_depends_on_its_own_architecture_and_no_other(verb: str) -> None:
    listed = dependencies(verb)
    assert ARCHITECTURE in listed
    assert not {"models", "models/__init__.py", *(f"models/{name}.py" for name in ARCHITECTURES)} & set(listed)


def opens_the_test_part(verb: str) -> bool:
    part = "data/${item.problem}/split/test" if verb in OF_CONTENDERS else "data/${key}/split/test"
    return any(part == path or part.startswith(f"{path}/") for path in dependencies(verb))


def test_only_evaluate_and_export_open_the_test_part() -> None:
    assert [verb for verb in STAGES if opens_the_test_part(verb)] == ["evaluate", "export"]


def test_the_test_part_is_named_in_no_other_stage() -> None:
    naming = [
        verb
        for verb in STAGES
        if any(isinstance(node, ast.Constant) and node.value == "test" for node in ast.walk(tree(f"pipelines.{verb}")))
    ]
    assert naming == ["evaluate", "export"]


# What a stage imports and yet does not depend on, with the reason; the search for imports goes no further there.
TYPES = "the settings' types; dvc.yaml compares the values in params.yaml"
VIEW = "shows the artifacts in MLflow and changes none of them"
ALL = tuple(STAGES)
SCORES = "compare builds no network: it asks the tasks for scores alone"
LEFT_OUT: dict[tuple[str, tuple[str, ...]], str] = {
    ("pipelines.settings.params", tuple(verb for verb in ALL if verb not in ("fetch", "export", "package"))): TYPES,
    ("pipelines.tracking.background", ("evaluate", "package")): VIEW,
    ("pipelines.settings.jobs", ("split",)): "split checks all contenders for slips; what it writes knows of none",
    ("models", ("tune", "train", "evaluate")): "the table; a contender depends on its own row's file",
    ("models.blocks.cost", ("tune", "evaluate")): "counts what a network costs, which train alone writes down",
    ("models.blocks.losses", ("evaluate", "compare")): "nothing is trained any more",
    ("models.blocks.class_losses", ("evaluate", "compare")): "nothing is trained any more",
    ("models.outputs.", ("compare",)): SCORES,
    ("pipelines.training.augmentation", ("evaluate", "export")): "nothing is drawn: job.py names a type",
    ("pipelines.training.search_space", ("train",)): "train takes its settings from best.json",
    ("pipelines.training.search", ("train",)): "records.py names the type of a trial",
    ("pipelines.data.parts", ("compare",)): "compare reads what was answered, not the data",
    ("pipelines.data.text", ("compare",)): "compare reads what was answered, not the data",
}


def left_out(verb: str) -> set[str]:
    """The modules that LEFT_OUT names for a stage; `models.outputs.` stands for all modules of that folder."""
    named = {module for (module, verbs) in LEFT_OUT if verb in verbs}
    rooms = tuple(name for name in named if name.endswith("."))
    return named | {module for module in MODULES if module.startswith(rooms)}


def counted(module: str) -> bool:
    """Tell whether an edit of the module may change a result.

    Settings compute nothing of their own. How stages run and how files are written is no result either,
    except for the seeds.
    """
    return room(module) not in ("settings", "runtime", "stages") or module == "pipelines.runtime.seeds"


def reached(start: str, without: set[str]) -> set[str]:
    """All modules that `start` leads to, itself among them."""
    seen, waiting = {start}, [start]
    while waiting:
        for module in imports(waiting.pop()) - seen - without:
            seen.add(module)
            waiting.append(module)
    return seen


def files_beside(module: str) -> set[str]:
    """Files in the module's folder that it names in a text: templates, and code that it packs."""
    texts = {node.value for node in ast.walk(tree(module)) if isinstance(node, ast.Constant)}
    beside = (path for path in MODULES[module].parent.iterdir() if path.is_file())
    return {str(path.relative_to(ROOT)) for path in beside if path.name in texts}


def used(verb: str, architectures: list[str]) -> set[str]:
    """Paths of the code that a stage's result depends on, besides its own file."""
    without = left_out(verb)
    modules = reached(f"pipelines.{verb}", without)
    if verb in OF_CONTENDERS:
        for name in architectures:
            modules |= reached(f"models.{name}", without)
    within = {module for module in modules if counted(module)}
    paths = {str(MODULES[module].relative_to(ROOT)) for module in within}
    return paths.union(*(files_beside(module) for module in within))


def covers(dependency: str, path: str) -> bool:
    return path == dependency or path.startswith(f"{dependency}/")


@pytest.mark.parametrize(
    ("verb", "architecture"),
    [(verb, name) for verb in OF_CONTENDERS for name in ARCHITECTURES]
    + [(verb, "") for verb in STAGES if verb not in OF_CONTENDERS],
)
def test_a_stage_depends_on_all_code_that_may_change_its_result(verb: str, architecture: str) -> None:
    listed = [path.replace("${item.architecture}", architecture) for path in dependencies(verb)]
    missing = [path for path in used(verb, [architecture]) if not any(covers(one, path) for one in listed)]
    assert sorted(missing) == [], f"add them to the deps of {verb} in dvc.yaml, or to LEFT_OUT with a reason"


@pytest.mark.parametrize("verb", STAGES)
def test_a_stage_depends_on_no_code_that_it_does_not_use(verb: str) -> None:
    code = [path for path in dependencies(verb)[1:] if path.startswith(HOUSE) and path != ARCHITECTURE]
    paths = used(verb, list(ARCHITECTURES))
    idle = [one for one in code if not any(covers(one, path) for path in paths)]
    assert idle == [], f"an edit there would run {verb} again for nothing"


@pytest.mark.parametrize(("module", "verbs"), LEFT_OUT)
def test_every_excluded_dependency_is_really_imported(module: str, verbs: tuple[str, ...]) -> None:
    for verb in verbs:
        without = {name for name in left_out(verb) if name != module and not name.startswith(f"{module.rstrip('.')}.")}
        met = reached(f"pipelines.{verb}", without)
        if verb in OF_CONTENDERS:
            met = met.union(*(reached(f"models.{name}", without) for name in ARCHITECTURES))
        assert any(name == module or name.startswith(module) for name in met), (
            f"{verb} no longer imports {module}: take it off the list"
        )

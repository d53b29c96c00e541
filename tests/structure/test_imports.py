"""The import order of packages, no circles between modules, and what importing a module does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import small_model
from tests.support.modules import MODULES, PACKAGES, ROOT, STAGES, imports_of, package_of

TIMEOUT = 300  # seconds, for a process that only imports; a busy machine is not a failure

# Who may import whom, besides itself. Read from top to bottom: every package imports packages below it alone.
MAY_IMPORT: dict[str, set[str]] = {
    "cli": {
        *("stages", "proposals", "tracking", "explanation", "settings", "reporting", "exporting", "evaluation"),
        *("training", "tasks"),
        *("data_checks", "splitting", "sources", "data", "runtime"),
    },
    "stages": {
        *("tracking", "explanation", "settings", "reporting", "exporting", "evaluation", "training", "tasks"),
        *("data_checks", "splitting", "sources", "data", "models", "runtime"),
    },
    "proposals": {"settings", "training", "tasks", "splitting", "sources", "data", "models", "runtime"},
    "zoo": {"models", "runtime"},
    "tracking": {"settings", "exporting", "evaluation", "training", "tasks", "data", "models", "runtime"},
    "explanation": {"settings", "reporting", "evaluation", "training", "tasks", "data", "models", "runtime"},
    "settings": {"evaluation", "training", "tasks", "splitting", "sources", "data", "models", "runtime"},
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
EXCEPTIONS = {  # (importer, imported), besides the table
    ("pipelines.package", "serving.archive"),  # the archive's builder is the one thing both sides need
}


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    allowed = MAY_IMPORT[package] | ({package} if package != "stages" else set())
    forbidden = [
        f"{module} may not import {other}"
        for module in PACKAGES[package]
        for other in imports_of(module)
        if package_of(other) not in allowed and (module, other) not in EXCEPTIONS
    ]
    assert forbidden == []


def test_packages_import_only_packages_below_them() -> None:
    order = list(MAY_IMPORT)
    for name, others in MAY_IMPORT.items():
        assert all(order.index(other) > order.index(name) for other in others), name


def test_every_import_exception_is_used() -> None:
    for importer, imported in EXCEPTIONS:
        assert imported in imports_of(importer)


def test_every_package_of_pipelines_has_a_place_in_the_import_order() -> None:
    folders = {path.parent.name for path in (ROOT / "pipelines").glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT) - {"stages", "models", "serving"}


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Modules that import nothing are taken away, again and again; what remains leads into a circle."""
    left = {module: set(imports_of(module)) - {module} for module in MODULES}
    while leaves := {module for module, others in left.items() if not others}:
        left = {module: others - leaves for module, others in left.items() if module not in leaves}
    assert left == {}


def run_in_empty_folder(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in a new process, in an empty folder that is also its home and its place for temporary files."""
    places = {name: str(folder) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    hushing = ("CI", "ORT_DISABLE_TELEMETRY")  # which would keep ONNX Runtime quiet whatever we do
    kept = {name: value for name, value in os.environ.items() if name not in hushing}
    environment = {**kept, **places, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=TIMEOUT)


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
    ended = run_in_empty_folder(script.format(str(model)), home)
    assert ended.returncode == 0, ended.stderr
    assert list(home.iterdir()) == []


# What must not be loaded after each of these, in this order. One process does them all, as most import PyTorch in the
# end: what is absent after all of them is absent after each.
PARAMS = str(ROOT / "params.yaml")
SPARING = [
    ("import pipelines.resolve", ("numpy", "pydantic", "torch")),
    (
        f"import pathlib, pipelines.settings.params as one; one.load_params(pathlib.Path({PARAMS!r}))",
        ("models", "torch"),
    ),
    *((f"import pipelines.{verb}", ("torch",)) for verb in ("resolve", "split", "augment", "compare", "package")),
    ("import pipelines.proposals.proposal", ("torch",)),  # `bakeoff add` imports it after what may be refused
    *((f"import pipelines.{verb}", ("mlflow", "matplotlib", "onnxruntime")) for verb in STAGES),
]


class Imported(NamedTuple):
    """A process that does all of SPARING and then imports every module."""

    ended: "subprocess.CompletedProcess[str]"
    unwanted: list[list[str]]  # after each line of SPARING, those of its packages that are loaded
    written: list[str]  # files where it ran, which is its home as well


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder, found = tmp_path_factory.mktemp("empty"), tmp_path_factory.mktemp("found") / "unwanted.json"
    script = f"""
import importlib, json, sys
unwanted = []
for line, names in {SPARING!r}:
    exec(line)
    unwanted.append([name for name in names if name in sys.modules])
with open({str(found)!r}, "w") as stream:
    json.dump(unwanted, stream)
for name in {list(MODULES)!r}:
    importlib.import_module(name)
"""
    ended = run_in_empty_folder(script, folder)
    assert found.exists(), ended.stderr
    return Imported(ended, json.loads(found.read_text()), [path.name for path in folder.iterdir()])


def test_importing_prints_nothing_and_writes_no_files(imported: Imported) -> None:
    assert (imported.ended.returncode, imported.ended.stdout, imported.ended.stderr) == (0, "", "")
    assert imported.written == []


@pytest.mark.parametrize("number", range(len(SPARING)), ids=[line.split("(")[0] for line, _ in SPARING])
def test_nothing_is_imported_that_takes_seconds_and_is_not_needed(number: int, imported: Imported) -> None:
    """PyTorch takes two; params.yaml is read without it and without any network, and data is looked at."""
    assert imported.unwanted[number] == []

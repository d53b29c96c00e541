"""The import order of packages, no circles between modules, and what importing a module does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import small_model
from tests.support.modules import MODULES, ROOT, STAGES, imports_of, package_of

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


@pytest.mark.parametrize("module", MODULES)
def test_imports_run_one_way(module: str) -> None:
    own = package_of(module)
    allowed = MAY_IMPORT[own] | ({own} if own != "stages" else set())
    for other in imports_of(module):
        assert package_of(other) in allowed or (module, other) in EXCEPTIONS, f"{module} may not import {other}"


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


def test_importing_prints_nothing_and_writes_no_files(tmp_path: Path) -> None:
    script = f"import importlib\nfor name in {list(MODULES)!r}: importlib.import_module(name)"
    ended = run_in_empty_folder(script, tmp_path)
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
    ended = run_in_empty_folder(script.format(str(model)), home)
    assert ended.returncode == 0, ended.stderr
    assert list(home.iterdir()) == []


WITHOUT_PYTORCH = ("resolve", "split", "augment", "compare", "package")  # it takes two seconds to import


@pytest.mark.parametrize("verb", WITHOUT_PYTORCH)
def test_a_stage_that_needs_no_pytorch_does_not_import_it(verb: str) -> None:
    script = f"import sys, pipelines.{verb}\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=TIMEOUT).returncode == 0


def test_params_are_read_without_pytorch_and_without_any_network() -> None:
    script = (
        "import sys\nfrom pipelines.settings.params import load_params\nload_params()\n"
        "sys.exit('torch' in sys.modules or 'models' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=TIMEOUT).returncode == 0


def test_data_is_looked_at_without_pytorch() -> None:
    """`bakeoff add` imports it where contenders are trained on a sample, after everything that may be refused."""
    script = "import sys, pipelines.proposals.proposal\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=TIMEOUT).returncode == 0


def test_resolve_imports_neither_numpy_nor_pydantic() -> None:
    script = "import sys, pipelines.resolve\nsys.exit(any(name in sys.modules for name in ('numpy', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=TIMEOUT).returncode == 0


def test_importing_a_stage_loads_neither_mlflow_nor_matplotlib() -> None:
    script = "import sys, {0}\nsys.exit(any(name in sys.modules for name in ('mlflow', 'matplotlib', 'onnxruntime')))"
    stages = ", ".join(f"pipelines.{verb}" for verb in STAGES)
    assert subprocess.run([sys.executable, "-c", script.format(stages)], cwd=ROOT, timeout=TIMEOUT).returncode == 0

"""Imports of serving: the worker is closed, and everything in it is needed by the handler."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKER = sorted(path.relative_to(ROOT) for path in (ROOT / "serving" / "worker").rglob("*.py"))
HANDLER = Path("serving/worker/handler.py")


def file_of(module: str) -> Path | None:
    """The project's file of a module or package, None for anything else."""
    path = Path(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if (ROOT / one).exists()), None)


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """The modules that a file imports, and the packages that they are in."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    parents = {".".join(name.split(".")[:depth]) for name in found for depth in range(1, name.count(".") + 1)}
    return frozenset(found | parents)


def imported_files(path: Path) -> set[Path]:
    return {file for module in imported_modules(path) if (file := file_of(module)) is not None}


def test_every_file_of_the_worker_is_reached_from_the_handler() -> None:
    reached, waiting = {HANDLER}, [HANDLER]
    while waiting:
        for path in imported_files(waiting.pop()) - reached:
            reached.add(path)
            waiting.append(path)
    assert reached == {Path("serving/__init__.py"), *WORKER}


@pytest.mark.parametrize("path", WORKER, ids=str)
def test_the_worker_imports_nothing_of_the_project_but_itself(path: Path) -> None:
    project = {name for name in imported_modules(path) if name.split(".")[0] in ("models", "pipelines", "serving")}
    assert all(name == "serving" or name.startswith("serving.worker") for name in project)

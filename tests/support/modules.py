"""The project's modules and what each imports, read from their syntax trees."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOP_FOLDERS = ("models", "pipelines", "serving")
STAGES = sorted(path.stem for path in (ROOT / "pipelines").glob("*.py") if path.stem != "__init__")
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for top in TOP_FOLDERS
    for path in sorted((ROOT / top).rglob("*.py"))
}


def package_of(module: str) -> str:
    """The package of the import order that a module belongs to: a folder of pipelines/, `stages`, or its top folder."""
    top, *rest = module.split(".")
    if top != "pipelines":
        return top
    return "stages" if not rest or rest[0] in STAGES else rest[0]


PACKAGES = {  # the modules of every package
    package: [module for module in MODULES if package_of(module) == package]
    for package in dict.fromkeys(map(package_of, MODULES))
}


@cache
def syntax_tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imports_of(module: str, *, for_types: bool = True) -> frozenset[str]:
    """The project's modules that a module imports, anywhere in its file; `for_types`: under TYPE_CHECKING as well."""
    found = set()
    for node in _nodes(syntax_tree(module), for_types):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; write the whole name"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in MODULES else str(node.module))
    return frozenset(name for name in found if name in MODULES)


def _nodes(tree: ast.AST, for_types: bool) -> list[ast.AST]:
    found: list[ast.AST] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not for_types and isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))
    return found


@cache
def reachable_from(start: str, without: frozenset[str] = frozenset()) -> frozenset[str]:
    """All modules that running `start` may import, itself among them; `without` are not entered."""
    seen, waiting = {start}, [start]
    while waiting:
        for module in imports_of(waiting.pop(), for_types=False) - seen - without:
            seen.add(module)
            waiting.append(module)
    return frozenset(seen)

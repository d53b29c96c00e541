"""Public names are the field's words: none that docs/glossary.md retired, no verb without an object, no participle."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import pytest

from tests.support.modules import PACKAGES, ROOT, syntax_tree
from tests.support.pages import table_cells

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

BARE_VERBS = {"load", "read", "write"}  # which say nothing without an object

# Participles that have stood for functions; a function is a verb with an object, or a noun
PARTICIPLES = {
    *(
        "answered",
        "asked",
        "built",
        "called",
        "chosen",
        "counted",
        "decoded",
        "described",
        "drawn",
        "encoded",
        "filled",
    ),
    *(
        "fitted",
        "found",
        "given",
        "guessed",
        "held",
        "known",
        "learned",
        "listed",
        "made",
        "measured",
        "named",
        "opened",
    ),
    *("packed", "paired", "prepared", "rebuilt", "resampled", "restored", "said", "scored", "seen", "shown", "sorted"),
    *("spelled", "stated", "stored", "told", "trained", "used", "written"),
}


class RetiredWord(NamedTuple):
    instead: str
    allowed_in: str  # a top folder where the word has a meaning of its own: `replies` (outside serving)


@cache
def retired_words(page: str) -> dict[str, RetiredWord]:
    """Every word of the table `| retired | say instead |`, in snake_case."""
    found = {}
    for cell, instead in table_cells("retired", page):
        scope = re.search(r"\(outside `?(\w+)`?\)", cell)
        for word in re.findall(r"`([^`]+)`", cell.split("(")[0]) or [cell]:
            found["_".join(split_words(word))] = RetiredWord(instead, scope[1] if scope else "")
    return found


class Name(NamedTuple):
    place: str  # pipelines.tasks.task.Task.score
    words: tuple[str, ...]  # of its last part: snake_case and CamelCase taken apart


def split_words(name: str) -> tuple[str, ...]:
    return tuple(word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def names_of(module: str) -> Iterator[Name]:
    """The module's own name, and its public classes, functions, methods and their parameters."""
    yield Name(module, split_words(module.rpartition(".")[2]))
    yield from _names_within(module, syntax_tree(module))


def _names_within(place: str, node: ast.Module | ast.ClassDef) -> Iterator[Name]:
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield Name(f"{place}.{child.name}", split_words(child.name))
            yield from _names_within(f"{place}.{child.name}", child)
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith("_"):
            yield Name(f"{place}.{child.name}", split_words(child.name))
            arguments = child.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                yield Name(f"{place}.{child.name}({argument.arg})", split_words(argument.arg))


def functions_of(module: str) -> list[str]:
    """Names of the module's own functions; those of a class say their object by the class."""
    return [node.name for node in syntax_tree(module).body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_holds_a_retired_word(package: str) -> None:
    found = [
        f"{name.place}: say {retired.instead} instead of {word}"
        for module in PACKAGES[package]
        for name in names_of(module)
        for word, retired in retired_words(GLOSSARY).items()
        if f"_{word}_" in f"_{'_'.join(name.words)}_" and module.partition(".")[0] != retired.allowed_in
    ]
    assert found == []


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_verbs_with_an_object_or_nouns(package: str) -> None:
    functions = [(module, name) for module in PACKAGES[package] for name in functions_of(module)]
    assert [one for one in functions if one[1].lstrip("_") in BARE_VERBS | PARTICIPLES] == []


def test_the_glossary_says_a_word_for_every_retired_one() -> None:
    assert retired_words(GLOSSARY)
    assert all(retired.instead for retired in retired_words(GLOSSARY).values())


def test_retired_words_are_found_in_any_spelling() -> None:
    page = (
        "| retired | say instead |\n|---|---|\n| `Lesson` | `job` |\n| `of_lane`, `replies` (outside serving) | x |\n"
    )
    assert retired_words(page) == {
        "lesson": RetiredWord("job", ""),
        "of_lane": RetiredWord("x", "serving"),
        "replies": RetiredWord("x", "serving"),
    }
    assert split_words("LessonOfLane") == split_words("lesson_of_lane") == ("lesson", "of", "lane")
    assert split_words("ONNXModel") == ("onnx", "model")

"""Descriptions: the docstring of an architecture's file, and the comments of its settings, taken apart."""

import ast
import inspect
import re
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from io import StringIO
from typing import NamedTuple

from models import ARCHITECTURES
from models.blocks.hyperparameters import Hyperparameters

CHOICE, START = "When to choose it: ", "Initial weights: "
DEPARTURE = "NOTE[DIFF]"
URL = re.compile(r"https?://")


class Description(NamedTuple):
    """What the docstring of an architecture's file says; every text is on one line."""

    title: str  # the field's term for it, and what it is
    idea: tuple[str, ...]  # paragraphs
    sources: str  # authors, title, year and address
    remarks: tuple[str, ...]  # at which settings it is the paper's network, and what else is no departure
    departures: tuple[str, ...]  # from the paper
    choice: str  # when to choose it
    start: str  # initial weights


def read_description(architecture: str) -> Description:
    """What the docstring of an architecture's file says.

    Raises:
        ValueError: if it does not say what the idea is, where it is from, when to choose it, or how weights start.
    """
    text = inspect.getdoc(sys.modules[ARCHITECTURES[architecture].config.__module__]) or ""
    title, *paragraphs = [list(_sentences_of(paragraph)) for paragraph in text.split("\n\n")]
    plain = [items for items in paragraphs if not items[0].startswith((CHOICE, START, DEPARTURE, "Shapes: "))]
    source_place = next((place for place, items in enumerate(plain) if URL.search(items[0])), None)
    items = [item for paragraph in paragraphs for item in paragraph]
    choice, start = (next((item for item in items if item.startswith(label)), "") for label in (CHOICE, START))
    if not source_place or not choice or not start:
        raise ValueError(
            f"the docstring of models/{architecture}.py needs a title, a paragraph about the idea, one with the source "
            f"and its address, and paragraphs that begin with {CHOICE.strip()!r} and {START.strip()!r}"
        )
    return Description(
        title[0],
        tuple(paragraph[0] for paragraph in plain[:source_place]),
        plain[source_place][0],
        tuple(paragraph[0] for paragraph in plain[source_place + 1 :]),
        tuple(item.removeprefix(DEPARTURE).strip() for item in items if item.startswith(DEPARTURE)),
        choice.removeprefix(CHOICE),
        start.removeprefix(START),
    )


def _sentences_of(paragraph: str) -> Iterator[str]:
    """A paragraph's text on one line, and each departure that stands in it on one of its own."""
    for item in re.split(rf"\n(?={re.escape(DEPARTURE)})", paragraph.strip()):
        yield " ".join(item.split())


def read_comments(config: type[Hyperparameters]) -> dict[str, str]:
    """The comment beside each setting of a Config, which says what it is.

    Raises:
        ValueError: if a setting has none.
    """
    source = textwrap.dedent(inspect.getsource(config))
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT and not token.string.startswith("# type:")
    }
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            found[node.target.id] = next((comments[line] for line in lines if line in comments), "")
    missing = [name for name in config.model_fields if not found.get(name)]
    if missing:
        raise ValueError(f"{config.__module__}.{config.__name__}.{missing[0]} needs a comment that says what it is")
    return found

"""The page about what a contender looks at: every method that applies, with its picture and its table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.reporting.explanations import EXPLANATIONS
from pipelines.reporting.page.contents import Picture, embed_picture
from pipelines.reporting.page.render import fill_template
from pipelines.runtime.files import write_text

TEMPLATE = "explanation_page.html.j2"
MAX_SHOWN_ROWS = 60  # of a table; all are in the file beside the page


class ExplanationSection(NamedTuple):
    """One method."""

    method: str
    picture: Picture
    table: str  # the file's name
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]  # those that are shown
    left_out: int  # rows that are not


def make_section(
    method: str, picture: Path, table: Path, columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...]
) -> ExplanationSection:
    """A section from the files of a method and the rows of its table."""
    shown = rows[:MAX_SHOWN_ROWS]
    embedded = embed_picture(picture, *EXPLANATIONS[method])
    return ExplanationSection(method, embedded, table.name, columns, shown, len(rows) - len(shown))


def write_explanation_page(
    path: Path,
    contender: str,
    problem: str,
    explained: str,
    sections: tuple[ExplanationSection, ...],
    obstacles: Mapping[str, str],
) -> None:
    """Write the page, one file that needs no other.

    Args:
        explained: the number that attributions are about, in words; empty where there is none.
        obstacles: why a method does not apply, by its name.
    """
    values = {
        "contender": contender,
        "problem": problem,
        "explained": explained,
        "sections": sections,
        "obstacles": {EXPLANATIONS[name].title: (name, reason) for name, reason in obstacles.items()},
    }
    write_text(path, fill_template(TEMPLATE, values))

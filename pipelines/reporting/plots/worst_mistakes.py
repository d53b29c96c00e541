"""The worst mistakes on one sheet, each shown the way a person would look at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.reporting.plots.examples import draw_example, wide
from pipelines.reporting.plots.style import GREY, RED, drawing

ACROSS, DOWN = 6, 4  # tiles of the sheet
WORDS_ACROSS = 3  # tiles in a row when they hold words
CAPTION = 150  # characters of captions that stand beside each other


def worst(wrong: NDArray[np.bool_], losses: NDArray[np.float64], tiles: int = ACROSS * DOWN) -> list[int]:
    """The rows that were answered wrong, worst first, then the right ones that were least sure."""
    return [int(row) for row in np.lexsort((-losses, ~wrong))[:tiles]]


def draw_mistakes(
    path: Path,
    schema: Schema,
    part: Part,
    rows: Sequence[int],
    captions: Sequence[str],
    wrong: NDArray[np.bool_],
) -> None:
    """Draw the given rows as tiles with a caption each; the captions of wrong answers are red."""
    across = WORDS_ACROSS if wide(schema) else ACROSS
    rows = rows[: across * DOWN]
    down = -(-len(rows) // across)
    mistaken = int(wrong.sum())
    captions = [_lines(caption, CAPTION // across) for caption in captions[: len(rows)]]
    lines = 1 + max((caption.count("\n") for caption in captions), default=0)
    with drawing(path, 9, 0.4 + (1.68 + 0.14 * (lines - 1)) * down) as figure:
        title = _title(mistaken, sum(bool(wrong[row]) for row in rows), len(rows))
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, row, caption in zip(panels, rows, captions, strict=False):
            colour = RED if wrong[row] else GREY
            axes.set_title(caption, loc="center", fontsize=8.5, weight="normal", pad=4, color=colour)
            draw_example(axes, schema, part, row)


def _lines(caption: str, width: int) -> str:
    """A caption in lines of at most so many characters; a percentage is not torn apart."""
    whole = caption.replace(" %", "\N{NO-BREAK SPACE}%")
    return fill(whole, width, max_lines=3, placeholder=" …").replace("\N{NO-BREAK SPACE}", " ")


def _title(mistaken: int, shown: int, tiles: int) -> str:
    if not mistaken:
        return "No mistake on the test part; these were the least sure"
    if shown < mistaken:
        return f"The {shown} worst of {mistaken} mistakes on the test part, worst first"
    title = (
        "The only mistake on the test part"
        if mistaken == 1
        else f"All {mistaken} mistakes on the test part, worst first"
    )
    return f"{title}; in grey, right but least sure" if tiles > mistaken else title

"""Worst mistakes: one sheet of the test examples with the largest losses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.reporting.plots.contact_sheet import draw_captioned_images
from pipelines.reporting.plots.examples import draw_example, draws_image, has_text_tiles
from pipelines.reporting.plots.style import GREY, RED, png_figure

TILES_PER_ROW, TILE_ROWS = 6, 4  # tiles of the sheet
TEXT_TILES_PER_ROW = 3  # tiles in a row when they hold words
CAPTION_LINE = 0.12  # the height of a line above an image, as a share of the image's longer side
CAPTION_CHARACTERS = 150  # characters of the captions of one row together


def worst_rows(
    wrong: NDArray[np.bool_], losses: NDArray[np.float64], tiles: int = TILES_PER_ROW * TILE_ROWS
) -> list[int]:
    """Rows that were predicted wrong, largest loss first, then those predicted right with the least confidence."""
    return [int(row) for row in np.lexsort((-losses, ~wrong))[:tiles]]


def draw_mistakes(
    path: Path,
    schema: Schema,
    part: Part,
    rows: Sequence[int],
    captions: Sequence[str],
    wrong: NDArray[np.bool_],
) -> None:
    """Draw the given rows as tiles with a caption each; captions of wrong predictions are red."""
    across = TEXT_TILES_PER_ROW if has_text_tiles(schema) else TILES_PER_ROW
    rows = rows[: across * TILE_ROWS]
    down = -(-len(rows) // across)
    mistakes = int(wrong.sum())
    captions = [_wrap_caption(caption, CAPTION_CHARACTERS // across) for caption in captions[: len(rows)]]
    lines = 1 + max((caption.count("\n") for caption in captions), default=0)
    with png_figure(path, 9, 0.4 + (1.68 + 0.14 * (lines - 1)) * down) as figure:
        title = _title(mistakes, sum(bool(wrong[row]) for row in rows), len(rows))
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        colours = [RED if wrong[row] else GREY for row in rows]
        if draws_image(schema):
            images = [np.asarray(part.inputs[0][row]) for row in rows]
            above = CAPTION_LINE * lines * max(images[0].shape[:2])
            draw_captioned_images(figure, images, captions, colours, across, above)
            return
        panels = figure.subplots(down, across, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, row, caption, colour in zip(panels, rows, captions, colours, strict=False):
            axes.set_title(caption, loc="center", fontsize=8.5, weight="normal", pad=4, color=colour)
            draw_example(axes, schema, part, row)


def _wrap_caption(caption: str, width: int) -> str:
    """A caption wrapped to a width in characters; a percentage is not split."""
    unbroken = caption.replace(" %", "\N{NO-BREAK SPACE}%")
    return fill(unbroken, width, max_lines=3, placeholder=" …").replace("\N{NO-BREAK SPACE}", " ")


def _title(mistakes: int, shown: int, tiles: int) -> str:
    if not mistakes:
        return "No mistake on the test part; these were the least sure"
    if shown < mistakes:
        return f"The {shown} worst of {mistakes} mistakes on the test part, worst first"
    title = (
        "The only mistake on the test part"
        if mistakes == 1
        else f"All {mistakes} mistakes on the test part, worst first"
    )
    return f"{title}; in grey, right but least sure" if tiles > mistakes else title

"""The worst mistakes on one sheet, each shown the way a person would look at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.plots import GREY, RED, drawing
from pipelines.sources.parts import Part
from pipelines.sources.schema import Kind, Schema

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS, DOWN = 6, 4  # tiles of the sheet


def draw_image(axes: Axes, image: NDArray[Any]) -> None:
    """Show an image (H, W), (H, W, 1) or (H, W, 3) with every pixel as a square."""
    axes.imshow(image.squeeze(-1) if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)


DRAWN: dict[Kind, Callable[[Axes, NDArray[Any]], None]] = {
    "image": draw_image,
}


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
    """Draw the given rows as tiles with a caption each; the captions of wrong answers are red.

    Examples with no field that can be drawn are named by their row.
    """
    drawn = next(((place, field) for place, field in enumerate(schema.inputs) if field.kind in DRAWN), None)
    mistaken = int(wrong.sum())
    with drawing(path, 9, 0.4 + 1.68 * -(-len(rows) // ACROSS)) as figure:
        title = _title(mistaken, sum(bool(wrong[row]) for row in rows), len(rows))
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(-(-len(rows) // ACROSS), ACROSS, squeeze=False).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, row, caption in zip(panels, rows, captions, strict=False):
            colour = RED if wrong[row] else GREY
            axes.set_title(caption, loc="center", fontsize=8.5, weight="normal", pad=4, color=colour)
            if drawn is None:
                axes.text(0.5, 0.5, f"row {row}", ha="center", va="center", color=GREY)
            else:
                place, field = drawn
                DRAWN[field.kind](axes, np.asarray(part.inputs[place][row]))


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

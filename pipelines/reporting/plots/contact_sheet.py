"""Contact sheet: images in named rows and columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.plots.style import png_figure

SHEET_WIDTH = 9.0  # inches
MAX_SHEET_HEIGHT = 16.0  # inches; tall images are drawn smaller instead


def draw_contact_sheet(
    path: Path,
    title: str,
    column_titles: Sequence[str],
    row_titles: Sequence[str],
    tiles: Sequence[Sequence[NDArray[Any]]],
    legend: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw images with titles above the columns and left of the rows.

    Args:
        column_titles: one per column.
        row_titles: one per row.
        tiles: rows of images, 0 to 255, (H, W) or (H, W, C).
        legend: names and their colours.
    """
    height, width = tiles[0][0].shape[:2]
    side = SHEET_WIDTH * 0.93 / len(column_titles)
    sheet_height = min(MAX_SHEET_HEIGHT, 0.75 + 0.3 * bool(legend) + len(tiles) * (side * height / width + 0.08))
    with png_figure(path, SHEET_WIDTH, sheet_height) as figure:
        from matplotlib.patches import Patch

        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(len(tiles), len(column_titles), squeeze=False)
        for number, (row, title_of_row) in enumerate(zip(tiles, row_titles, strict=True)):
            panels[number, 0].set_ylabel(title_of_row, fontsize=8.5)
            for axes, tile in zip(panels[number], row, strict=True):
                axes.imshow(to_display_pixels(tile), cmap="gray", vmin=0, vmax=255, aspect="equal")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
        for axes, title_of_column in zip(panels[0], column_titles, strict=True):
            axes.set_title(title_of_column, loc="center", fontsize=8.5, weight="normal", pad=4)
        if legend:
            patches = [Patch(facecolor=colour, edgecolor="#bbbbbb", label=name) for name, colour in legend]
            figure.legend(handles=patches, loc="outside lower center", ncols=min(6, len(patches)))


def to_display_pixels(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels as uint8, grey (H, W) or colour (H, W, 3); of any other number of channels, the first."""
    pixels = np.clip(np.rint(np.asarray(image, dtype=np.float64)), 0, 255).astype(np.uint8)
    return pixels if pixels.ndim == 2 or pixels.shape[-1] == 3 else pixels[..., 0]


def best_median_worst(losses: NDArray[np.float64], per_end: int = 2) -> list[tuple[str, int]]:
    """The rows with the largest, the median and the smallest losses, each with its name; no row twice."""
    order = np.argsort(-losses, kind="stable")
    count = len(order)
    names = dict.fromkeys(range(max(0, count - per_end), count), "best")
    names |= {count // 2: "median"} | dict.fromkeys(range(min(per_end, count)), "worst")
    return [(names[place], int(order[place])) for place in sorted(names)]

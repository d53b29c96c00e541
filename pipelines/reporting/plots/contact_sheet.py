"""Contact sheets: images in named rows and columns, or each below a caption of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.plots.style import png_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHEET_WIDTH = 9.0  # inches
GAP = 0.06  # between images, as a share of their width
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
    across, down = width * (1 + GAP), height + width * GAP  # from one tile to the next, in pixels of a tile
    with png_figure(path, SHEET_WIDTH, sheet_height) as figure:
        from matplotlib.patches import Patch

        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        axes = figure.add_subplot()  # one for all tiles: one each takes three times as long to draw
        for row, row_tiles in enumerate(tiles):
            for column, tile in enumerate(row_tiles):
                place = (column * across, column * across + width, row * down + height, row * down)
                axes.imshow(to_display_pixels(tile), cmap="gray", vmin=0, vmax=255, extent=place)
        axes.set(xlim=(0, len(column_titles) * across - width * GAP), ylim=(len(tiles) * down - width * GAP, 0))
        axes.set_xticks([column * across + width / 2 for column in range(len(column_titles))], column_titles)
        axes.set_yticks(
            [row * down + height / 2 for row in range(len(tiles))], row_titles, rotation="vertical", va="center"
        )
        axes.tick_params(length=0, labelsize=8.5, labeltop=True, labelbottom=False)
        axes.spines[:].set_visible(False)
        axes.grid(visible=False)
        if legend:
            patches = [Patch(facecolor=colour, edgecolor="#bbbbbb", label=name) for name, colour in legend]
            figure.legend(handles=patches, loc="outside lower center", ncols=min(6, len(patches)))


def draw_captioned_images(
    figure: Figure,
    images: Sequence[NDArray[Any]],
    captions: Sequence[str],
    colours: Sequence[str],
    across: int,
    above: float,
) -> None:
    """Draw images of one size row by row, each below its caption.

    Args:
        images: 0 to 255, (H, W) or (H, W, C).
        colours: of the captions.
        across: how many fit in a row.
        above: what a caption takes, in pixels of an image.
    """
    height, width = images[0].shape[:2]
    right, down = width * (1 + GAP), above + height + width * GAP  # from one image to the next, in pixels of it
    axes = figure.add_subplot()
    axes.set_axis_off()
    for place, (image, caption, colour) in enumerate(zip(images, captions, colours, strict=True)):
        left, top = place % across * right, place // across * down + above
        axes.imshow(
            to_display_pixels(image), cmap="gray", vmin=0, vmax=255, extent=(left, left + width, top + height, top)
        )
        axes.text(
            left + width / 2, top - GAP * width / 2, caption, ha="center", va="bottom", fontsize=8.5, color=colour
        )
    axes.set(xlim=(0, across * right - width * GAP), ylim=(-(-len(images) // across) * down - width * GAP, 0))


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

"""A contact sheet: pictures in rows and columns that belong together, each row and column named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.reporting.plots.style import drawing

WIDTH = 9.0  # inches
TALLEST = 16.0  # inches; a sheet of tall pictures gets smaller ones instead


def draw_sheet(
    path: Path,
    title: str,
    heads: Sequence[str],
    labels: Sequence[str],
    tiles: Sequence[Sequence[NDArray[Any]]],
    legend: Sequence[tuple[str, str]] = (),
) -> None:
    """Draw pictures with names above the columns and left of the rows; every pixel is a square.

    Args:
        heads: one per column.
        labels: one per row.
        tiles: rows of pictures, 0 to 255, (H, W) or (H, W, C).
        legend: names and their colours.
    """
    height, width = tiles[0][0].shape[:2]
    side = WIDTH * 0.93 / len(heads)
    tall = min(TALLEST, 0.75 + 0.3 * bool(legend) + len(tiles) * (side * height / width + 0.08))
    with drawing(path, WIDTH, tall) as figure:
        from matplotlib.patches import Patch

        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(len(tiles), len(heads), squeeze=False)
        for place, (row, label) in enumerate(zip(tiles, labels, strict=True)):
            panels[place, 0].set_ylabel(label, fontsize=8.5)
            for axes, tile in zip(panels[place], row, strict=True):
                axes.imshow(viewable(tile), cmap="gray", vmin=0, vmax=255, aspect="equal")
                axes.set(xticks=[], yticks=[])
                axes.spines[:].set_visible(False)
        for axes, head in zip(panels[0], heads, strict=True):
            axes.set_title(head, loc="center", fontsize=8.5, weight="normal", pad=4)
        if legend:
            patches = [Patch(facecolor=colour, edgecolor="#bbbbbb", label=name) for name, colour in legend]
            figure.legend(handles=patches, loc="outside lower center", ncols=min(6, len(patches)))


def viewable(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels that can be shown: grey (H, W) or colour (H, W, 3); of any other number of channels, the first."""
    pixels = np.clip(np.rint(np.asarray(image, dtype=np.float64)), 0, 255).astype(np.uint8)
    return pixels if pixels.ndim == 2 or pixels.shape[-1] == 3 else pixels[..., 0]


def standing_for_all(badness: NDArray[np.float64], ends: int = 2) -> list[tuple[str, int]]:
    """The worst rows, the middle one and the best, worst first, with what they are: no row twice."""
    order = np.argsort(-badness, kind="stable")
    count = len(order)
    names = dict.fromkeys(range(max(0, count - ends), count), "best")
    names |= {count // 2: "median"} | dict.fromkeys(range(min(ends, count)), "worst")
    return [(names[place], int(order[place])) for place in sorted(names)]

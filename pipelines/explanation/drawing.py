"""Drawings of explanations: elements in blue and orange beside the examples, importances as bars, areas of units."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.evaluation.number_format import format_number
from pipelines.explanation.attribution import Attribution
from pipelines.explanation.dissection import Dissection
from pipelines.explanation.elements import ElementKind
from pipelines.explanation.permutation import Importances
from pipelines.explanation.spectrogram import read_spectrograms, spectrogram_axes
from pipelines.explanation.subject import Subject
from pipelines.reporting.plots.contact_sheet import draw_captioned_images, draw_contact_sheet, to_display_pixels
from pipelines.reporting.plots.examples import draw_example
from pipelines.reporting.plots.style import BLUE, GREY, ORANGE, png_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

MAX_BARS = 6  # elements of a row that are named
MAX_COLUMNS = 20  # of a table that are shown, the most important
NAME_CHARACTERS = 28  # of an element's name that are shown
PICTURES_ACROSS, SPECTROGRAMS_ACROSS, PANELS_ACROSS = 8, 3, 2
CAPTION_HEIGHT = 0.2  # above a picture, as a share of its width
AREA_COLOUR = np.array([0, 114, 178])  # BLUE, where a unit is on
PALE = 0.45  # how much is left of a picture's contrast under an area


def draw_importances(path: Path, title: str, subject: Subject, found: Importances) -> None:
    """A bar for each of the most important columns, the largest first, with its interval."""
    shown = found.importances[:MAX_COLUMNS]
    left = len(found.importances) - len(shown)
    with png_figure(path, 7, 1.3 + 0.27 * len(shown)) as figure:
        axes = figure.add_subplot(title=title)
        places = np.arange(len(shown))[::-1]
        axes.barh(places, [one.value for one in shown], color=BLUE, height=0.62)
        axes.hlines(places, [one.low for one in shown], [one.high for one in shown], color=GREY, linewidth=1.5)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_yticks(places, [_shorten(one.column) for one in shown])
        axes.grid(visible=False, axis="y")
        notes = [f"{left} less important ones are left out"] * bool(left)
        notes.append("no intervals" if found.reason else "lines: 95 % intervals")
        notes += [describe_rows(found)] * (found.rows < found.held_out)
        goal = found.goal.replace("_", " ")
        axes.set_xlabel(f"how much worse {goal} gets ({format_number(found.score)} with all)\n{'; '.join(notes)}")


def describe_rows(found: Importances) -> str:
    """Of how many rows the score is, if that is why it is not the leaderboard's."""
    return f"of {found.rows:,} rows: the leaderboard's score is of all {found.held_out:,}"


def draw_attribution(path: Path, title: str, subject: Subject, found: Attribution) -> None:
    """Every row with its elements, in the form of its kind."""
    DRAW_BY_KIND[found.kind](path, title, subject, found)


def _draw_pictures(path: Path, title: str, subject: Subject, found: Attribution) -> None:
    """Pictures above, what counts in them below."""
    count, (height, width) = len(found.rows), found.values.shape[1:]
    across = min(PICTURES_ACROSS, max(count, 4))
    lines = -(-count // across)
    pairs = [
        _stack(to_display_pixels(picture), _map_pixels(values))
        for picture, values in zip(found.examples.inputs[0], found.values, strict=True)
    ]
    captions = [_shorten(answer) for answer in found.answers]
    with png_figure(path, 9, 0.5 + lines * (2 * 9 / across * height / width + 0.2)) as figure:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        draw_captioned_images(figure, pairs, captions, ["black"] * count, across, above=CAPTION_HEIGHT * width)


def _stack(picture: NDArray[np.uint8], below: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W[, 3]), some white, and another (H, W, 3) of the same size."""
    white = np.full((max(1, len(below) // 20), *below.shape[1:]), 255, dtype=np.uint8)
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    return np.concatenate([colour, white, below])


def _draw_series(path: Path, title: str, subject: Subject, found: Attribution) -> None:
    """Lines over the steps that count, all variables of a step together."""

    def draw(axes: Axes, place: int) -> None:
        draw_example(axes, subject.schema, found.examples, place)
        low, high = axes.get_ylim()
        steps = found.values[place].sum(axis=1)
        _show_map(axes, steps[None, :], (-0.5, len(steps) - 0.5, low, high))

    _draw_panels(path, title, found, 1.5, draw)


def _draw_spectrograms(path: Path, title: str, subject: Subject, found: Attribution) -> None:
    """What the network hears above, what counts in it below, over time and pitch."""
    levels = read_spectrograms(subject, found.examples.inputs[0])
    (seconds, hertz), (steps, bands) = spectrogram_axes(subject), found.values.shape[1:]
    marks = (np.unique(np.linspace(0, steps - 1, 4).astype(int)), np.unique(np.linspace(0, bands - 1, 4).astype(int)))
    count = len(found.rows)
    across = min(SPECTROGRAMS_ACROSS, count)
    lines = -(-count // across)
    with png_figure(path, 9, 0.6 + 3.1 * lines) as figure:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        panels = figure.subplots(2 * lines, across, squeeze=False)
        for axes in panels[:, 0]:
            axes.set_ylabel("Hz", fontsize=8)
        for place in range(lines * across):
            line, column = divmod(place, across)
            above, below = panels[2 * line, column], panels[2 * line + 1, column]
            if place >= count:
                above.set_axis_off()
                below.set_axis_off()
                continue
            above.imshow(levels[place].T, cmap="gray", origin="lower", aspect="auto", interpolation="nearest")
            above.set_title(_shorten(found.answers[place]), loc="center", fontsize=8.5, weight="normal", pad=3)
            _show_map(below, found.values[place].T, origin="lower", aspect="auto")
            for axes in (above, below):
                axes.set_xticks(marks[0], [f"{seconds[one]:.2f}" for one in marks[0]], fontsize=7)
                axes.set_yticks(marks[1], [f"{hertz[one]:.0f}" for one in marks[1]], fontsize=7)
                axes.grid(visible=False)
            below.set_xlabel("seconds", fontsize=8)


def _draw_named(path: Path, title: str, subject: Subject, found: Attribution) -> None:
    """The tokens or columns of each row that count most, as bars."""

    def draw(axes: Axes, place: int) -> None:
        values, names = found.values[place].ravel(), found.names[place]
        order = [one for one in np.argsort(-np.abs(values), kind="stable") if names[one]][:MAX_BARS][::-1]
        colours = [BLUE if values[one] > 0 else ORANGE for one in order]
        axes.barh(range(len(order)), values[order], color=colours, height=0.7)
        axes.set_yticks(range(len(order)), [_shorten(names[one]) for one in order], fontsize=8)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.tick_params(axis="x", labelsize=7)
        axes.grid(visible=False)

    _draw_panels(path, title, found, 1.9, draw)


DRAW_BY_KIND: dict[ElementKind, Callable[[Path, str, Subject, Attribution], None]] = {
    "image": _draw_pictures,
    "steps": _draw_series,
    "audio": _draw_spectrograms,
    "text": _draw_named,
    "table": _draw_named,
}


def draw_dissection(path: Path, title: str, subject: Subject, found: Dissection) -> None:
    """Pictures, and for each class its mask and the area of the unit that stands for it best."""
    pictures = [to_display_pixels(picture) for picture in found.examples.inputs[0]]
    categories = subject.schema.target.categories
    rows, names = [pictures], ["picture"]
    for unit, areas in found.areas.items():
        masks = found.examples.target == categories.index(unit.concept)
        rows += [[_mark_area(*pair) for pair in zip(pictures, marks, strict=True)] for marks in (masks, areas)]
        names += [unit.concept, f"unit {unit.unit} of {unit.layer}\nIoU {unit.overlap:.2f} ({unit.chance:.2f})"]
    draw_contact_sheet(path, f"{title} (IoU, and by chance)", [""] * len(pictures), names, rows)


def _mark_area(picture: NDArray[np.uint8], area: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """A picture (H, W[, 3]) in pale colours, with an area (H, W) in blue: (H, W, 3)."""
    colour = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    pale = 255 - (255 - colour.astype(np.float64)) * PALE
    return np.where(area[..., None], (pale + AREA_COLOUR) / 2, pale).astype(np.uint8)


def _draw_panels(path: Path, title: str, found: Attribution, height: float, draw: Callable[[Axes, int], None]) -> None:
    """A panel per row, two side by side, with what is answered above."""
    lines = -(-len(found.rows) // PANELS_ACROSS)
    with png_figure(path, 9, 0.5 + (height + 0.25) * lines) as figure:
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", fontsize=11)
        for place, axes in enumerate(figure.subplots(lines, PANELS_ACROSS, squeeze=False).ravel()):
            if place < len(found.rows):
                draw(axes, place)
                axes.set_title(_shorten(found.answers[place]), fontsize=8.5, weight="normal", pad=3)
            else:
                axes.set_axis_off()


def _show_map(
    axes: Axes,
    values: NDArray[Any],
    extent: tuple[float, float, float, float] | None = None,
    origin: Literal["upper", "lower"] = "upper",
    aspect: Literal["equal", "auto"] | None = None,
) -> None:
    """Numbers as colours, white at 0, the strongest of them full."""
    limit = float(np.abs(values).max()) or 1.0
    axes.imshow(
        values, cmap=_blue_and_orange(), vmin=-limit, vmax=limit, extent=extent, origin=origin, interpolation="nearest",
        aspect=aspect or ("equal" if extent is None and values.shape[0] > 1 else "auto"),
        alpha=0.6 if extent else 1.0, zorder=0 if extent else 1,
    )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)


def _map_pixels(values: NDArray[Any]) -> NDArray[np.uint8]:
    """The same as pixels, (H, W) -> (H, W, 3)."""
    limit = float(np.abs(values).max()) or 1.0
    colours: NDArray[np.uint8] = _blue_and_orange()((values / limit + 1) / 2, bytes=True)
    return colours[..., :3]


def _blue_and_orange() -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("for and against", [ORANGE, "white", BLUE])


def _shorten(name: str) -> str:
    return name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…"

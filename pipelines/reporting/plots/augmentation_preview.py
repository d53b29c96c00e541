"""Augmentation preview: training examples and, of images, their augmented copies."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.reporting.plots.examples import (
    DRAW_BY_KIND,
    draw_example,
    format_value,
    has_text_tiles,
)
from pipelines.reporting.plots.style import png_figure
from pipelines.runtime.files import atomic_write

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

MAX_CLASSES = 10  # rows at most
SHEET_COLUMNS = 12  # images in a row, about
TILE_SIDE = 72  # pixels of an image on the sheet, about
LINE_CHARACTERS = 105  # of the sentence above examples that are drawn with their target
SHOWN_EXAMPLES = 6  # in a row, of those that are drawn with their target
MARGIN, GAP, GROUP_GAP = 24, 4, 20
BACKGROUND_COLOUR, TEXT_COLOUR, MUTED_COLOUR, FRAME_COLOUR = "#ffffff", "#1a1a1a", "#6b6b6b", "#c2410c"


def write_preview(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """Draw the sheet and write it as a PNG whose bytes depend on the arguments alone.

    Args:
        part: (1 + K, N, ...): the examples unchanged, then K augmented copies of each.
        sentence: how the copies were made, in words.
    """
    if len(schema.inputs) == 1 and schema.inputs[0].kind == "image" and schema.target.kind == "category":
        _write_class_sheet(path, schema, part, sentence)
    else:
        _write_example_sheet(path, schema, _examples_to_show(part), sentence)


def _examples_to_show(part: Part) -> Part:
    """All examples where they have no copies; else a few, each followed by its first copies."""
    copies = min(len(part.target), SHOWN_EXAMPLES)  # with the original
    if copies == 1:
        return Part(tuple(values[0] for values in part.inputs), part.target[0])
    rows = np.linspace(0, part.target.shape[1] - 1, min(part.target.shape[1], 2 * SHOWN_EXAMPLES // copies)).astype(int)

    def select(values: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([values[:copies, row] for row in rows])

    return Part(tuple(select(values) for values in part.inputs), select(part.target))


def _write_class_sheet(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """Sheet of images: one row per class."""
    images, target = part.inputs[0], part.target[0]  # (1 + K, N, H, W[, C]), (N,)
    names = schema.target.categories
    codes = np.unique(target)
    rows = [(names[int(code)], np.flatnonzero(target == code)) for code in codes[:MAX_CLASSES]]
    omission = f" The first {MAX_CLASSES} of {len(codes)} classes." if len(codes) > MAX_CLASSES else ""
    sheet = augmentation_sheet(images, rows, schema.title, f"{sentence}.{omission}")
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _write_example_sheet(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """Sheet of a few examples, spread over the part, each with its target."""
    across = 3 if has_text_tiles(schema) else SHOWN_EXAMPLES
    target = schema.target
    draws_target = target.kind in ("image", "mask", "steps")  # the target is drawn as well
    count = min(len(part.target), across * (2 if draws_target else 3))
    rows = np.linspace(0, len(part.target) - 1, count).astype(int)
    down = -(-count // across) * (2 if draws_target else 1)
    with png_figure(path, 9, 0.7 + 1.7 * down) as figure:
        figure.suptitle(f"{schema.title}\n{fill(f'{sentence}.', LINE_CHARACTERS)}", x=0.01, ha="left", fontsize=10)
        panels = figure.subplots(down, across, squeeze=False)
        for axes in panels.ravel():
            axes.set_axis_off()
        for place, row in enumerate(rows):
            line = place // across * (2 if draws_target else 1)
            axes = panels[line, place % across]
            draw_example(axes, schema, part, int(row))
            if draws_target:
                DRAW_BY_KIND[target.kind](panels[line + 1, place % across], target, np.asarray(part.target[row]))
                panels[line + 1, place % across].set_title(target.name, fontsize=8, color=MUTED_COLOUR)
            else:
                caption = f"{target.name}: {format_value(target, part.target[row])}"
                axes.set_title(caption, fontsize=8.5, weight="normal", pad=4)


def augmentation_sheet(
    images: NDArray[Any], rows: Sequence[tuple[str, NDArray[np.int64]]], title: str, sentence: str
) -> "Image":
    """Lay out the first examples of every row, each framed and followed by its augmented copies.

    Args:
        images: (1 + K, N, H, W) or (1 + K, N, H, W, C) uint8.
        rows: a name and the numbers of its examples, for every row of the sheet.
    """
    from PIL import Image, ImageDraw

    bold, plain, small = _load_font("DejaVuSans-Bold", 18), _load_font("DejaVuSans", 14), _load_font("DejaVuSans", 12)
    copies = min(len(images) - 1, SHEET_COLUMNS - 1)
    groups = max(1, SHEET_COLUMNS // (1 + copies))
    width, height = _tile_size(images.shape[2:4])
    left = 2 * MARGIN + int(max(bold.getlength(_shorten_name(name)) for name, _ in rows))
    pitch = (1 + copies) * (width + GAP) - GAP + GROUP_GAP  # from one group to the next
    across = max(left + groups * pitch - GROUP_GAP + MARGIN, 640)
    lines = _wrap_text(sentence, plain, across - 2 * MARGIN)
    top = MARGIN + 30 + 20 * len(lines) + 30
    sheet = Image.new("RGB", (across, top + len(rows) * (height + 2 * GAP) + MARGIN), BACKGROUND_COLOUR)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), title, TEXT_COLOUR, bold)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + 30 + 20 * number), line, MUTED_COLOUR, plain)
    for row, (name, examples) in enumerate(rows):
        y = top + row * (height + 2 * GAP)
        pen.text((MARGIN, y + height // 2), _shorten_name(name), TEXT_COLOUR, bold, anchor="lm")
        for group, example in enumerate(examples[:groups]):
            x = left + group * pitch
            for copy in range(1 + copies):
                tile = _resize_image(images[copy, example], (width, height))
                sheet.paste(tile, (x + copy * (width + GAP), y))
            pen.rectangle((x - 2, y - 2, x + width + 1, y + height + 1), outline=FRAME_COLOUR, width=2)
    pen.text(
        (left, top - 12),
        "framed: the original" + (", then its augmented copies" if copies else ""),
        FRAME_COLOUR,
        small,
        anchor="ls",
    )
    return sheet


def _resize_image(image: NDArray[Any], size: tuple[int, int]) -> "Image":
    """Enlarge with visible pixels, or reduce smoothly; (H, W[, C]) of 1, 3 or 4 channels."""
    from PIL import Image
    from PIL.Image import Resampling

    array = np.ascontiguousarray(image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    enlarged = size[0] >= array.shape[1]
    return Image.fromarray(array).convert("RGB").resize(size, Resampling.NEAREST if enlarged else Resampling.BOX)


def _tile_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height on the sheet: a whole multiple of small images, about TILE_SIDE for large ones."""
    longest = max(shape)
    factor = TILE_SIDE // longest if longest <= TILE_SIDE else TILE_SIDE / longest
    return max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor))


def _load_font(name: str, size: int) -> "FreeTypeFont":
    """A font that comes with matplotlib, so the sheet looks the same wherever the packages do."""
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _shorten_name(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"


def _wrap_text(text: str, font: "FreeTypeFont", width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines

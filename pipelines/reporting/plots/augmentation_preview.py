"""A sheet of what networks train on: examples as they are and, of images, the draws made from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.reporting.plots.examples import (
    DRAWN,
    cell,
    draw_example,
    wide,
)
from pipelines.reporting.plots.style import drawing
from pipelines.runtime.files import replacing

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

CLASSES = 10  # rows at most
COLUMNS = 12  # pictures in a row, about
SIDE = 72  # pixels of a picture on the sheet, about
MARGIN, GAP, GROUP_GAP = 24, 4, 20
PAPER, INK, FAINT, MARK = "#ffffff", "#1a1a1a", "#6b6b6b", "#c2410c"


def write_preview(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """Draw the sheet and write it as a PNG whose bytes depend on the arguments alone.

    Args:
        part: (1 + K, N, ...): the examples as they are, then K draws of each.
        sentence: how the draws were made, in words.
    """
    if len(schema.inputs) == 1 and schema.inputs[0].kind == "image" and schema.target.kind == "category":
        _write_classes(path, schema, part, sentence)
    else:
        _write_examples(path, schema, Part(tuple(values[0] for values in part.inputs), part.target[0]), sentence)


def _write_classes(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """Images of classes: one line per class."""
    images, target = part.inputs[0], part.target[0]  # (1 + K, N, H, W[, C]), (N,)
    names = schema.target.categories
    codes = np.unique(target)
    rows = [(names[int(code)], np.flatnonzero(target == code)) for code in codes[:CLASSES]]
    aside = f" The first {CLASSES} of {len(codes)} classes." if len(codes) > CLASSES else ""
    sheet = contact_sheet(images, rows, schema.title, f"{sentence}.{aside}")
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")


def _write_examples(path: Path, schema: Schema, part: Part, sentence: str) -> None:
    """A few examples as they are, spread over the part, each with its target."""
    across = 3 if wide(schema) else 6
    target = schema.target
    beside = target.kind in ("image", "mask", "steps")  # the target is something to look at, too
    shown = min(len(part.target), across * (2 if beside else 3))
    rows = np.linspace(0, len(part.target) - 1, shown).astype(int)
    down = -(-shown // across) * (2 if beside else 1)
    with drawing(path, 9, 0.7 + 1.7 * down) as figure:
        figure.suptitle(f"{schema.title}\n{sentence}.", x=0.01, ha="left", fontsize=10)
        panels = figure.subplots(down, across, squeeze=False)
        for axes in panels.ravel():
            axes.set_axis_off()
        for place, row in enumerate(rows):
            line = place // across * (2 if beside else 1)
            axes = panels[line, place % across]
            draw_example(axes, schema, part, int(row))
            if beside:
                DRAWN[target.kind](panels[line + 1, place % across], target, np.asarray(part.target[row]))
                panels[line + 1, place % across].set_title(target.name, fontsize=8, color=FAINT)
            else:
                caption = f"{target.name}: {cell(target, part.target[row])}"
                axes.set_title(caption, fontsize=8.5, weight="normal", pad=4)


def contact_sheet(
    images: NDArray[Any], rows: Sequence[tuple[str, NDArray[np.int64]]], title: str, sentence: str
) -> "Image":
    """Lay out the first examples of every row, each framed and followed by its draws.

    Args:
        images: (1 + K, N, H, W) or (1 + K, N, H, W, C) uint8.
        rows: a name and the numbers of its examples, for every row of the sheet.
    """
    from PIL import Image, ImageDraw

    bold, plain, small = _font("DejaVuSans-Bold", 18), _font("DejaVuSans", 14), _font("DejaVuSans", 12)
    draws = min(len(images) - 1, COLUMNS - 1)
    groups = max(1, COLUMNS // (1 + draws))
    width, height = _size(images.shape[2:4])
    left = 2 * MARGIN + int(max(bold.getlength(_short(name)) for name, _ in rows))
    pitch = (1 + draws) * (width + GAP) - GAP + GROUP_GAP  # from one group to the next
    across = max(left + groups * pitch - GROUP_GAP + MARGIN, 640)
    lines = _wrapped(sentence, plain, across - 2 * MARGIN)
    top = MARGIN + 30 + 20 * len(lines) + 30
    sheet = Image.new("RGB", (across, top + len(rows) * (height + 2 * GAP) + MARGIN), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((MARGIN, MARGIN), title, INK, bold)
    for number, line in enumerate(lines):
        pen.text((MARGIN, MARGIN + 30 + 20 * number), line, FAINT, plain)
    for row, (name, examples) in enumerate(rows):
        y = top + row * (height + 2 * GAP)
        pen.text((MARGIN, y + height // 2), _short(name), INK, bold, anchor="lm")
        for group, example in enumerate(examples[:groups]):
            x = left + group * pitch
            for copy in range(1 + draws):
                picture = _picture(images[copy, example], (width, height))
                sheet.paste(picture, (x + copy * (width + GAP), y))
            pen.rectangle((x - 2, y - 2, x + width + 1, y + height + 1), outline=MARK, width=2)
    pen.text((left, top - 12), "framed: as it is" + (", then its draws" if draws else ""), MARK, small, anchor="ls")
    return sheet


def _picture(image: NDArray[Any], size: tuple[int, int]) -> "Image":
    """Enlarge with visible pixels, or reduce smoothly; (H, W[, C]) of 1, 3 or 4 channels."""
    from PIL import Image
    from PIL.Image import Resampling

    array = np.ascontiguousarray(image[:, :, 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    enlarged = size[0] >= array.shape[1]
    return Image.fromarray(array).convert("RGB").resize(size, Resampling.NEAREST if enlarged else Resampling.BOX)


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height on the sheet: a whole multiple of small images, about `SIDE` for large ones."""
    longest = max(shape)
    factor = SIDE // longest if longest <= SIDE else SIDE / longest
    return max(1, round(shape[1] * factor)), max(1, round(shape[0] * factor))


def _font(name: str, size: int) -> "FreeTypeFont":
    """A font that comes with matplotlib, so the sheet looks the same wherever the packages do."""
    import matplotlib
    from PIL import ImageFont

    path = Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"


def _wrapped(text: str, font: "FreeTypeFont", width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if font.getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines

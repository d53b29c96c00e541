"""Style of all plots: colours, fonts, and figures saved as reproducible PNG files.

Colours are Okabe & Ito's ("Color Universal Design", 2008), which people with any kind of colour vision can tell
apart; what matters is also shown by shape or in words. The same numbers give the same bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.runtime.files import atomic_write

if TYPE_CHECKING:  # matplotlib takes half a second to import, and not every stage draws
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#777777",
)  # fmt: skip
COLOUR_CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED)
DPI = 150  # pixels per inch
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 10,
    "text.parse_math": False,  # $ in a name from the data does not start a formula
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": f"cycler('color', {list(COLOUR_CYCLE)})",
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
}


@contextmanager
def png_figure(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield an empty figure, width x height in inches; save it as a PNG when the block ends without error.

    A character of the data that the font lacks is drawn as a box.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):  # type: ignore[arg-type]  # its stubs want each key as a literal
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        yield figure
        with atomic_write(path) as temporary, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # names may be in any script
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(temporary, metadata={"Software": None})  # savefig would draw it twice


def format_percent(share: float) -> str:
    """A share from 0 to 1 as whole per cent."""
    return f"{share * 100:.0f} %"


def percent_formatter() -> Any:
    """Tick formatter of an axis of shares: 0 % to 100 %."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0, decimals=0, symbol=" %")

"""Rendering of report.html: one self-contained file, for readers who write no code."""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.evaluation.leaderboard import BASELINE
from pipelines.evaluation.number_format import format_difference, format_number, format_p_value
from pipelines.reporting.page.contents import Report
from pipelines.runtime.files import write_text

TEMPLATE = "page.html.j2"


def render_page(report: Report) -> str:
    """The page about a problem's contenders."""
    return fill_template(TEMPLATE, {"report": report, "board": report.board, "BASELINE": BASELINE})


def fill_template(name: str, values: Mapping[str, Any]) -> str:
    """Fill a template of this folder; all names from the data are escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        decimal=format_number,
        probability=format_p_value,
        signed=format_difference,
        whole=lambda number: f"{number:,}",
        has_interval=lambda estimate: not math.isnan(estimate.low),
    )
    text = environment.get_template(name).render(values)
    return re.sub(r"(\d) %", "\\1&nbsp;%", text)  # a number and its percent sign stay on one line


def write_page(folder: Path, report: Report) -> None:
    """Write report.html."""
    write_text(folder / "report.html", render_page(report))

"""report.html: one file that needs no other, for a person who knows no code."""

import re
from pathlib import Path

from pipelines.evaluation.leaderboard import BASELINE
from pipelines.evaluation.number_format import decimal, probability, signed
from pipelines.reporting.page.contents import Report
from pipelines.runtime.files import write_text

TEMPLATE = "page.html.j2"


def render(report: Report) -> str:
    """Fill the template; whatever a data set or a contender is called, it is shown as text."""
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
        decimal=decimal,
        probability=probability,
        signed=signed,
        whole=lambda number: f"{number:,}",
    )
    text = environment.get_template(TEMPLATE).render(report=report, board=report.board, BASELINE=BASELINE)
    return re.sub(r"(\d) %", "\\1&nbsp;%", text)  # a number and its percent sign stay on one line


def write(folder: Path, report: Report) -> None:
    """Write report.html."""
    write_text(folder / "report.html", render(report))

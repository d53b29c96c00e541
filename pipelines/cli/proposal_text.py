"""A proposal as text, as wide as the terminal."""

import shutil
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from pipelines.proposals.yaml_lines import INDENT, format_entry
from pipelines.runtime.progress import format_duration

if TYPE_CHECKING:
    from pipelines.proposals.proposal import Proposal
    from pipelines.proposals.source_proposal import ColumnSummary

MIN_WIDTH = 40  # characters; narrower terminals break lines themselves
MAX_WIDTH = 120
MAX_CELL = 30  # characters of a column's name, type or extent
MAX_COLUMNS = 60  # columns that are shown
MAX_COUNTS = 12  # classes and sizes that are shown
HEADER = ("column", "what", "holds", "missing", "examples")
ROLE_TEXTS = {
    "input": "",
    "target": "target",
    "time": "says when",
    "group": "says of whom",
    "id": "not read",
    "unused": "not read",
}
MARKS = {"warning": "!", "notice": "-"}


def format_proposal(proposal: "Proposal") -> str:
    """The data, what is odd about it, what is proposed and why, and the lines that would be added."""
    width = terminal_width()
    blocks = [f"{proposal.problem}: {proposal.place.summary}"]
    if proposal.place.columns:
        blocks.append(format_columns(proposal.place.columns))
    blocks += [_format_counts(title, counts, width) for title, counts in proposal.counts.items()]
    if proposal.findings:
        odd = [_hang(f"{MARKS[finding.level]} {finding.sentence}", width) for finding in proposal.findings]
        blocks.append("\n".join(["Odd about it:", *odd]))
    if proposal.reasons:
        blocks.append("\n".join(["Proposed, because:", *(_hang(f"- {reason}", width) for reason in proposal.reasons)]))
    blocks += [_format_time(proposal, width), _format_lines(proposal)]
    return "\n\n".join(blocks)


def terminal_width() -> int:
    return max(MIN_WIDTH, min(MAX_WIDTH, shutil.get_terminal_size((MAX_WIDTH, 24)).columns))


def format_columns(columns: "Sequence[ColumnSummary]") -> str:
    """A table of what each column holds, the examples cut at the terminal's width."""
    rows = [
        HEADER,
        *(
            (
                column.name,
                ", ".join(filter(None, (column.type, ROLE_TEXTS[column.role]))),
                column.extent,
                f"{column.missing:,}" if column.missing else "",
                ", ".join(column.examples),
            )
            for column in columns[:MAX_COLUMNS]
        ),
    ]
    cells = [[_shorten(cell, MAX_CELL) for cell in row[:-1]] + [_shorten(row[-1], MAX_WIDTH)] for row in rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(HEADER))]
    lines = ["  ".join(cell.ljust(size) for cell, size in zip(row, widths, strict=True)).rstrip() for row in cells]
    more = [f"... and {len(columns) - MAX_COLUMNS} columns more"] if len(columns) > MAX_COLUMNS else []
    return "\n".join(_shorten(line, terminal_width()) for line in [*lines, *more])


def _format_counts(title: str, counts: Mapping[str, int], width: int) -> str:
    """How many there are of each class or size: `class: stop 120, yield 80`."""
    listed = [f"{_shorten(name, MAX_CELL)} {count:,}" for name, count in list(counts.items())[:MAX_COUNTS]]
    more = f" and {len(counts) - MAX_COUNTS} more" if len(counts) > MAX_COUNTS else ""
    return _hang(f"{title}: {', '.join(listed)}{more}", width)


def _format_time(proposal: "Proposal", width: int) -> str:
    names = max(len(contender.name) for contender in proposal.contenders)
    lines = [
        f"  {one.name.ljust(names)}  {'not known' if one.seconds is None else f'about {format_duration(one.seconds)}'}"
        for one in proposal.contenders
    ]
    together = (
        "How long all takes is not known."
        if proposal.seconds is None
        else f"About {format_duration(proposal.seconds)} in all where {proposal.workers} cores do nothing else, by "
        "short trainings of each on a sample."
    )
    return "\n".join([f"Learned is {proposal.learned}, by", *lines, *wrap(together, width)])


def _format_lines(proposal: "Proposal") -> str:
    entries = proposal.entries
    return "\n".join(
        [
            "Lines for params.yaml:",
            "problems:",
            *format_entry(entries.problem, entries.settings, INDENT, entries.comment),
            "contenders:",
            *(line for name, one in entries.contenders.items() for line in format_entry(name, one, INDENT)),
        ]
    )


def _hang(text: str, width: int) -> str:
    return "\n".join(wrap(text, width, initial_indent="  ", subsequent_indent="    "))


def _shorten(text: str, width: int) -> str:
    """One line of printable characters, cut at a width."""
    line = "".join(sign if sign.isprintable() else " " for sign in text)
    return line if len(line) <= width else f"{line[: width - 1]}…"

"""Source proposal: what a place holds, the `source:` that would read it, and why."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

ColumnRole = Literal["target", "input", "time", "group", "id", "unused"]


class ColumnSummary(NamedTuple):
    """What a column of a table or of a series holds."""

    name: str
    type: str  # number, category, boolean, date, text, id, or "" where every cell is missing
    role: ColumnRole
    extent: str  # "0.42 to 80", "3 different"
    missing: int  # cells
    examples: tuple[str, ...]


# Asked for the target: the columns, the likely one or None, and whether several or all may be named
ChooseTarget = Callable[[Sequence[ColumnSummary], str | None], str]


class Wishes(NamedTuple):
    """What the user has said about the data."""

    target: str | None
    kind: str | None  # of the source
    settings: Mapping[str, Any]  # of the source, as params.yaml would have them
    choose_target: ChooseTarget  # where nothing was said
    task: str | None = None  # what is to be learned, where another than the likely one


class SourceProposal(NamedTuple):
    """How a place would be read."""

    source: Mapping[str, Any]  # as params.yaml has it
    summary: str  # "a table of 891 rows and 12 columns"
    columns: tuple[ColumnSummary, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = {}
    split: Mapping[str, Any] = {}
    task: Mapping[str, Any] = {}
    reasons: tuple[str, ...] = ()  # what was decided, in sentences
    repairs: tuple[Mapping[str, Any], ...] = ()  # settings to be tried one after the other where the source refuses

"""What a stem has to know about a column of the data before it sees any of it."""

from typing import Literal, NamedTuple

InputType = Literal["vector", "image", "sequence"]


class ColumnSpec(NamedTuple):
    """One raw column: how it is stored, without the examples' axis."""

    kind: str  # "image", "number", "category", "text", "steps", "noise"
    shape: tuple[int, ...] = ()
    cardinality: int = 0  # of a category, how many; of a text, the size of its vocabulary
    length: int = 0  # of a text, how many words are read

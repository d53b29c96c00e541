"""What a served model reads and answers: `signature.json` as typed values.

Keys that serving does not use (the title, the champion, versions, hashes) are for people and are skipped.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Field:
    """One input: its name, kind, and the values it may hold."""

    name: str
    kind: str  # a row of fields.DECODERS
    dtype: str
    shape: tuple[int, ...]  # of one example
    range: tuple[float, float]  # both ends allowed
    decode: dict[str, Any]  # what cannot be in a graph: for an image its mode and media types


@dataclass(frozen=True)
class Output:
    """One output of the graph: its name and the shape for one example."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Signature:
    """The whole contract of one served model."""

    name: str
    version: str
    task: str  # a row of replies.REPLIES
    inputs: tuple[Field, ...]
    outputs: tuple[Output, ...]
    labels: tuple[str, ...]
    tolerance: float  # largest absolute difference allowed between golden and served outputs


def read(text: bytes | str) -> Signature:
    """Read a signature from the text of its file.

    Raises:
        ValueError: the text is no JSON, or a key is missing; the sentence names the key.
    """
    document = json.loads(text)
    try:
        return Signature(
            name=document["name"],
            version=document["version"],
            task=document["task"],
            inputs=tuple(_field(entry) for entry in document["inputs"]),
            outputs=tuple(Output(entry["name"], tuple(entry["shape"])) for entry in document["outputs"]),
            labels=tuple(document["labels"]),
            tolerance=float(document["tolerance"]),
        )
    except KeyError as missing:
        raise ValueError(f"signature.json: the key {missing} is missing") from missing


def _field(entry: dict[str, Any]) -> Field:
    low, high = entry["range"]
    return Field(
        entry["name"], entry["kind"], entry["dtype"], tuple(entry["shape"]), (low, high), entry.get("decode", {})
    )

"""Model signature: the inputs and outputs of a served model, `signature.json` as typed values.

Keys that serving does not use (the title, the champion, versions, hashes) are for people and are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

DAYS = "days since 1970-01-01"  # the unit of a number that is a date; requests and replies hold it as ISO text


@dataclass(frozen=True)
class Field:
    """A field: one input, or the target; its name, its kind, and the values it may hold."""

    name: str
    kind: str  # a row of FIELD_FORMATS in requests/example.py
    dtype: str
    shape: tuple[int, ...]  # of one example, as the graph reads it
    range: tuple[float, float] | None = None  # lowest and highest: allowed in an image, seen in training in a table
    decode_options: dict[str, Any] = field(
        default_factory=dict
    )  # of an image: its mode and media types; of audio: its rate and media types
    unit: str = ""
    categories: tuple[str, ...] = ()  # the text of each code; of a text field its vocabulary
    length: int = 0  # of a text field: how many tokens are read
    tokens: str = "words"  # of a text field: what these are, a row of TOKENIZERS in requests/tokenizers.py
    columns: tuple[str, ...] = ()  # of steps: the name of each variable
    step: str = ""  # of steps: the time from one to the next, "1 h"

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of each category, or the id of each token."""
        return {text: code for code, text in enumerate(self.categories)}


@dataclass(frozen=True)
class Output:
    """An output of the graph: its name and the shape of one example."""

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class Signature:
    """The signature of one served model."""

    name: str
    version: str
    task: str  # a row of REPLY_FORMATS in replies/table.py
    inputs: tuple[Field, ...]
    outputs: tuple[Output, ...]
    labels: tuple[str, ...]
    tolerance: float  # largest error allowed against golden outputs, relative to their scale
    target: Field
    calibration: Mapping[str, float]  # from the validation part: a threshold, an interval's radius
    levels: tuple[float, ...]  # of a forecast: its quantiles


def parse_signature(text: bytes | str) -> Signature:
    """Parse the text of `signature.json`.

    Raises:
        ValueError: the text is no JSON, or a key is missing; the message names the key.
    """
    document = json.loads(text)
    try:
        labels = tuple(document["labels"])
        return Signature(
            name=document["name"],
            version=document["version"],
            task=document["task"],
            inputs=tuple(_parse_field(entry) for entry in document["inputs"]),
            outputs=tuple(
                Output(entry["name"], tuple(entry["shape"]), entry.get("dtype", "float32"))
                for entry in document["outputs"]
            ),
            labels=labels,
            tolerance=float(document["tolerance"]),
            target=_parse_field(
                {"name": "", "kind": "category", "categories": labels, **(document.get("target") or {})}
            ),
            calibration=document.get("calibration") or document.get("decision") or {},  # its name in older archives
            levels=tuple(document.get("levels") or ()),
        )
    except KeyError as missing:
        raise ValueError(f"signature.json: the key {missing} is missing") from missing


def _parse_field(entry: dict[str, Any]) -> Field:
    ends = entry.get("range")
    return Field(
        name=entry["name"],
        kind=entry["kind"],
        dtype=entry.get("dtype") or "float32",
        shape=tuple(entry.get("shape") or ()),
        range=None if ends is None else (ends[0], ends[1]),
        decode_options=entry.get("decode") or {},
        unit=entry.get("unit") or "",
        categories=tuple(entry.get("categories") or ()),
        length=entry.get("length") or 0,
        tokens=entry.get("tokens") or "words",
        columns=tuple(entry.get("columns") or ()),
        step=entry.get("step") or "",
    )

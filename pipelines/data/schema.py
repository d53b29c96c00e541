"""Schema: kind, type, shape, range, unit and categories of every input and of the target."""

from pathlib import Path
from typing import Literal

import pydantic
from pydantic import BaseModel, ConfigDict
from pydantic import Field as Setting

from pipelines.runtime.files import read_json, write_json

FieldKind = Literal[
    "image",  # pixels, uint8 (H, W) or (H, W, C)
    "mask",  # the class of every pixel, uint8 (H, W); a target
    "number",  # float32 (); NaN where it is missing
    "category",  # a code, int64 (); -1 where it is missing or unknown
    "text",  # UTF-8 bytes padded with zeros, uint8 (L,)
    "steps",  # a sequence, float32 (T, F); a shorter one begins with rows of NaN
    "audio",  # a recording's samples, int16 (S,); a shorter one begins with NO_SAMPLE
    "noise",  # what a generator starts from, float32 (Z,); drawn, never stored
]

Tokens = Literal["words", "characters", "subwords"]  # rows of TOKENIZERS in tokenizers.py


class Field(BaseModel):
    """One column of the data, as it is stored: raw, nothing standardised or encoded away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: FieldKind
    dtype: str  # numpy's name: "uint8"
    shape: tuple[int, ...]  # of one example; () for one number; (H, W) or (H, W, C) for an image
    range: tuple[float, float] | None = None  # smallest and largest value that may occur, or did
    unit: str = ""  # "grey level", "metres"; empty where the origin states none
    categories: tuple[str, ...] = ()  # the text each code 0, 1, 2, ... stands for; of a text, its vocabulary
    length: int = 0  # of a text: how many of its tokens a network reads
    tokens: Tokens = pydantic.Field(default="words", exclude_if=lambda tokens: tokens == "words")  # of a text: what these are
    columns: tuple[str, ...] = ()  # of steps: the name of each of the F variables
    step: str = ""  # of steps: the time from one to the next, such as "1 h"
    fit: str = ""  # of an image: how one of another size becomes this one, "contain"; empty where none may
    rate: int | None = Setting(default=None, exclude_if=lambda rate: rate is None)  # of audio: samples per second


class Schema(BaseModel):
    """The inputs in the order a network receives them, the target, and where the data is from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: tuple[Field, ...]
    target: Field
    title: str  # one line for a reader: "Handwritten digits, 8x8 grey levels"
    origin: str  # where it comes from, with a link or citation
    licence: str


def write_schema(path: Path, schema: Schema) -> None:
    write_json(path, schema.model_dump(mode="json"))


def read_schema(path: Path) -> Schema:
    return Schema.model_validate(read_json(path))

"""The body of a request -> examples: JSON in its strict form, one picture, one text, or a table's rows as CSV.

JSON as the handler reads it: no key twice in an object, no NaN or Infinity, no number beyond a double,
no nesting that exhausts the parser. Nothing of it depends on TorchServe, which hands over raw bytes.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Any, NamedTuple

from serving.worker import image_codec as pictures
from serving.worker.replies.table import REPLIES
from serving.worker.request_error import (
    Refusal,
    names,
    shortened,
    shown,
)
from serving.worker.requests.example import (
    DECODERS,
    Example,
    alone,
    example,
    spelled,
)
from serving.worker.signature import DAYS, Field, Signature

JSON, TEXT, CSV = "application/json", "text/plain", "text/csv"
MOST = 1024  # examples in one request
NUMBERS = 2**24  # in the inputs and outputs of one request's examples: 64 MiB as float32
LARGEST = 6_000_000  # bytes in one body; TorchServe's own limit lies higher, because its refusal is an empty one
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")  # in a cell of CSV


class Payload(NamedTuple):
    """The examples of one request, and whether it asked for many (then the reply is a list)."""

    examples: list[Example]
    many: bool


class Body(NamedTuple):
    """One content type: how it is read, and which models it fits."""

    read: Callable[[bytes, Signature], Payload]
    fits: Callable[[tuple[Field, ...]], bool]


def read(media: str | None, body: bytes, signature: Signature) -> Payload:
    """Read a request's body as its content type says.

    A request without a content type is taken for a picture when its first bytes are one's (`curl -T` sends
    none).

    Raises:
        Refusal: 413 for a body that is too large, 415 for a content type nobody reads here, 400 for anything
            else that is wrong in the body.
    """
    accepted = [name for name, kind in BODIES.items() if kind.fits(signature.inputs)]
    if len(body) > LARGEST:
        raise Refusal(413, f"the body: expected at most {LARGEST} bytes, found {len(body)}")
    if not body and media in (None, *accepted):
        raise Refusal(400, f"the body: expected {' or '.join(accepted)}, found an empty one")
    media = media or pictures.media(body)
    if media not in accepted:
        found = f'"{shortened(media)}"' if media else "none"
        raise Refusal(415, f"the content type: expected {' or '.join(accepted)}, found {found}")
    return BODIES[media].read(body, signature)


def header(headers: Mapping[str, Any], name: str) -> str | None:
    """Find a request header whatever the case of its name; parameters after `;` are dropped."""
    for key, value in headers.items():
        if key.lower() == name and isinstance(value, str):
            return value.split(";")[0].strip().lower() or None
    return None


def document(body: bytes) -> Any:
    """Parse strict JSON.

    Raises:
        Refusal: 400, with what the parser stumbled over.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_float,
            parse_constant=_constant,
        )
    except UnicodeDecodeError as error:
        raise Refusal(
            400, f"the body: expected JSON as UTF-8, found that byte {error.start + 1} is none of it"
        ) from error
    except RecursionError as error:
        raise Refusal(400, "the body: expected JSON, found lists or objects nested too deep") from error
    except json.JSONDecodeError as error:
        raise Refusal(
            400, f"the body: expected JSON, found an error at line {error.lineno} column {error.colno}: {error.msg}"
        ) from error
    except ValueError as error:  # an integer with thousands of digits
        raise Refusal(400, "the body: expected numbers of a sane length, found one with thousands of digits") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Refusal(400, f"the body: expected every key once in an object, found {names([twice])} twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise Refusal(400, f"the body: expected numbers that a double can hold, found {shortened(text)}")
    return value


def _constant(text: str) -> float:
    raise Refusal(400, f"the body: expected numbers as JSON writes them, found {text}")


def _json(body: bytes, signature: Signature) -> Payload:
    found = document(body)
    if not isinstance(found, dict):
        return _bare(found, signature)
    extras = REPLIES[signature.task].extras(signature)
    if "instances" not in found or any(field.name == "instances" for field in signature.inputs):
        return _bounded([example(found, signature.inputs, extras, "request")], signature, many=False)
    if unknown := [key for key in found if key != "instances"]:
        raise Refusal(400, f'request: expected only "instances", found the unknown field {names(unknown)}')
    rows = enumerate(_rows(found["instances"], "instances"))
    return _bounded(
        (example(row, signature.inputs, extras, f"instances[{place}]") for place, row in rows), signature, many=True
    )


def _rows(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list) or not 1 <= len(found) <= MOST:
        raise Refusal(400, f"{where}: expected a list of 1 to {MOST} examples, found {shown(found)}")
    return found


def _bare(found: Any, signature: Signature) -> Payload:
    """Read an array without a name around it: one example, or a list of them by one more level of nesting."""
    if not isinstance(found, list) or len(signature.inputs) != 1:
        fields = names(field.name for field in signature.inputs)
        raise Refusal(400, f'request: expected an object with {fields} or with "instances", found {shown(found)}')
    (field,) = signature.inputs
    levels = DECODERS[field.kind].nested(field)
    if levels and _depth(found, levels + 1) <= levels:
        return _bounded([alone(found, field, field.name)], signature, many=False)
    rows = enumerate(_rows(found, "request"))
    return _bounded((alone(row, field, f"request[{place}]") for place, row in rows), signature, many=True)


def _depth(value: Any, most: int) -> int:
    """Count levels of nesting along the first elements, up to `most`."""
    depth = 0
    while depth < most and isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def numbers(signature: Signature) -> int:
    """How many numbers one row of the graph's inputs and outputs holds."""
    shapes = [field.shape for field in signature.inputs] + [output.shape for output in signature.outputs]
    return sum(math.prod(shape) for shape in shapes)


def _bounded(examples: Iterable[Example], signature: Signature, *, many: bool) -> Payload:
    """Collect examples while they are few and small enough to be answered at once.

    Raises:
        Refusal: 413 at the first example too many; those after it are not even decoded.
    """
    most = max(1, min(MOST, NUMBERS // numbers(signature)))
    found: list[Example] = []
    rows = 0
    for one in examples:
        rows += one.rows
        if rows > most:
            raise Refusal(
                413, f"the request: expected at most {most} examples of this model at once, found {rows} or more"
            )
        found.append(one)
    return Payload(found, many)


def _csv(body: bytes, signature: Signature) -> Payload:
    """Read rows of a table: a line with the fields' names, then a line per example; an empty cell is missing."""
    try:
        lines = list(csv.reader(StringIO(_decoded(body, "CSV"), newline=""), strict=True))
    except csv.Error as error:
        raise Refusal(400, f"the body: expected CSV, found an error: {error}") from error
    lines = [line for line in lines if line]
    if len(lines) < 2 or len(lines) - 1 > MOST:
        raise Refusal(
            400, f"the body: expected a line with names and 1 to {MOST} lines of values, found {len(lines)} lines"
        )
    header, rows = spelled(lines[0], [field.name for field in signature.inputs]), lines[1:]
    if len(set(header)) != len(header):
        raise Refusal(400, f"the body: expected every name once in the first line, found {names(header)}")

    def read(place: int, row: list[str]) -> Example:
        if len(row) != len(header):
            raise Refusal(400, f"row {place}: expected {len(header)} cells, found {len(row)}")
        cells = {name: _cell(text, kinds.get(name, "")) for name, text in zip(header, row, strict=True)}
        return example(cells, signature.inputs, {}, f"row {place}")

    kinds = {field.name: "date" if field.unit == DAYS else field.kind for field in signature.inputs}
    return _bounded((read(place, row) for place, row in enumerate(rows, start=1)), signature, many=True)


def _cell(text: str, kind: str) -> Any:
    """A cell as JSON would have it."""
    if not text and kind != "text":
        return None
    return float(text) if kind == "number" and NUMBER.fullmatch(text) else text


def _text(body: bytes, signature: Signature) -> Payload:
    (field,) = signature.inputs
    return Payload([alone(_decoded(body, "text"), field, field.name)], many=False)


def _decoded(body: bytes, what: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(
            400, f"the body: expected {what} as UTF-8, found that byte {error.start + 1} is none of it"
        ) from error


def _picture(media: str) -> Body:
    def read_picture(body: bytes, signature: Signature) -> Payload:
        (field,) = signature.inputs
        found = pictures.media(body)
        if found is not None and found != media:
            raise Refusal(400, f"{field.name}: expected {media} as the content type says, found {found}")
        return Payload([alone(body, field, field.name)], many=False)

    return Body(read_picture, lambda fields: len(fields) == 1 and media in fields[0].decode.get("media", []))


# A further kind of body is a function above and one row here.
BODIES: dict[str, Body] = {
    JSON: Body(_json, lambda fields: True),
    pictures.PNG: _picture(pictures.PNG),
    pictures.JPEG: _picture(pictures.JPEG),
    TEXT: Body(_text, lambda fields: [field.kind for field in fields] == ["text"]),
    CSV: Body(_csv, lambda fields: all(field.kind in ("number", "category", "text") for field in fields)),
}

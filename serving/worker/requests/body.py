"""Request bodies: bytes to examples by content type: strict JSON, one image, recording or text, or a table as CSV.

Strict JSON has no key twice in an object, no NaN or Infinity, no number beyond a double, and no nesting that
exhausts the parser. Nothing here depends on TorchServe, which hands over raw bytes.
"""

import csv
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from io import StringIO
from typing import Any, NamedTuple

from serving.worker.image_codec import JPEG, PNG, detect_media_type
from serving.worker.recording import FLAC, WAV, detect_recording
from serving.worker.replies.table import REPLY_FORMATS
from serving.worker.request_error import (
    RequestError,
    count_noun,
    describe_unknown,
    describe_value,
    list_names,
    truncate_text,
)
from serving.worker.requests.example import (
    FIELD_FORMATS,
    Example,
    match_names,
    parse_bare,
    parse_example,
)
from serving.worker.signature import DAYS, Field, Signature

JSON, TEXT, CSV = "application/json", "text/plain", "text/csv"
MAX_EXAMPLES = 1024  # examples in one request
MAX_NUMBERS = 2**24  # in the inputs and outputs of one request's examples: 64 MiB as float32
MAX_BODY_BYTES = 6_000_000  # of one body; TorchServe's own limit lies higher, because its error has no message
MEDIA_TYPE_ALIASES = {"audio/x-wav": WAV, "audio/wave": WAV, "audio/vnd.wave": WAV, "audio/x-flac": FLAC}
NUMBER_PATTERN = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")  # in a cell of CSV


class Payload(NamedTuple):
    """The examples of one request, and whether it holds many (then the reply is a list)."""

    examples: list[Example]
    many: bool


class ContentType(NamedTuple):
    """A content type: how its bodies are parsed, and which models accept it."""

    parse: Callable[[bytes, Signature], Payload]
    fits_inputs: Callable[[tuple[Field, ...]], bool]


def parse_body(media_type: str | None, body: bytes, signature: Signature) -> Payload:
    """Parse the body of a request as its content type says.

    A request without a content type (`curl -T` sends none) is taken for an image or a recording when it begins like
    one.

    Raises:
        RequestError: 413 for a body that is too large, 415 for a content type that the model does not accept, 400
            for anything else that is wrong in the body.
    """
    accepted = [name for name, kind in CONTENT_TYPES.items() if kind.fits_inputs(signature.inputs)]
    if len(body) > MAX_BODY_BYTES:
        raise RequestError(413, f"the body: expected at most {MAX_BODY_BYTES} bytes, found {len(body)}")
    if not body and media_type in (None, *accepted):
        raise RequestError(400, f"the body: expected {' or '.join(accepted)}, found an empty one")
    media_type = MEDIA_TYPE_ALIASES.get(media_type or "", media_type) or _detect_media_type(body)
    if media_type not in accepted:
        found = f'"{truncate_text(media_type)}"' if media_type else "none"
        raise RequestError(415, f"the content type: expected {' or '.join(accepted)}, found {found}")
    return CONTENT_TYPES[media_type].parse(body, signature)


def find_header(headers: Mapping[str, Any], name: str) -> str | None:
    """Find a request header whatever the case of its name; parameters after `;` are dropped."""
    for key, value in headers.items():
        if key.lower() == name and isinstance(value, str):
            return value.split(";")[0].strip().lower() or None
    return None


def parse_json(body: bytes) -> Any:
    """Parse strict JSON.

    Raises:
        RequestError: 400, with the place of the error.
    """
    try:
        return json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_parse_object,
            parse_float=_parse_float,
            parse_constant=_reject_constant,
        )
    except UnicodeDecodeError as error:
        raise RequestError(
            400, f"the body: expected JSON as UTF-8, found that byte {error.start + 1} is not UTF-8"
        ) from error
    except RecursionError as error:
        raise RequestError(400, "the body: expected JSON, found lists or objects nested too deep") from error
    except json.JSONDecodeError as error:
        raise RequestError(
            400, f"the body: expected JSON, found an error at line {error.lineno} column {error.colno}: {error.msg}"
        ) from error
    except ValueError as error:  # an integer with thousands of digits
        raise RequestError(
            400, "the body: expected numbers of fewer digits, found one with thousands of digits"
        ) from error


def _parse_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise RequestError(400, f"the body: expected every key once in an object, found {list_names([twice])} twice")
    return found


def _parse_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise RequestError(400, f"the body: expected numbers that a double can hold, found {truncate_text(text)}")
    return value


def _reject_constant(text: str) -> float:
    raise RequestError(400, f"the body: expected JSON, found {text}, which JSON does not have; a missing value is null")


def _parse_json_body(body: bytes, signature: Signature) -> Payload:
    found = parse_json(body)
    if not isinstance(found, dict):
        return _parse_bare_json(found, signature)
    extra_parsers = REPLY_FORMATS[signature.task].extra_parsers(signature)
    if "instances" not in found or any(field.name == "instances" for field in signature.inputs):
        return _collect_examples(
            [parse_example(found, signature.inputs, extra_parsers, "request")], signature, many=False
        )
    if unknown := [key for key in found if key != "instances"]:
        raise RequestError(400, f'request: expected only "instances", found {describe_unknown("field", unknown)}')
    rows = enumerate(_check_example_list(found["instances"], "instances"))
    return _collect_examples(
        (parse_example(row, signature.inputs, extra_parsers, f"instances[{place}]") for place, row in rows),
        signature,
        many=True,
    )


def _check_example_list(found: Any, where: str) -> list[Any]:
    if not isinstance(found, list) or not 1 <= len(found) <= MAX_EXAMPLES:
        raise RequestError(
            400, f"{where}: expected a list of 1 to {MAX_EXAMPLES} examples, found {describe_value(found)}"
        )
    return found


def _parse_bare_json(found: Any, signature: Signature) -> Payload:
    """Parse an array without a name around it: one example, or a list of them by one more level of nesting."""
    if not isinstance(found, list) or len(signature.inputs) != 1:
        fields = list_names(field.name for field in signature.inputs)
        raise RequestError(
            400, f'request: expected an object with {fields} or with "instances", found {describe_value(found)}'
        )
    (field,) = signature.inputs
    levels = FIELD_FORMATS[field.kind].nesting_levels(field)
    if levels and _nesting_depth(found, levels + 1) <= levels:
        return _collect_examples([parse_bare(found, field, field.name)], signature, many=False)
    rows = enumerate(_check_example_list(found, "request"))
    return _collect_examples((parse_bare(row, field, f"request[{place}]") for place, row in rows), signature, many=True)


def _nesting_depth(value: Any, limit: int) -> int:
    """Count levels of nesting along the first elements, up to `limit`."""
    depth = 0
    while depth < limit and isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def numbers_per_row(signature: Signature) -> int:
    """How many numbers one row of the graph's inputs and outputs holds."""
    shapes = [field.shape for field in signature.inputs] + [output.shape for output in signature.outputs]
    return sum(math.prod(shape) for shape in shapes)


def _collect_examples(examples: Iterable[Example], signature: Signature, *, many: bool) -> Payload:
    """Collect the examples of one request, up to the limits.

    Raises:
        RequestError: 413 at the first example too many; those after it are not even decoded.
    """
    limit = max(1, min(MAX_EXAMPLES, MAX_NUMBERS // numbers_per_row(signature)))
    collected: list[Example] = []
    rows = 0
    for example in examples:
        rows += example.row_count
        if rows > limit:
            raise RequestError(
                413,
                f"the request: expected at most {count_noun(limit, 'example')} of this model at once, "
                f"found {rows} or more",
            )
        collected.append(example)
    return Payload(collected, many)


def _parse_csv(body: bytes, signature: Signature) -> Payload:
    """Parse rows of a table: a line with the fields' names, then a line per example; an empty cell is missing."""
    try:
        lines = list(csv.reader(StringIO(_decode_utf8(body, "CSV"), newline=""), strict=True))
    except csv.Error as error:
        raise RequestError(400, f"the body: expected CSV, found an error: {error}") from error
    lines = [line for line in lines if line]
    if len(lines) < 2 or len(lines) - 1 > MAX_EXAMPLES:
        raise RequestError(
            400,
            f"the body: expected a line with names and 1 to {MAX_EXAMPLES} lines of values, found "
            f"{count_noun(len(lines), 'line')}",
        )
    header, rows = match_names(lines[0], [field.name for field in signature.inputs]), lines[1:]
    if len(set(header)) != len(header):
        repeated = list_names(dict.fromkeys(name for name in header if header.count(name) > 1))
        raise RequestError(400, f"the body: expected every name once in the first line, found {repeated} repeated")

    def parse_row(place: int, row: list[str]) -> Example:
        if len(row) != len(header):
            raise RequestError(400, f"row {place}: expected {count_noun(len(header), 'cell')}, found {len(row)}")
        cells = {name: _parse_cell(text, kinds.get(name, "")) for name, text in zip(header, row, strict=True)}
        return parse_example(cells, signature.inputs, {}, f"row {place}")

    kinds = {field.name: "date" if field.unit == DAYS else field.kind for field in signature.inputs}
    return _collect_examples((parse_row(place, row) for place, row in enumerate(rows, start=1)), signature, many=True)


def _parse_cell(text: str, kind: str) -> Any:
    """Convert a cell to the value that JSON would have."""
    if not text and kind != "text":
        return None
    return float(text) if kind == "number" and NUMBER_PATTERN.fullmatch(text) else text


def _parse_text(body: bytes, signature: Signature) -> Payload:
    (field,) = signature.inputs
    return Payload([parse_bare(_decode_utf8(body, "text"), field, field.name)], many=False)


def _decode_utf8(body: bytes, what: str) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            400, f"the body: expected {what} as UTF-8, found that byte {error.start + 1} is not UTF-8"
        ) from error


def _detect_media_type(body: bytes) -> str | None:
    """The content type of a picture or a recording by its first bytes; None for anything else."""
    return detect_media_type(body) or detect_recording(body)


def _file_content_type(media_type: str) -> ContentType:
    def parse_file(body: bytes, signature: Signature) -> Payload:
        (field,) = signature.inputs
        found = _detect_media_type(body)
        if found is not None and found != media_type:
            raise RequestError(400, f"{field.name}: expected {media_type} as the content type says, found {found}")
        return Payload([parse_bare(body, field, field.name)], many=False)

    return ContentType(
        parse_file, lambda fields: len(fields) == 1 and media_type in fields[0].decode_options.get("media", [])
    )


# A further kind of body is a function above and one row here.
CONTENT_TYPES: dict[str, ContentType] = {
    JSON: ContentType(_parse_json_body, lambda fields: True),
    **{media_type: _file_content_type(media_type) for media_type in (PNG, JPEG, WAV, FLAC)},
    TEXT: ContentType(_parse_text, lambda fields: [field.kind for field in fields] == ["text"]),
    CSV: ContentType(_parse_csv, lambda fields: all(field.kind in ("number", "category", "text") for field in fields)),
}

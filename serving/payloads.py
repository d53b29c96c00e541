"""The body of a request -> examples: JSON in its strict form, or one picture.

JSON as the handler reads it: no key twice in an object, no NaN or Infinity, no number beyond a double,
no nesting that exhausts the parser. Nothing of it depends on TorchServe, which hands over raw bytes.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from serving import pictures
from serving.fields import DECODERS, example
from serving.refusal import Refusal, names, shortened, shown
from serving.signature import Signature

JSON = "application/json"
MOST = 1024  # examples in one request
LARGEST = 6_000_000  # bytes in one body; TorchServe's own limit lies higher, because its refusal is an empty one


class Payload(NamedTuple):
    """The examples of one request, and whether it asked for many (then the reply is a list)."""

    examples: list[dict[str, NDArray[Any]]]
    many: bool


def read(media: str | None, body: bytes, signature: Signature) -> Payload:
    """Read a request's body as its content type says.

    A request without a content type is taken for a picture when its first bytes are one's (`curl -T` sends
    none).

    Raises:
        Refusal: 413 for a body that is too large, 415 for a content type nobody reads here, 400 for anything
            else that is wrong in the body.
    """
    accepted = [JSON, *_picture_media(signature)]
    if len(body) > LARGEST:
        raise Refusal(413, f"the body: expected at most {LARGEST} bytes, found {len(body)}")
    if not body and media in (None, *accepted):
        raise Refusal(400, f"the body: expected {' or '.join(accepted)}, found an empty one")
    media = media or pictures.media(body)
    if media not in accepted:
        found = f'"{shortened(media)}"' if media else "none"
        raise Refusal(415, f"the content type: expected {' or '.join(accepted)}, found {found}")
    return BODIES[media](body, signature)


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
        raise Refusal(400, f"the body: expected JSON as UTF-8, found a byte that is not at {error.start}") from error
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
    if isinstance(found, dict) and "instances" in found:
        if unknown := [key for key in found if key != "instances"]:
            raise Refusal(400, f'request: expected only "instances", found the unknown field {names(unknown)}')
        rows = _rows(found["instances"], "instances")
        fields = signature.inputs
        return Payload([example(row, fields, f"instances[{place}]") for place, row in enumerate(rows)], many=True)
    if isinstance(found, dict):
        return Payload([example(found, signature.inputs, "request")], many=False)
    return _bare(found, signature)


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
    decode = DECODERS[field.kind]
    if _depth(found, len(field.shape) + 1) <= len(field.shape):
        return Payload([{field.name: decode(found, field, field.name)}], many=False)
    rows = _rows(found, "request")
    return Payload([{field.name: decode(row, field, f"request[{place}]")} for place, row in enumerate(rows)], many=True)


def _depth(value: Any, most: int) -> int:
    """Count levels of nesting along the first elements, up to `most`."""
    depth = 0
    while depth < most and isinstance(value, list):
        depth += 1
        value = value[0] if value else None
    return depth


def _picture(media: str) -> Callable[[bytes, Signature], Payload]:
    def read_picture(body: bytes, signature: Signature) -> Payload:
        (field,) = signature.inputs
        found = pictures.media(body)
        if found is not None and found != media:
            raise Refusal(400, f"{field.name}: expected {media} as the content type says, found {found}")
        return Payload([{field.name: DECODERS[field.kind](body, field, field.name)}], many=False)

    return read_picture


def _picture_media(signature: Signature) -> list[str]:
    """The pictures a body may be: those of the only field, when it is an image."""
    if len(signature.inputs) != 1:
        return []
    return [media for media in signature.inputs[0].decode.get("media", []) if media in pictures.STARTS]


BODIES: dict[str, Callable[[bytes, Signature], Payload]] = {
    JSON: _json,
    pictures.PNG: _picture(pictures.PNG),
    pictures.JPEG: _picture(pictures.JPEG),
}

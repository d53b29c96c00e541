"""Files inside JSON: `{"b64": "<the file as base64>"}`."""

import base64
import binascii
from typing import Any

from serving.worker.request_error import RequestError, describe_value


def decode_base64(value: dict[str, Any], where: str, what: str, otherwise: str = "") -> bytes:
    """The bytes of a file in JSON.

    Args:
        value: the object.
        where: its place in the request.
        what: the file is, for sentences: "a picture".
        otherwise: what else the value may be, for sentences.

    Raises:
        RequestError: the object is another, or its text is no base64.
    """
    if list(value) != ["b64"]:
        expected = f"{otherwise} or " if otherwise else ""
        raise RequestError(400, f'{where}: expected {expected}{{"b64": "..."}}, found {describe_value(value)}')
    text = value["b64"]
    if not isinstance(text, str):
        raise RequestError(400, f"{where}.b64: expected {what} as base64 text, found {describe_value(text)}")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise RequestError(400, f"{where}.b64: expected base64 text, found {describe_value(text)} ({error})") from error

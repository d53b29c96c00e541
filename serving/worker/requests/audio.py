"""Audio fields: a WAV or FLAC recording, its bytes or base64 of them."""

from typing import Any

from numpy.typing import NDArray

from serving.worker.recording import NO_SAMPLE, decode_recording
from serving.worker.request_error import RequestError, describe_value
from serving.worker.requests.base64_value import decode_base64
from serving.worker.signature import Field


def parse_recording(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse a recording from encoded bytes or `{"b64": "<encoded bytes>"}`: int16 (S,)."""
    match value:
        case bytes() | bytearray():
            return decode_recording(bytes(value), field, where)
        case dict():
            return decode_recording(decode_base64(value, where, "a recording"), field, where)
        case _:
            raise RequestError(400, f'{where}: expected a recording as {{"b64": "..."}}, found {describe_value(value)}')


def recording_notes(value: Any, array: NDArray[Any], field: Field, where: str) -> list[str]:
    """Note that a recording is silent."""
    return [] if array[array != NO_SAMPLE].any() else [f"{where}: holds silence alone"]

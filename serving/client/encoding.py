"""Request encoding: images and JSON values as the bytes of a request body."""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.client.client_error import ClientError
from serving.worker.image_codec import detect_media_type
from serving.worker.recording import detect_recording

JSON, TEXT = "application/json", "text/plain; charset=utf-8"

Image = str | Path | bytes | NDArray[Any] | list[Any]  # a path, the bytes of an image or a recording, or pixels


def read_file(path: str | Path) -> bytes:
    """Read a file.

    Raises:
        ClientError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{path} cannot be read: {error.strerror}") from error


def encode_json(value: Any) -> bytes:
    """Encode a value as strict JSON.

    Raises:
        ClientError: it holds NaN, infinity, or something that JSON has no form for.
    """
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise ClientError(f"the example cannot be written as JSON: {error}; a missing value is None") from error


def encode_image(image: Image) -> tuple[bytes, str]:
    """Encode an image as a request body and its content type: a PNG or JPEG as it is, pixels as JSON.

    A recording goes the same way, a WAV or FLAC as it is.

    Raises:
        ClientError: the file cannot be read, or is none of these.
    """
    content = read_file(image) if isinstance(image, str | Path) else image
    if isinstance(content, bytes):
        media_type = detect_media_type(content) or detect_recording(content)
        if media_type is None:
            what = image if isinstance(image, str | Path) else f"the {len(content)} bytes given"
            raise ClientError(f"{what}: expected a PNG or JPEG picture, or a WAV or FLAC recording")
        return content, media_type
    return encode_json({"image": _pixel_lists(content)}), JSON


def image_to_json(image: Image) -> Any:
    """Convert an image to the JSON value of an image field.

    Raises:
        ClientError: the file cannot be read, or is neither PNG nor JPEG.
    """
    if isinstance(image, str | Path | bytes):
        content, _ = encode_image(image)
        return {"b64": base64.b64encode(content).decode()}
    return _pixel_lists(image)


def _pixel_lists(image: NDArray[Any] | list[Any]) -> Any:
    return image.tolist() if isinstance(image, np.ndarray) else image

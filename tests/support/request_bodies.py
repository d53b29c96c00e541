"""Request bodies: images, right and wrong, and JSON and CSV for the models of the tests."""

import base64
import io
import json
import zlib
from typing import Any, NamedTuple

import numpy as np
import soundfile
from PIL import Image

JSON, PNG, JPEG = "application/json", "image/png", "image/jpeg"
WAV, FLAC = "audio/wav", "audio/flac"
VALID_IMAGE = [[0] * 8 for _ in range(8)]


class InvalidRequest(NamedTuple):
    body: bytes
    media_type: str | None
    status: int
    expected_words: str
    headers: dict[str, str] = {}  # noqa: RUF012  never changed


def blank_png(mode: str = "L", size: tuple[int, int] = (8, 8), **options: Any) -> bytes:
    return encode_image(Image.new(mode, size), "PNG", **options)


def encode_image(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def decompression_bomb(side: int = 20000) -> bytes:
    """A PNG of a few hundred kilobytes that unfolds to `side` squared bytes; the side is a multiple of 100."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    packer = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    band = bytes(side // 100 * (side + 1))  # a hundredth of its rows; after a full flush, each is packed alike
    packed = packer.compress(band) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = side * (side + 1) % 65521 << 16 | 1  # Adler-32 of so many zeros
    rows = b"\x78\xda" + 100 * packed + packer.flush() + checksum.to_bytes(4, "big")
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def animated_png(count: int = 2) -> bytes:
    """An animated PNG; the frames differ, because equal ones are merged when saved."""
    pictures = [Image.new("L", (8, 8), shade * 100) for shade in range(count)]
    return encode_image(pictures[0], "PNG", save_all=True, append_images=pictures[1:])


def png_of_16_bits() -> bytes:
    """16 bits per channel in colour, which Pillow would reduce to 8 without a warning."""
    content = bytearray(blank_png("RGB"))
    content[24] = 16
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


def image_body(value: Any) -> bytes:
    return json.dumps({"image": value}).encode()


def image_body_with_pixel(text: str) -> bytes:
    """An image whose pixel in row 2, column 3 is written as given."""
    rows = json.dumps(VALID_IMAGE).replace("0", "7")
    head, tail = rows.split("], [", 2)[:2], rows.split("], [", 2)[2]
    row, rest = tail.split("], [", 1)
    cells = row.split(", ")
    cells[3] = text
    return ('{"image": ' + "], [".join([*head, ", ".join(cells), rest]) + "}").encode()


def base64_object(content: bytes) -> dict[str, str]:
    return {"b64": base64.b64encode(content).decode()}


def passenger_body(**changes: Any) -> bytes:
    """A passenger of small_models.survival, changed; `...` leaves a field out."""
    cells = {"age": 29, "sex": "female", "alone": False, "born": "1890-05-01", **changes}
    return json.dumps({name: value for name, value in cells.items() if value is not ...}).encode()


def csv_body(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def window_body(value: Any, **more: Any) -> bytes:
    return json.dumps({"window": value, **more}).encode()


def wav(
    samples: Any = None, rate: int = 8000, channels: int = 1, subtype: str = "PCM_16", format: str = "WAV"
) -> bytes:
    """A recording; a short tone if no samples are given, from -1 to 1, (n,) or (n, channels)."""
    tone = np.sin(np.arange(200) * 0.3) * 0.5 if samples is None else np.asarray(samples)
    sound = tone if channels == 1 else np.stack([tone] * channels, axis=1)
    buffer = io.BytesIO()
    soundfile.write(buffer, sound, rate, subtype=subtype, format=format)
    return buffer.getvalue()


def recording_body(content: bytes) -> bytes:
    return json.dumps({"recording": base64_object(content)}).encode()


def scenes_body(count: int) -> bytes:
    return json.dumps({"instances": [{"image": base64_object(blank_png(size=(512, 512)))}] * count}).encode()

"""Requests that are wrong: what is sent, the status it must get, and words its sentence must hold."""

import base64
import gzip
import io
import json
import zlib
from typing import NamedTuple

from PIL import Image

JSON, PNG, JPEG = "application/json", "image/png", "image/jpeg"
GOOD = [[0] * 8 for _ in range(8)]


class Request(NamedTuple):
    body: bytes
    media: str | None
    status: int
    words: str
    headers: dict[str, str] = {}  # noqa: RUF012  never changed


def png(mode="L", size=(8, 8), **options):
    return saved(Image.new(mode, size), "PNG", **options)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def bomb(side=20000):
    """A PNG of a few hundred kilobytes that unfolds to `side` squared bytes."""

    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    header = side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def frames(count=2):
    """An animated PNG; the frames differ, because equal ones are merged when saved."""
    pictures = [Image.new("L", (8, 8), shade * 100) for shade in range(count)]
    return saved(pictures[0], "PNG", save_all=True, append_images=pictures[1:])


def deep_png():
    """16 bits per channel in colour, which Pillow would halve without a word."""
    content = bytearray(png("RGB"))
    content[24] = 16
    content[29:33] = zlib.crc32(bytes(content[12:29])).to_bytes(4, "big")
    return bytes(content)


def image(value):
    return json.dumps({"image": value}).encode()


def pixel(text):
    """An image whose pixel in row 2, column 3 is written as given."""
    rows = json.dumps(GOOD).replace("0", "7")
    head, tail = rows.split("], [", 2)[:2], rows.split("], [", 2)[2]
    row, rest = tail.split("], [", 1)
    cells = row.split(", ")
    cells[3] = text
    return ('{"image": ' + "], [".join([*head, ", ".join(cells), rest]) + "}").encode()


def b64(content):
    return {"b64": base64.b64encode(content).decode()}


REQUESTS = {
    "an empty body": Request(b"", JSON, 400, "empty"),
    "an empty picture": Request(b"", PNG, 400, "empty"),
    "nothing at all": Request(b"", None, 400, "empty"),
    "half of a JSON": Request(image(GOOD)[:40], JSON, 400, "expected JSON"),
    "JSON and more": Request(image(GOOD) + b"{}", JSON, 400, "expected JSON"),
    "no UTF-8": Request(b'{"image": "\xff"}', JSON, 400, "UTF-8"),
    "a byte order mark": Request(b"\xef\xbb\xbf" + image(GOOD), JSON, 400, "expected JSON"),
    "null": Request(b"null", JSON, 400, "null"),
    "a number": Request(b"7", JSON, 400, "found 7"),
    "a text": Request(b'"three"', JSON, 400, "the text"),
    "an empty object": Request(b"{}", JSON, 400, '"image" is missing'),
    "an empty list": Request(b"[]", JSON, 400, "a list of 0"),
    "a key twice": Request(b'{"image": 1, "image": 2}', JSON, 400, "twice"),
    "an unknown field": Request(json.dumps({"image": GOOD, "imgae": GOOD}).encode(), JSON, 400, '"imgae"'),
    "a misspelled field": Request(json.dumps({"picture": GOOD}).encode(), JSON, 400, '"image" is missing'),
    "instances and more": Request(json.dumps({"instances": [], "x": 1}).encode(), JSON, 400, '"x"'),
    "no instances": Request(b'{"instances": []}', JSON, 400, "1 to 1024"),
    "instances that are none": Request(b'{"instances": 3}', JSON, 400, "found 3"),
    "too many instances": Request(json.dumps({"instances": [0] * 1025}).encode(), JSON, 400, "1 to 1024"),
    "one bad instance": Request(
        json.dumps({"instances": [{"image": GOOD}, {"image": 5}]}).encode(), JSON, 400, "instances[1].image"
    ),
    "an instance without a name": Request(json.dumps({"instances": [GOOD]}).encode(), JSON, 400, "instances[0]"),
    "NaN": Request(pixel("NaN"), JSON, 400, "NaN"),
    "Infinity": Request(pixel("-Infinity"), JSON, 400, "-Infinity"),
    "beyond a double": Request(pixel("1e999"), JSON, 400, "1e999"),
    "a huge whole number": Request(pixel("9" * 4000), JSON, 400, "image[2][3]"),
    "thousands of digits": Request(pixel("9" * 5000), JSON, 400, "digits"),
    "a nest of lists": Request(b"[" * 100_000 + b"]" * 100_000, JSON, 400, "nested too deep"),
    "a nest of objects": Request(b'{"image":' * 50_000, JSON, 400, "nested too deep"),
    "a nest just short of the parser's limit": Request(b"[" * 900 + b"]" * 900, JSON, 400, "expected a list of 8"),
    "a pixel above 255": Request(pixel("256"), JSON, 400, "image[2][3]: expected a whole number from 0 to 255"),
    "a pixel below 0": Request(pixel("-1"), JSON, 400, "found -1"),
    "a broken pixel": Request(pixel("0.5"), JSON, 400, "found 0.5"),
    "a pixel that is true": Request(pixel("true"), JSON, 400, "found true"),
    "a pixel that is null": Request(pixel("null"), JSON, 400, "found null"),
    "a pixel that is text": Request(pixel('"12"'), JSON, 400, 'the text "12"'),
    "a pixel that is a list": Request(pixel("[1]"), JSON, 400, "a list of 1"),
    "seven rows": Request(image(GOOD[:7]), JSON, 400, "8 x 8"),
    "a short row": Request(image([*GOOD[:7], [0] * 7]), JSON, 400, "image[7]: expected a list of 8"),
    "a flat image": Request(image([0] * 64), JSON, 400, "a list of 64"),
    "a bare flat image": Request(json.dumps([0] * 64).encode(), JSON, 400, "a list of 64"),
    "an image in an image": Request(image([GOOD]), JSON, 400, "a list of 1"),
    "an image that is text": Request(image("three.png"), JSON, 400, "the text"),
    "a strange object": Request(image({"url": "http://localhost/"}), JSON, 400, "b64"),
    "no base64": Request(image({"b64": "@@@"}), JSON, 400, "base64"),
    "base64 that is a number": Request(image({"b64": 5}), JSON, 400, "base64"),
    "base64 of no picture": Request(image(b64(b"hello")), JSON, 400, "neither PNG nor JPEG"),
    "base64 of a large picture": Request(image(b64(png(size=(28, 28)))), JSON, 400, "28 wide"),
    "NUL bytes": Request(bytes(64), JSON, 400, "expected JSON"),
    "a pickle": Request(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00.", JSON, 400, "the body"),
    "a picture that is text": Request(b"hello", PNG, 400, "neither PNG nor JPEG"),
    "a GIF": Request(saved(Image.new("L", (8, 8)), "GIF"), PNG, 400, "neither PNG nor JPEG"),
    "a JPEG called PNG": Request(saved(Image.new("L", (8, 8)), "JPEG"), PNG, 400, "found image/jpeg"),
    "a PNG called JPEG": Request(png(), JPEG, 400, "found image/png"),
    "the first half of a PNG": Request(png()[: len(png()) // 2], PNG, 400, "cut off"),
    "a PNG without its end": Request(png()[:-12], PNG, 400, "cut off"),
    "a JPEG without its end": Request(saved(Image.new("L", (8, 8)), "JPEG")[:-2], JPEG, 400, "cut off"),
    "a PNG with a hole": Request(png()[:45] + png()[-12:], PNG, 400, "damaged"),
    "a PNG's first bytes": Request(png()[:8] + png()[-12:], PNG, 400, "damaged"),
    "a wide picture": Request(png(size=(9, 8)), PNG, 400, "found 9 wide and 8 high"),
    "a large picture": Request(png(size=(1000, 1000)), PNG, 400, "found 1000 wide"),
    "a smaller decompression bomb": Request(bomb(10_000), PNG, 400, "found 10000 wide"),
    "16 bits of grey": Request(png("I;16"), PNG, 400, "8 bits per channel"),
    "16 bits of colour": Request(deep_png(), PNG, 400, "8 bits per channel"),
    "an animation": Request(frames(), PNG, 400, "found 2 frames"),
    "a decompression bomb": Request(bomb(), PNG, 400, "too large to be read"),
    "a form": Request(b"image=1", "application/x-www-form-urlencoded", 415, "x-www-form-urlencoded"),
    "a form of parts": Request(
        b'--x\r\nContent-Disposition: form-data; name="body"; filename="a.png"\r\n\r\n' + png() + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x", 415, "multipart/form-data",
    ),
    "plain text": Request(image(GOOD), "text/plain", 415, "text/plain"),
    "a GIF by name": Request(b"GIF89a", "image/gif", 415, "image/gif"),
    "an unknown kind": Request(png(), "application/octet-stream", 415, "application/octet-stream"),
    "a compressed body": Request(gzip.compress(image(GOOD)), JSON, 415, "gzip", {"Content-Encoding": "gzip"}),
    "a body that is too large": Request(b" " * 6_000_001, JSON, 413, "at most 6000000"),
    "JSON by no name": Request(image(GOOD), None, 415, "found none"),
}  # fmt: skip

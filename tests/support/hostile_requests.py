"""Requests that are wrong: what is sent, the status it must get, and words its sentence must hold.

REQUESTS go to the digits of small_model.py, OTHERS to the models of small_models.py.
"""

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


def row(**changes):
    """A passenger of small_models.survival, changed; `...` leaves a field out."""
    cells = {"age": 29, "sex": "female", "alone": False, "born": "1890-05-01", **changes}
    return json.dumps({name: value for name, value in cells.items() if value is not ...}).encode()


def table(*lines):
    return "\n".join(lines).encode()


def window(value, **more):
    return json.dumps({"window": value, **more}).encode()


def scenes(count):
    return json.dumps({"instances": [{"image": b64(png(size=(512, 512)))}] * count}).encode()


CSV, TEXT = "text/csv", "text/plain"
HEAD = "age,sex,alone,born"
WIND, RAIN = {"wind": [1, 2]}, {"rain": [3, 4]}
AGE = "age: expected a number (years, seen in training: 0.5 to 80) or null"

OTHERS = {
    "a number that is text": ("survival", Request(row(age="29"), JSON, 400, f'{AGE}, found the text "29"')),
    "a number that is true": ("survival", Request(row(age=True), JSON, 400, f"{AGE}, found true")),
    "a number that is a list": ("survival", Request(row(age=[29]), JSON, 400, f"{AGE}, found a list of 1")),
    "a number that is an object": ("survival", Request(row(age={"b64": 1}), JSON, 400, 'an object with "b64"')),
    "a number that is infinite": ("survival", Request(row(age=9).replace(b"9", b"Infinity", 1), JSON, 400, "Infinity")),
    "a number that is NaN": ("survival", Request(row(age=9).replace(b"9", b"NaN", 1), JSON, 400, "NaN")),
    "a number beyond a double": ("survival", Request(row(age=9).replace(b"9", b"1e400", 1), JSON, 400, "1e400")),
    "a number beyond float32": ("survival", Request(row(age=1e39), JSON, 400, f"{AGE}, found 1e+39")),
    "a number with 400 digits": ("survival", Request(row(age=10**400), JSON, 400, AGE)),
    "a number that is absent": ("survival", Request(row(age=...), JSON, 400, '"age" is missing')),
    "a category that is absent": ("survival", Request(row(sex=...), JSON, 400, '"sex" is missing')),
    "a category that is a number": ("survival", Request(row(sex=1), JSON, 400, '"female", "male"')),
    "a category that is a huge number": ("survival", Request(row(sex=10**400), JSON, 400, '"female", "male"')),
    "a category that is true": ("survival", Request(row(sex=True), JSON, 400, "found true")),
    "a category that is a list": ("survival", Request(row(sex=["male"]), JSON, 400, "a list of 1")),
    "a truth that is 1": ("survival", Request(row(alone=1), JSON, 400, '"false", "true"')),
    "a date that is a number": ("survival", Request(row(born=1890), JSON, 400, 'such as "2024-03-01"')),
    "a date that is none": ("survival", Request(row(born="1890-02-30"), JSON, 400, '"1890-02-30"')),
    "a date the other way round": ("survival", Request(row(born="01.05.1890"), JSON, 400, "1870-01-01 to 2000-12-31")),
    "a date before the calendar": ("survival", Request(row(born="0000-01-01"), JSON, 400, '"0000-01-01"')),
    "a date that leaves the calendar": (
        "survival", Request(row(born="0001-01-01T00:00+14:00"), JSON, 400, "born: expected a date"),
    ),
    "a column too many": ("survival", Request(row(fare=7), JSON, 400, 'unknown field "fare"')),
    "a time where there is none": ("survival", Request(row(time="1912-04-15"), JSON, 400, 'unknown field "time"')),
    "a bare row": ("survival", Request(b'[29, "female", false, null]', JSON, 400, "expected an object with")),
    "a picture for a table": ("survival", Request(png(), PNG, 415, "image/png")),
    "a text for a table": ("survival", Request(b"29", TEXT, 415, "text/plain")),
    "a table without rows": ("survival", Request(table(HEAD), CSV, 400, "found 1 lines")),
    "a table with a short row": (
        "survival", Request(table(HEAD, "29,male,true,", "29,male"), CSV, 400, "row 2: expected 4 cells, found 2"),
    ),
    "a table with words for numbers": (
        "survival", Request(table(HEAD, "old,male,true,"), CSV, 400, 'row 1.age: expected a number'),
    ),
    "a table with inf": ("survival", Request(table(HEAD, "inf,male,true,"), CSV, 400, 'the text "inf"')),
    "a table with 1e999": ("survival", Request(table(HEAD, "1e999,male,true,"), CSV, 400, "row 1.age")),
    "a table with a name twice": ("survival", Request(table("age,age", "1,2"), CSV, 400, "every name once")),
    "a table without a column": ("survival", Request(table("age", "1"), CSV, 400, '"sex", "alone", "born" is missing')),
    "a table with an open quote": ("survival", Request(table(HEAD, '"29,male'), CSV, 400, "expected CSV")),
    "a table that is no UTF-8": ("survival", Request(b"age,\xff\n1,2", CSV, 400, "UTF-8")),
    "a table of 1025 rows": (
        "survival", Request(table(HEAD, *["29,male,true,"] * 1025), CSV, 400, "1 to 1024 lines"),
    ),
    "a table with an endless cell": ("survival", Request(table(HEAD, "9" * 200_000), CSV, 400, "expected CSV")),
    "a number alone": ("prices", Request(b"3", JSON, 400, "found 3")),
    "a list in a list of numbers": ("prices", Request(b"[3, [4]]", JSON, 400, "request[1]: expected a number")),
    "a text that is a number": ("spam", Request(b'{"text": 5}', JSON, 400, "text: expected a text, found 5")),
    "a text that is null": ("spam", Request(b'{"text": null}', JSON, 400, "found null")),
    "a text that is a list": ("spam", Request(b'{"text": ["a", "b"]}', JSON, 400, "a list of 2")),
    "a text that is half a character": ("spam", Request(b'{"text": "a \\ud83d"}', JSON, 400, "surrogate) at 2")),
    "a text that never ends": ("spam", Request(b"a" * 100_001, TEXT, 413, "at most 100000 characters, found 100001")),
    "a text that is no UTF-8": ("spam", Request(b"caf\xe9", TEXT, 400, "UTF-8")),
    "an empty text by its type": ("spam", Request(b"", TEXT, 400, "an empty one")),
    "a window with one variable": ("weather", Request(window([[1], [2]]), JSON, 400, 'a list of 2 ("wind", "rain")')),
    "a window with three variables": ("weather", Request(window([[1, 2], [1, 2, 3]]), JSON, 400, "window[1]")),
    "a window that is too long": ("weather", Request(window([[1, 2]] * 7), JSON, 400, "1 to 6 steps")),
    "a window without steps": ("weather", Request(window([]), JSON, 400, "a list of 0")),
    "a window that is flat": ("weather", Request(window([1, 2]), JSON, 400, "window[0]: expected a list of 2")),
    "a window that is null": ("weather", Request(window(None), JSON, 400, "found null")),
    "a window with text": ("weather", Request(window([[1, 2], [3, "4"]]), JSON, 400, "window[1][1]: expected a")),
    "a window with true": ("weather", Request(window([[1, True]]), JSON, 400, "window[0][1]")),
    "a window beyond float32": ("weather", Request(window([[1, -1e39]]), JSON, 400, "found -1e+39")),
    "a variable that is missing": ("weather", Request(window(WIND), JSON, 400, 'the variable "rain" is missing')),
    "a variable too many": ("weather", Request(window({**WIND, **RAIN, "sun": [1]}), JSON, 400, 'found "sun"')),
    "variables of unequal length": (
        "weather", Request(window({**WIND, "rain": [1]}), JSON, 400, 'as in "wind", 2, found 1'),
    ),
    "a variable that is a number": ("weather", Request(window({**WIND, "rain": 5}), JSON, 400, "window.rain")),
    "a variable with text": ("weather", Request(window({**WIND, "rain": [1, "a"]}), JSON, 400, "window.rain[1]")),
    "a time that is none": ("weather", Request(window([[1, 2]], time="soon"), JSON, 400, "time: expected a date")),
    "a time that is a number": ("weather", Request(window([[1, 2]], time=1700000000), JSON, 400, "found 1700000000")),
    "a time at the end of all": (
        "weather", Request(window([[1, 2]], time="9999-12-31T23:30"), JSON, 400, "leaves room"),
    ),
    "a table for a window": ("weather", Request(b"wind,rain\n1,2", CSV, 415, "text/csv")),
    "a window without numbers to forecast": ("weather", Request(b"[[]]", JSON, 400, "window[0]: expected a list of 2")),
    "too many large pictures": ("scenes", Request(scenes(1024), JSON, 413, "at most 21 examples of this model")),
    "a small picture for a large one": ("scenes", Request(png(), PNG, 400, "512 pixels wide")),
    "a grey value in a colour": (
        "photographs", Request(json.dumps({"photograph": [[1] * 36] * 40}).encode(), JSON, 400, "photograph[0][0]"),
    ),
    "samples without number": ("drawn", Request(b'{"number": 0}', JSON, 400, "1 to 256, found 0")),
    "too many samples": ("drawn", Request(b'{"number": 257}', JSON, 400, "1 to 256, found 257")),
    "half a sample": ("drawn", Request(b'{"number": 1.5}', JSON, 400, "found 1.5")),
    "a number of samples that is true": ("drawn", Request(b'{"number": true}', JSON, 400, "found true")),
    "a seed below 0": ("drawn", Request(b'{"seed": -1}', JSON, 400, "seed: expected a whole number")),
    "a seed that is text": ("drawn", Request(b'{"seed": "a"}', JSON, 400, "seed: expected a whole number")),
    "a seed that is null": ("drawn", Request(b'{"seed": null}', JSON, 400, "found null")),
    "a seed beyond all": ("drawn", Request(b'{"seed": 9223372036854775808}', JSON, 400, "9223372036854775807")),
    "a temperature": ("drawn", Request(b'{"temperature": 1}', JSON, 400, 'the unknown field "temperature"')),
    "noise that is short": ("drawn", Request(b'{"noise": [1, 2]}', JSON, 400, "a list of 8, found a list of 2")),
    "noise with a hole": ("drawn", Request(b'{"noise": [1, 2, 3, null, 5, 6, 7, 8]}', JSON, 400, "noise[3]")),
    "noise that is text": ("drawn", Request(b'{"noise": "white"}', JSON, 400, 'the text "white"')),
    "samples beyond the sum": (
        "drawn", Request(json.dumps({"instances": [{"number": 256}] * 5}).encode(), JSON, 413, "at most 1024"),
    ),
}  # fmt: skip

"""Invalid requests: what is sent, the status it must get, and words that the error must hold.

INVALID_REQUESTS go to the digits of small_model.py, INVALID_REQUESTS_BY_MODEL to the models of small_models.py.
"""

import gzip
import json

from PIL import Image

from tests.support.hostile_recordings import WHISTLES_REQUESTS
from tests.support.request_bodies import (
    JPEG,
    JSON,
    PNG,
    VALID_IMAGE,
    InvalidRequest,
    animated_png,
    base64_object,
    blank_png,
    csv_body,
    decompression_bomb,
    encode_image,
    image_body,
    image_body_with_pixel,
    passenger_body,
    png_of_16_bits,
    scenes_body,
    window_body,
)

INVALID_REQUESTS = {
    "an empty body": InvalidRequest(b"", JSON, 400, "empty"),
    "an empty picture": InvalidRequest(b"", PNG, 400, "empty"),
    "nothing at all": InvalidRequest(b"", None, 400, "empty"),
    "half of a JSON": InvalidRequest(image_body(VALID_IMAGE)[:40], JSON, 400, "expected JSON"),
    "JSON and more": InvalidRequest(image_body(VALID_IMAGE) + b"{}", JSON, 400, "expected JSON"),
    "no UTF-8": InvalidRequest(b'{"image": "\xff"}', JSON, 400, "UTF-8"),
    "a byte order mark": InvalidRequest(b"\xef\xbb\xbf" + image_body(VALID_IMAGE), JSON, 400, "expected JSON"),
    "null": InvalidRequest(b"null", JSON, 400, "null"),
    "a number": InvalidRequest(b"7", JSON, 400, "found 7"),
    "a text": InvalidRequest(b'"three"', JSON, 400, "the text"),
    "an empty object": InvalidRequest(b"{}", JSON, 400, '"image" is missing'),
    "an empty list": InvalidRequest(b"[]", JSON, 400, "a list of 0"),
    "a key twice": InvalidRequest(b'{"image": 1, "image": 2}', JSON, 400, "twice"),
    "an unknown field": InvalidRequest(
        json.dumps({"image": VALID_IMAGE, "imgae": VALID_IMAGE}).encode(), JSON, 400, '"imgae"'
    ),
    "a misspelled field": InvalidRequest(
        json.dumps({"picture": VALID_IMAGE}).encode(), JSON, 400, '"image" is missing'
    ),
    "instances and more": InvalidRequest(json.dumps({"instances": [], "x": 1}).encode(), JSON, 400, '"x"'),
    "no instances": InvalidRequest(b'{"instances": []}', JSON, 400, "1 to 1024"),
    "instances that are none": InvalidRequest(b'{"instances": 3}', JSON, 400, "found 3"),
    "too many instances": InvalidRequest(json.dumps({"instances": [0] * 1025}).encode(), JSON, 400, "1 to 1024"),
    "one bad instance": InvalidRequest(
        json.dumps({"instances": [{"image": VALID_IMAGE}, {"image": 5}]}).encode(), JSON, 400, "instances[1].image"
    ),
    "an instance without a name": InvalidRequest(
        json.dumps({"instances": [VALID_IMAGE]}).encode(), JSON, 400, "instances[0]"
    ),
    "NaN": InvalidRequest(image_body_with_pixel("NaN"), JSON, 400, "NaN"),
    "Infinity": InvalidRequest(image_body_with_pixel("-Infinity"), JSON, 400, "-Infinity"),
    "beyond a double": InvalidRequest(image_body_with_pixel("1e999"), JSON, 400, "1e999"),
    "a huge whole number": InvalidRequest(image_body_with_pixel("9" * 4000), JSON, 400, "image[2][3]"),
    "thousands of digits": InvalidRequest(image_body_with_pixel("9" * 5000), JSON, 400, "digits"),
    "a nest of lists": InvalidRequest(b"[" * 100_000 + b"]" * 100_000, JSON, 400, "nested too deep"),
    "a nest of objects": InvalidRequest(b'{"image":' * 50_000, JSON, 400, "nested too deep"),
    "a nest just short of the parser's limit": InvalidRequest(
        b"[" * 900 + b"]" * 900, JSON, 400, "expected a list of 8"
    ),
    "a pixel above 255": InvalidRequest(
        image_body_with_pixel("256"), JSON, 400, "image[2][3]: expected a whole number from 0 to 255"
    ),
    "a pixel below 0": InvalidRequest(image_body_with_pixel("-1"), JSON, 400, "found -1"),
    "a broken pixel": InvalidRequest(image_body_with_pixel("0.5"), JSON, 400, "found 0.5"),
    "a pixel that is true": InvalidRequest(image_body_with_pixel("true"), JSON, 400, "found true"),
    "a pixel that is null": InvalidRequest(image_body_with_pixel("null"), JSON, 400, "found null"),
    "a pixel that is text": InvalidRequest(image_body_with_pixel('"12"'), JSON, 400, 'the text "12"'),
    "a pixel that is a list": InvalidRequest(image_body_with_pixel("[1]"), JSON, 400, "a list of 1"),
    "seven rows": InvalidRequest(image_body(VALID_IMAGE[:7]), JSON, 400, "8 x 8"),
    "a short row": InvalidRequest(image_body([*VALID_IMAGE[:7], [0] * 7]), JSON, 400, "image[7]: expected a list of 8"),
    "a flat image": InvalidRequest(image_body([0] * 64), JSON, 400, "a list of 64"),
    "a bare flat image": InvalidRequest(json.dumps([0] * 64).encode(), JSON, 400, "a list of 64"),
    "an image in an image": InvalidRequest(image_body([VALID_IMAGE]), JSON, 400, "a list of 1"),
    "an image that is text": InvalidRequest(image_body("three.png"), JSON, 400, "the text"),
    "a strange object": InvalidRequest(image_body({"url": "http://localhost/"}), JSON, 400, "b64"),
    "no base64": InvalidRequest(image_body({"b64": "@@@"}), JSON, 400, "base64"),
    "base64 that is a number": InvalidRequest(image_body({"b64": 5}), JSON, 400, "base64"),
    "base64 of no picture": InvalidRequest(image_body(base64_object(b"hello")), JSON, 400, "neither PNG nor JPEG"),
    "base64 of a large picture": InvalidRequest(
        image_body(base64_object(blank_png(size=(28, 28)))), JSON, 400, "28 wide"
    ),
    "NUL bytes": InvalidRequest(bytes(64), JSON, 400, "expected JSON"),
    "a pickle": InvalidRequest(b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00.", JSON, 400, "the body"),
    "a picture that is text": InvalidRequest(b"hello", PNG, 400, "neither PNG nor JPEG"),
    "a GIF": InvalidRequest(encode_image(Image.new("L", (8, 8)), "GIF"), PNG, 400, "neither PNG nor JPEG"),
    "a JPEG called PNG": InvalidRequest(encode_image(Image.new("L", (8, 8)), "JPEG"), PNG, 400, "found image/jpeg"),
    "a PNG called JPEG": InvalidRequest(blank_png(), JPEG, 400, "found image/png"),
    "the first half of a PNG": InvalidRequest(blank_png()[: len(blank_png()) // 2], PNG, 400, "cut off"),
    "a PNG without its end": InvalidRequest(blank_png()[:-12], PNG, 400, "cut off"),
    "a JPEG without its end": InvalidRequest(encode_image(Image.new("L", (8, 8)), "JPEG")[:-2], JPEG, 400, "cut off"),
    "a PNG with a hole": InvalidRequest(blank_png()[:45] + blank_png()[-12:], PNG, 400, "damaged"),
    "a PNG's first bytes": InvalidRequest(blank_png()[:8] + blank_png()[-12:], PNG, 400, "damaged"),
    "a wide picture": InvalidRequest(blank_png(size=(9, 8)), PNG, 400, "found 9 wide and 8 high"),
    "a large picture": InvalidRequest(blank_png(size=(1000, 1000)), PNG, 400, "found 1000 wide"),
    "a smaller decompression bomb": InvalidRequest(decompression_bomb(10_000), PNG, 400, "found 10000 wide"),
    "16 bits of grey": InvalidRequest(blank_png("I;16"), PNG, 400, "8 bits per channel"),
    "16 bits of colour": InvalidRequest(png_of_16_bits(), PNG, 400, "8 bits per channel"),
    "an animation": InvalidRequest(animated_png(), PNG, 400, "found 2 frames"),
    "a decompression bomb": InvalidRequest(decompression_bomb(), PNG, 400, "too large to be read"),
    "a form": InvalidRequest(b"image=1", "application/x-www-form-urlencoded", 415, "x-www-form-urlencoded"),
    "a form of parts": InvalidRequest(
        b'--x\r\nContent-Disposition: form-data; name="body"; filename="a.png"\r\n\r\n'
        + blank_png()
        + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
        415,
        "multipart/form-data",
    ),
    "plain text": InvalidRequest(image_body(VALID_IMAGE), "text/plain", 415, "text/plain"),
    "a GIF by name": InvalidRequest(b"GIF89a", "image/gif", 415, "image/gif"),
    "an unknown kind": InvalidRequest(blank_png(), "application/octet-stream", 415, "application/octet-stream"),
    "a compressed body": InvalidRequest(
        gzip.compress(image_body(VALID_IMAGE)), JSON, 415, "gzip", {"Content-Encoding": "gzip"}
    ),
    "a body that is too large": InvalidRequest(b" " * 6_000_001, JSON, 413, "at most 6000000"),
    "JSON by no name": InvalidRequest(image_body(VALID_IMAGE), None, 415, "found none"),
}


CSV, TEXT = "text/csv", "text/plain"
CSV_HEADER = "age,sex,alone,born"
WIND, RAIN = {"wind": [1, 2]}, {"rain": [3, 4]}
AGE_MESSAGE = "age: expected a number (years, seen in training: 0.5 to 80) or null"

SURVIVAL_REQUESTS = {
    "a number that is text": InvalidRequest(passenger_body(age="29"), JSON, 400, f'{AGE_MESSAGE}, found the text "29"'),
    "a number that is true": InvalidRequest(passenger_body(age=True), JSON, 400, f"{AGE_MESSAGE}, found true"),
    "a number that is a list": InvalidRequest(passenger_body(age=[29]), JSON, 400, f"{AGE_MESSAGE}, found a list of 1"),
    "a number that is an object": InvalidRequest(passenger_body(age={"b64": 1}), JSON, 400, 'an object with "b64"'),
    "a number beyond float32": InvalidRequest(passenger_body(age=1e39), JSON, 400, f"{AGE_MESSAGE}, found 1e+39"),
    "a number with 400 digits": InvalidRequest(passenger_body(age=10**400), JSON, 400, AGE_MESSAGE),
    "a number that is absent": InvalidRequest(passenger_body(age=...), JSON, 400, 'the field "age" is missing'),
    "two fields that are absent": InvalidRequest(
        passenger_body(age=..., sex=...), JSON, 400, 'the fields "age" and "sex" are missing, found an object with'
    ),
    "an object without any field": InvalidRequest(
        b"{}", JSON, 400, 'the fields "age", "sex", "alone" and "born" are missing, found an empty object'
    ),
    "a field that is misspelled": InvalidRequest(
        passenger_body(age=..., aeg=29), JSON, 400, 'the field "age" is missing, found the unknown field "aeg"'
    ),
    "a category that is absent": InvalidRequest(passenger_body(sex=...), JSON, 400, '"sex" is missing'),
    "a category that is a number": InvalidRequest(passenger_body(sex=1), JSON, 400, '("female" and "male") as text'),
    "a category that is a huge number": InvalidRequest(passenger_body(sex=10**400), JSON, 400, '"female" and "male"'),
    "a category that is true": InvalidRequest(passenger_body(sex=True), JSON, 400, "found true"),
    "a category that is a list": InvalidRequest(passenger_body(sex=["male"]), JSON, 400, "a list of 1"),
    "a boolean that is 1": InvalidRequest(passenger_body(alone=1), JSON, 400, '"false" and "true"'),
    "a date that is a number": InvalidRequest(passenger_body(born=1890), JSON, 400, 'such as "2024-03-01"'),
    "a date that is none": InvalidRequest(passenger_body(born="1890-02-30"), JSON, 400, '"1890-02-30"'),
    "a date the other way round": InvalidRequest(
        passenger_body(born="01.05.1890"), JSON, 400, "1870-01-01 to 2000-12-31"
    ),
    "a date before the calendar": InvalidRequest(passenger_body(born="0000-01-01"), JSON, 400, '"0000-01-01"'),
    "a date that leaves the calendar": InvalidRequest(
        passenger_body(born="0001-01-01T00:00+14:00"), JSON, 400, "born: expected a date"
    ),
    "a column too many": InvalidRequest(passenger_body(fare=7), JSON, 400, 'unknown field "fare"'),
    "columns too many": InvalidRequest(passenger_body(fare=7, deck=1), JSON, 400, 'unknown fields "fare" and "deck"'),
    "a time where there is none": InvalidRequest(passenger_body(time="1912-04-15"), JSON, 400, 'unknown field "time"'),
    "a bare row": InvalidRequest(b'[29, "female", false, null]', JSON, 400, "expected an object with"),
    "a picture for a table": InvalidRequest(blank_png(), PNG, 415, "image/png"),
    "a text for a table": InvalidRequest(b"29", TEXT, 415, "text/plain"),
    "a table without rows": InvalidRequest(csv_body(CSV_HEADER), CSV, 400, "found 1 line"),
    "a table with a short row": InvalidRequest(
        csv_body(CSV_HEADER, "29,male,true,", "29,male"), CSV, 400, "row 2: expected 4 cells, found 2"
    ),
    "a table with words for numbers": InvalidRequest(
        csv_body(CSV_HEADER, "old,male,true,"), CSV, 400, "row 1.age: expected a number"
    ),
    "a table with inf": InvalidRequest(csv_body(CSV_HEADER, "inf,male,true,"), CSV, 400, 'the text "inf"'),
    "a table with 1e999": InvalidRequest(csv_body(CSV_HEADER, "1e999,male,true,"), CSV, 400, "row 1.age"),
    "a table with a name twice": InvalidRequest(csv_body("age,age", "1,2"), CSV, 400, "every name once"),
    "a table without a column": InvalidRequest(
        csv_body("age", "1"), CSV, 400, 'the fields "sex", "alone" and "born" are missing'
    ),
    "a table with an open quote": InvalidRequest(csv_body(CSV_HEADER, '"29,male'), CSV, 400, "expected CSV"),
    "a table that is no UTF-8": InvalidRequest(b"age,\xff\n1,2", CSV, 400, "UTF-8"),
    "a table of 1025 rows": InvalidRequest(
        csv_body(CSV_HEADER, *["29,male,true,"] * 1025), CSV, 400, "1 to 1024 lines"
    ),
    "a table with an endless cell": InvalidRequest(csv_body(CSV_HEADER, "9" * 200_000), CSV, 400, "expected CSV"),
}

PRICES_REQUESTS = {
    "a number alone": InvalidRequest(b"3", JSON, 400, "found 3"),
    "a list in a list of numbers": InvalidRequest(b"[3, [4]]", JSON, 400, "request[1]: expected a number"),
}

SPAM_REQUESTS = {
    "a text that is a number": InvalidRequest(b'{"text": 5}', JSON, 400, "text: expected a text, found 5"),
    "a text that is null": InvalidRequest(b'{"text": null}', JSON, 400, "found null"),
    "a text that is a list": InvalidRequest(b'{"text": ["a", "b"]}', JSON, 400, "a list of 2"),
    "a text that is half a character": InvalidRequest(b'{"text": "a \\ud83d"}', JSON, 400, "surrogate) at 2"),
    "a text that never ends": InvalidRequest(b"a" * 100_001, TEXT, 413, "at most 100000 characters, found 100001"),
    "a text that is no UTF-8": InvalidRequest(b"caf\xe9", TEXT, 400, "UTF-8"),
    "an empty text by its type": InvalidRequest(b"", TEXT, 400, "an empty one"),
}

WEATHER_REQUESTS = {
    "a window with one variable": InvalidRequest(window_body([[1], [2]]), JSON, 400, 'a list of 2 ("wind" and "rain")'),
    "a window with three variables": InvalidRequest(window_body([[1, 2], [1, 2, 3]]), JSON, 400, "window[1]"),
    "a window that is too long": InvalidRequest(window_body([[1, 2]] * 7), JSON, 400, "1 to 6 steps"),
    "a window without steps": InvalidRequest(window_body([]), JSON, 400, "a list of 0"),
    "a window that is flat": InvalidRequest(window_body([1, 2]), JSON, 400, "window[0]: expected a list of 2"),
    "a window that is null": InvalidRequest(window_body(None), JSON, 400, "found null"),
    "a window with text": InvalidRequest(window_body([[1, 2], [3, "4"]]), JSON, 400, "window[1][1]: expected a"),
    "a window with true": InvalidRequest(window_body([[1, True]]), JSON, 400, "window[0][1]"),
    "a window beyond float32": InvalidRequest(window_body([[1, -1e39]]), JSON, 400, "found -1e+39"),
    "a variable that is missing": InvalidRequest(window_body(WIND), JSON, 400, 'the variable "rain" is missing'),
    "a variable too many": InvalidRequest(
        window_body({**WIND, **RAIN, "sun": [1]}), JSON, 400, 'the unknown variable "sun"'
    ),
    "variables of unequal length": InvalidRequest(
        window_body({**WIND, "rain": [1]}), JSON, 400, 'expected 2 steps as in "wind", found 1'
    ),
    "a variable that is a number": InvalidRequest(window_body({**WIND, "rain": 5}), JSON, 400, "window.rain"),
    "a variable with text": InvalidRequest(window_body({**WIND, "rain": [1, "a"]}), JSON, 400, "window.rain[1]"),
    "a time that is none": InvalidRequest(window_body([[1, 2]], time="soon"), JSON, 400, "time: expected a date"),
    "a time that is a number": InvalidRequest(window_body([[1, 2]], time=1700000000), JSON, 400, "found 1700000000"),
    "a time at the end of all": InvalidRequest(
        window_body([[1, 2]], time="9999-12-31T23:30"), JSON, 400, "leaves room"
    ),
    "a table for a window": InvalidRequest(b"wind,rain\n1,2", CSV, 415, "text/csv"),
    "a window without numbers to forecast": InvalidRequest(b"[[]]", JSON, 400, "window[0]: expected a list of 2"),
}

SCENES_REQUESTS = {
    "too many large pictures": InvalidRequest(scenes_body(1024), JSON, 413, "at most 21 examples of this model"),
    "a small picture for a large one": InvalidRequest(blank_png(), PNG, 400, "512 pixels wide"),
}

PHOTOGRAPHS_REQUESTS = {
    "a grey value in a colour": InvalidRequest(
        json.dumps({"photograph": [[1] * 36] * 40}).encode(), JSON, 400, "photograph[0][0]"
    ),
}

DRAWN_REQUESTS = {
    "samples without number": InvalidRequest(b'{"number": 0}', JSON, 400, "1 to 256, found 0"),
    "too many samples": InvalidRequest(b'{"number": 257}', JSON, 400, "1 to 256, found 257"),
    "half a sample": InvalidRequest(b'{"number": 1.5}', JSON, 400, "found 1.5"),
    "a number of samples that is true": InvalidRequest(b'{"number": true}', JSON, 400, "found true"),
    "a seed below 0": InvalidRequest(b'{"seed": -1}', JSON, 400, "seed: expected a whole number"),
    "a seed that is text": InvalidRequest(b'{"seed": "a"}', JSON, 400, "seed: expected a whole number"),
    "a seed that is null": InvalidRequest(b'{"seed": null}', JSON, 400, "found null"),
    "a seed beyond all": InvalidRequest(b'{"seed": 9223372036854775808}', JSON, 400, "9223372036854775807"),
    "a temperature": InvalidRequest(b'{"temperature": 1}', JSON, 400, 'the unknown field "temperature"'),
    "noise that is short": InvalidRequest(b'{"noise": [1, 2]}', JSON, 400, "a list of 8, found a list of 2"),
    "noise with a hole": InvalidRequest(b'{"noise": [1, 2, 3, null, 5, 6, 7, 8]}', JSON, 400, "noise[3]"),
    "noise that is text": InvalidRequest(b'{"noise": "white"}', JSON, 400, 'the text "white"'),
    "samples beyond the sum": InvalidRequest(
        json.dumps({"instances": [{"number": 256}] * 5}).encode(), JSON, 413, "at most 1024"
    ),
}

INVALID_REQUESTS_BY_MODEL = {
    name: (model, request)
    for model, requests in {
        "survival": SURVIVAL_REQUESTS,
        "prices": PRICES_REQUESTS,
        "spam": SPAM_REQUESTS,
        "weather": WEATHER_REQUESTS,
        "whistles": WHISTLES_REQUESTS,
        "scenes": SCENES_REQUESTS,
        "photographs": PHOTOGRAPHS_REQUESTS,
        "drawn": DRAWN_REQUESTS,
    }.items()
    for name, request in requests.items()
}

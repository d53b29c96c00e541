"""The handler alone, without TorchServe: what it accepts, what it refuses, and that neighbours do not notice."""

import base64
import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serving.worker import image_codec
from serving.worker import signature as signatures
from serving.worker.handler import Handler
from serving.worker.requests import body as request_body
from tests.support import hostile_requests, small_model

JSON, PNG, JPEG = hostile_requests.JSON, hostile_requests.PNG, hostile_requests.JPEG


class Context:
    """What TorchServe gives a handler, as far as the handler uses it."""

    def __init__(self, folder, headers=()):
        self.system_properties = {"model_dir": str(folder)}
        self.headers = list(headers)
        self.statuses = {}
        self.phrases = {}

    def get_all_request_header(self, place):
        return self.headers[place]

    def set_response_status(self, code, phrase, place):
        self.statuses[place], self.phrases[place] = code, phrase

    def set_response_content_type(self, place, value):
        assert value == JSON


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handler")
    with zipfile.ZipFile(small_model.build_model_archive(folder)) as opened:
        opened.extractall(folder / "unpacked")
    return folder / "unpacked"


@pytest.fixture(scope="module")
def handler(unpacked):
    handler = Handler()
    handler.initialize(Context(unpacked))
    return handler


@pytest.fixture(scope="module")
def described(unpacked):
    return signatures.parse_signature((unpacked / "signature.json").read_bytes())


def ask(handler, *requests):
    """Hand a batch of (body, media, headers) to the handler; return (status, document) of each."""
    headers = [{"Content-Type": media, **more} if media else dict(more) for _, media, more in requests]
    context = Context("", headers)
    bodies = handler.handle([{"body": bytearray(body)} for body, _, _ in requests], context)
    assert all(phrase.isascii() and phrase for phrase in context.phrases.values())
    return [(context.statuses[place], json.loads(body)) for place, body in enumerate(bodies)]


def one(handler, body, media=JSON, headers=()):
    return ask(handler, (body, media, dict(headers)))[0]


def picture(pixels, kind="PNG", mode="L", **options):
    return hostile_requests.encode_picture(Image.fromarray(pixels).convert(mode), kind, **options)


@pytest.fixture(scope="module")
def digit():
    return small_model.load_digit_images()[0][3]


@pytest.fixture(scope="module")
def answer(digit):
    """The document for `digit`, from ONNX Runtime alone."""
    probabilities = small_model.predict(digit[None])[0]
    best = int(probabilities.argmax())
    return {
        "label": str(best),
        "probability": pytest.approx(float(probabilities[best]), abs=1e-6),
        "probabilities": pytest.approx({str(k): float(p) for k, p in enumerate(probabilities)}, abs=1e-6),
    }


SINGLE = {
    "an image by its name": lambda digit: (hostile_requests.image_body(digit.tolist()), JSON),
    "a bare image": lambda digit: (json.dumps(digit.tolist()).encode(), JSON),
    "whole numbers written as floats": lambda digit: (hostile_requests.image_body(digit.astype(float).tolist()), JSON),
    "an image as base64 of a PNG": lambda digit: (
        hostile_requests.image_body(hostile_requests.base64_object(picture(digit))),
        JSON,
    ),
    "a PNG": lambda digit: (picture(digit), PNG),
    "a PNG without a content type": lambda digit: (picture(digit), None),
    "a PNG in colour": lambda digit: (picture(digit, mode="RGB"), PNG),
    "a PNG with an opaque alpha channel": lambda digit: (picture(digit, mode="RGBA"), PNG),
    "a PNG of grey and alpha": lambda digit: (picture(digit, mode="LA"), PNG),
    "another spelling of the content type": lambda digit: (
        hostile_requests.image_body(digit.tolist()),
        "Application/JSON; charset=utf-8",
    ),
}
MANY = {
    "instances": lambda digit: {"instances": [{"image": digit.tolist()}] * 3},
    "instances as base64": lambda digit: {"instances": [{"image": hostile_requests.base64_object(picture(digit))}] * 3},
    "a bare list of images": lambda digit: [digit.tolist()] * 3,
}


@pytest.mark.parametrize("name", SINGLE)
def test_one_image_gets_one_answer(handler, digit, answer, name):
    assert one(handler, *SINGLE[name](digit)) == (200, answer)


@pytest.mark.parametrize("name", MANY)
def test_many_images_get_a_list_of_answers(handler, digit, answer, name):
    status, document = one(handler, json.dumps(MANY[name](digit)).encode())
    assert (status, document) == (200, {"predictions": [answer] * 3})


def test_a_list_of_one_image_is_still_many(handler, digit, answer):
    assert one(handler, json.dumps([digit.tolist()]).encode()) == (200, {"predictions": [answer]})


def test_a_jpeg_is_answered_as_the_pixels_pillow_decodes(handler, digit):
    content = picture(digit, "JPEG", quality=95)
    with Image.open(io.BytesIO(content)) as opened:
        decoded = np.asarray(opened.convert("L"))
    assert one(handler, content, JPEG) == one(handler, hostile_requests.image_body(decoded.tolist()))


def test_a_turned_picture_is_turned_back_as_its_orientation_says(handler, digit, answer):
    upright = Image.Exif()
    upright[0x0112] = 6  # EXIF 2.32: the 0th row is the right-hand side, so turn by 90 degrees clockwise
    turned = np.ascontiguousarray(np.rot90(digit))
    assert one(handler, picture(turned, exif=upright), PNG) == (200, answer)


def test_transparent_pixels_lie_over_black(handler, digit):
    layers = np.zeros((8, 8, 4), np.uint8)
    layers[..., :3] = 255
    layers[..., 3] = digit
    content = hostile_requests.encode_picture(Image.fromarray(layers), "PNG")
    assert one(handler, content, PNG) == one(handler, hostile_requests.image_body(digit.tolist()))


def test_colour_becomes_grey_by_the_luma_of_itu_r_601(described):
    (field,) = described.inputs
    content = hostile_requests.encode_picture(Image.new("RGB", (8, 8), (200, 100, 50)), "PNG")
    expected = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)  # Recommendation ITU-R BT.601-7, section 2.5.1
    assert np.unique(image_codec.decode_image(content, field, "image")).tolist() == [expected]


def test_a_wide_field_takes_a_picture_turned_upright(described):
    (field,) = described.inputs
    wide = signatures.Field(field.name, field.kind, field.dtype, (4, 8), field.range, field.decode_options)
    turn = Image.Exif()
    turn[0x0112] = 6
    pixels = np.arange(32, dtype=np.uint8).reshape(4, 8)
    content = picture(np.ascontiguousarray(np.rot90(pixels)), exif=turn)
    assert (image_codec.decode_image(content, wide, "image") == pixels).all()


@pytest.mark.parametrize("name", hostile_requests.INVALID_REQUESTS)
def test_a_wrong_request_gets_a_status_and_a_sentence(handler, name):
    request = hostile_requests.INVALID_REQUESTS[name]
    item = {"body": request.body} if request.status != 415 or "form" not in name else {"image": b"1"}
    headers = {**request.headers, **({"Content-Type": request.media_type} if request.media_type else {})}
    context = Context("", [headers])
    (body,) = handler.handle([item], context)
    document = json.loads(body)
    assert context.statuses[0] == request.status
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert len(document["error"]) < 500


RESERVED = ["describe", "explain", "ts_stream_next", "ts_request_sequence_id", "body", "content-length"]


@pytest.mark.parametrize("header", RESERVED)
def test_headers_that_torchserve_reserves_change_nothing(handler, digit, answer, header):
    assert one(handler, hostile_requests.image_body(digit.tolist()), headers={header: "True"}) == (200, answer)


def test_an_empty_batch_is_no_trouble(handler):
    assert ask(handler) == []


BAD = list(hostile_requests.INVALID_REQUESTS.values())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 1796), st.sampled_from(BAD)), min_size=1, max_size=9))
def test_good_requests_in_a_batch_get_the_reply_of_a_lone_request(handler, mixture):
    batch = [
        (item.body, item.media_type, item.headers)
        if isinstance(item, hostile_requests.InvalidRequest)
        else (hostile_requests.image_body(small_model.load_digit_images()[0][item].tolist()), JSON, {})
        for item in mixture
    ]
    together = ask(handler, *batch)
    for request, item, (status, document) in zip(batch, mixture, together, strict=True):
        alone_status, alone = ask(handler, request)[0]
        assert status == alone_status == (item.status if isinstance(item, hostile_requests.InvalidRequest) else 200)
        if status == 200:
            assert document["label"] == alone["label"]
            assert document["probabilities"] == pytest.approx(alone["probabilities"], abs=handler.signature.tolerance)
        else:
            assert document == alone


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from(["image", "b64", "x"]), inner),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_any_json_is_answered_or_refused_with_a_sentence(handler, value):
    status, document = one(handler, json.dumps(value).encode())
    assert status == 400
    assert document["error"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80), st.sampled_from([JSON, PNG, JPEG, None]))
def test_any_bytes_are_refused_with_a_sentence(handler, content, media):
    status, document = one(handler, content, media)
    assert status in (200, 400, 415)
    assert document.get("error") or "label" in document


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_picture_never_raises(handler, data):
    content = bytearray(picture(small_model.load_digit_images()[0][0], data.draw(st.sampled_from(["PNG", "JPEG"]))))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    status, _ = one(handler, bytes(content), None)
    assert status in (200, 400, 415)


@given(st.lists(st.floats(0, 1, width=32), min_size=10, max_size=10))
def test_probabilities_are_written_as_the_same_floats(described, row):
    from serving.worker.replies.table import REPLY_FORMATS

    answers = np.array([row], np.float32)
    reply = json.loads(json.dumps(REPLY_FORMATS["classification"].build(answers, described, {})))
    found = np.array([list(reply["probabilities"].values())], np.float32)
    assert (found == answers).all()
    assert reply["label"] == str(answers.argmax())


def test_a_request_that_breaks_the_graph_leaves_its_neighbours_alone(handler, digit, answer, monkeypatch, caplog):
    run = handler.model.run

    def brittle(inputs):
        if (inputs["image"] == 99).all(axis=(1, 2)).any():
            raise RuntimeError("the graph broke")
        return run(inputs)

    monkeypatch.setattr(handler.model, "run", brittle)
    good, bad = hostile_requests.image_body(digit.tolist()), hostile_requests.image_body([[99] * 8] * 8)
    found = ask(handler, (good, JSON, {}), (bad, JSON, {}), (good, JSON, {}))
    assert [status for status, _ in found] == [200, 500, 200]
    assert found[0][1] == found[2][1] == answer
    assert "the graph broke" not in found[1][1]["error"]


def test_the_header_is_found_in_any_case():
    assert (
        request_body.find_header({"CONTENT-type": "Image/PNG; q=1", "body": {"content-type": "x"}}, "content-type")
        == PNG
    )


def test_base64_in_a_request_is_as_long_as_it_says(handler, digit):
    content = base64.b64encode(picture(digit)).decode()
    status, _ = one(handler, hostile_requests.image_body({"b64": content[:-4]}))
    assert status == 400

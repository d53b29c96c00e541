"""The handler for every task and kind of field: what it accepts, answers and notes, and what it refuses."""

import base64
import io
import json
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from serving import archive
from serving.server import golden_check
from serving.worker import integrity
from serving.worker.handler import Handler
from serving.worker.replies.table import REPLY_FORMATS
from tests.support import hostile_requests, small_models

JSON = hostile_requests.JSON
VISIBLE = [name for name in small_models.SMALL_MODELS if name != "scenes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tasks")


@pytest.fixture(scope="module")
def handlers(folder):
    """A handler per small model, started from its unpacked archive."""
    return {
        name: started(small_models.build_model_archive(folder, name), folder / f"{name}-unpacked")
        for name in small_models.SMALL_MODELS
    }


def started(mar, unpacked):
    with zipfile.ZipFile(mar) as opened:
        opened.extractall(unpacked)
    handler = Handler()
    handler.initialize(SimpleNamespace(system_properties={"model_dir": str(unpacked)}))
    return handler


def ask(handler, *requests):
    """Hand a batch of (body, media) to a handler; return (status, document) of each."""
    statuses = {}
    context = SimpleNamespace(
        get_all_request_header=lambda place: {"Content-Type": requests[place][1]},
        set_response_status=lambda code, phrase, place: statuses.update({place: code}),
        set_response_content_type=lambda place, value: None,
    )
    bodies = handler.handle([{"body": bytearray(body)} for body, _ in requests], context)
    return [(statuses[place], json.loads(body)) for place, body in enumerate(bodies)]


def one(handler, document, media=JSON):
    """The reply to one request, which must be answered."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    ((status, reply),) = ask(handler, (body, media))
    assert status == 200, reply
    return reply


def pixels(picture):
    with Image.open(io.BytesIO(base64.b64decode(picture["b64"]))) as opened:
        return np.asarray(opened), opened.mode


# Every task


@pytest.mark.parametrize("name", small_models.SMALL_MODELS)
def test_golden_inputs_sent_as_requests_get_the_golden_replies(handlers, folder, name):
    package = archive.read_archive(folder / f"{name}.mar")

    def predict_instances(_, instances):
        return one(handlers[name], {"instances": instances})["predictions"]

    golden_check.check_server(package, SimpleNamespace(predict_instances=predict_instances, address="the handler"))


@pytest.mark.parametrize("name", small_models.SMALL_MODELS)
def test_golden_inputs_round_trip_through_json(handlers, folder, name):
    package = archive.read_archive(folder / f"{name}.mar")
    inputs, _ = integrity.split_golden(package.golden, package.signature)
    for row, instance in enumerate(golden_check.golden_instances(package)):
        body = json.dumps(instance, allow_nan=False).encode()
        payload = handlers[name]._parse_request({"body": body}, {"Content-Type": JSON})
        for field, values in inputs.items():
            found = payload.examples[0].columns[field]
            assert found.dtype == values.dtype
            assert np.array_equal(found[0], values[row], equal_nan=values.dtype.kind == "f"), field


@pytest.mark.parametrize("name", VISIBLE)
def test_wrong_golden_outputs_are_found_in_the_replies(handlers, folder, tmp_path, name):
    """By so much that it shows even after pictures are rounded to whole grey levels."""
    error = {"drawn": 5.0, "photographs": 5.0, "cells": np.linspace(0, 3, 720).reshape(3, 20, 12)[::-1]}.get(name, 0.3)
    wrong = archive.read_archive(small_models.build_model_archive(tmp_path, name, error))
    replies = SimpleNamespace(
        predict_instances=lambda _, rows: one(handlers[name], {"instances": rows})["predictions"], address="it"
    )
    with pytest.raises(integrity.InvalidArchive, match=rf"{name}: it does not give the golden outputs: in row 0, "):
        golden_check.check_server(wrong, replies)


@pytest.mark.parametrize("name", VISIBLE)
def test_a_worker_refuses_wrong_golden_outputs(tmp_path, name):
    with pytest.raises(integrity.InvalidArchive, match="does not give the golden outputs"):
        started(small_models.build_model_archive(tmp_path, name, 300.0), tmp_path / "unpacked")


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_the_scale_in_golden_npz_is_what_differences_are_measured_against(tmp_path, scale):
    """The value is wrong by 0.01 in thousands: too much of 1, little of what it is measured against by default."""
    mar = small_models.build_model_archive(tmp_path, "prices", 0.01)
    started(mar, tmp_path / "default")
    export = tmp_path / "prices-export"
    with np.load(export / "golden.npz") as arrays:
        np.savez(export / "golden.npz", **arrays, scale=np.array([scale]))
    parts = {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}
    archive.build_archive(mar, **{part: export / file for part, file in parts.items()})
    with pytest.raises(integrity.InvalidArchive, match="does not give the golden outputs"):
        started(mar, tmp_path / "scaled")


@pytest.mark.parametrize(("key", "value"), [("task", "ranking"), ("kind", "sound")])
def test_a_worker_refuses_a_task_or_kind_that_it_does_not_know(tmp_path, key, value):
    fields = small_models.small_model_of("prices").signature["inputs"]
    changes = {"task": value} if key == "task" else {"inputs": [{**fields[0], "kind": value}]}
    with pytest.raises(integrity.InvalidArchive, match=rf"{key} must be one of .*, found '{value}'"):
        started(small_models.build_model_archive(tmp_path, "prices", **changes), tmp_path / "unpacked")


@pytest.mark.parametrize("name", hostile_requests.INVALID_REQUESTS_BY_MODEL)
def test_a_wrong_request_gets_a_status_and_a_sentence(handlers, name):
    model, request = hostile_requests.INVALID_REQUESTS_BY_MODEL[name]
    ((status, document),) = ask(handlers[model], (request.body, request.media_type))
    assert status == request.status, document
    assert list(document) == ["error"]
    assert request.expected_words in document["error"]
    assert len(document["error"]) < 500


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in VISIBLE
        if any(name == model for model, _ in hostile_requests.INVALID_REQUESTS_BY_MODEL.values())
    ],
)
def test_a_good_request_between_bad_ones_gets_what_it_gets_alone(handlers, folder, name):
    bad = [
        (request.body, request.media_type)
        for model, request in hostile_requests.INVALID_REQUESTS_BY_MODEL.values()
        if model == name
    ]
    good = [
        (json.dumps(row).encode(), JSON)
        for row in golden_check.golden_instances(archive.read_archive(folder / f"{name}.mar"))
    ]
    mixed = [request for pair in zip(bad, good * len(bad), strict=False) for request in pair]
    together = ask(handlers[name], *mixed)
    assert [status // 100 for status, _ in together] == [4, 2] * len(bad)
    assert together[1::2] == [ask(handlers[name], request)[0] for request in mixed[1::2]]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=8) | st.dictionaries(st.sampled_from(["wind", "rain", "seed", "b64"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(list(small_models.SMALL_MODELS)), st.data())
def test_any_json_under_the_right_names_is_answered_or_refused_with_a_sentence(handlers, name, data):
    names = [field.name for field in handlers[name].signature.inputs]
    document = {field: data.draw(json_values) for field in names}
    ((status, reply),) = ask(handlers[name], (json.dumps(document).encode(), JSON))
    assert status in (200, 400) or "no number" in reply["error"]  # 1e38 rooms have an infinite price
    assert (status == 200) == ("error" not in reply)


# Classification of a table


def test_of_two_classes_the_threshold_decides(handlers):
    row = {"age": 0, "sex": "female", "alone": False, "born": None}
    for born, label in (("2080-07-17", "no"), ("2081-08-31", "yes")):  # around 40,547 days: sigmoid(0.4055) is 0.6
        reply = one(handlers["survival"], {**row, "born": born})
        assert reply["label"] == label
        assert reply["threshold"] == 0.6
        assert reply["probability"] == reply["probabilities"][label]
        assert sum(reply["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(("threshold", "label"), [(0.6000000238418579, "yes"), (0.6000000238418581, "no")])
def test_the_threshold_itself_counts_as_positive(handlers, threshold, label):
    """0.6000000238418579 is what the float32 next to 0.6 is exactly."""
    signature = replace(handlers["survival"].signature, calibration={"threshold": threshold, "positive": 1.0})
    answers = np.array([[0.4, 0.6]], np.float32)
    assert REPLY_FORMATS["classification"].build(answers, signature, {})["label"] == label


def test_missing_cells_and_categories_of_every_spelling_are_read(handlers):
    base = {"age": None, "sex": None, "alone": None, "born": None}
    assert one(handlers["survival"], base)["probabilities"]["yes"] == pytest.approx(0.5)  # sigmoid(-1 + 1)
    for value in (True, "true"):
        assert one(handlers["survival"], {**base, "sex": "male", "alone": value})["probabilities"]["yes"] == 0.5


def test_what_was_never_seen_is_answered_with_a_note(handlers):
    row = {"age": 200, "sex": "Female", "alone": False, "born": "2024-05-01"}
    reply = one(handlers["survival"], row)
    assert reply["notes"] == [
        "age: 200 lies outside what was seen in training, 0.5 to 80",
        'sex: the text "Female" was not seen in training and counts as missing',
        'born: the text "2024-05-01" lies outside what was seen in training, 1870-01-01 to 2000-12-31',
    ]
    silent = one(handlers["survival"], {**row, "age": 80, "sex": None, "born": None})
    assert "notes" not in silent


def test_a_table_is_answered_row_by_row_as_json_is(handlers):
    body = (
        b"\xef\xbb\xbfborn,age,sex,alone\r\n1900-01-01,29,female,true\r\n,,,\r\n\r\n2000-01-01T12:00,1e1,male,false\r\n"
    )
    rows = [
        {"age": 29, "sex": "female", "alone": True, "born": "1900-01-01"},
        dict.fromkeys(["age", "sex", "alone", "born"]),
        {"age": 10, "sex": "male", "alone": False, "born": "2000-01-01T12:00"},
    ]
    assert one(handlers["survival"], body, "text/csv") == one(handlers["survival"], {"instances": rows})


def test_columns_may_be_spelled_as_in_the_file_that_was_learned_from(handlers):
    row = {"age": 29, "sex": "female", "alone": True, "born": "1900-01-01"}
    expected = one(handlers["survival"], row)
    assert one(handlers["survival"], {"Age": 29, "SEX": "female", " alone ": True, "Born": "1900-01-01"}) == expected
    body = b"Born,Age,Sex,Alone\n1900-01-01,29,female,true\n"
    assert one(handlers["survival"], body, "text/csv")["predictions"] == [expected]
    ((status, reply),) = ask(handlers["survival"], (json.dumps({**row, "Age": 30}).encode(), JSON))
    assert (status, "unknown field" in reply["error"]) == (400, True)


def test_times_of_day_and_offsets_of_a_date_are_read(handlers):
    row = {"age": 0, "sex": "female", "alone": False}
    noon, moved = (
        one(handlers["survival"], {**row, "born": text}) for text in ("1995-01-01T12:00", "1995-01-01T14:00+02:00")
    )
    assert noon == moved


# Text


def test_a_text_may_be_the_body_a_field_or_bare(handlers):
    said = "You HAVE won!!"
    replies = [
        one(handlers["spam"], said.encode(), "text/plain"),
        one(handlers["spam"], {"text": said}),
        *one(handlers["spam"], [said])["predictions"],
        *one(handlers["spam"], {"instances": [{"text": said}]})["predictions"],
    ]
    assert all(reply == replies[0] for reply in replies)


def test_a_text_is_answered_by_its_codes(handlers):
    codes = {"text": np.array([[2, 3, 4, 5, 5]])}  # you have won ! !
    expected = small_models.predict("spam", codes)[0]
    found = one(handlers["spam"], {"text": " You\tHAVE won!! and more"})
    assert list(found["probabilities"].values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert found["notes"] == ["text: only the first 5 of 7 words are read"]


@pytest.mark.parametrize("text", ["", " \n", "\x00", "zebra quagga"])
def test_a_text_without_a_known_word_is_answered_with_a_note(handlers, text):
    assert one(handlers["spam"], {"text": text})["notes"] == ["text: none of its words was seen in training"]


# Regression


def test_a_value_comes_with_its_unit_and_interval(handlers):
    expected = {"value": 2250.0, "unit": "euros", "low": 2129.5, "high": 2370.5, "coverage": 0.9}
    assert one(handlers["prices"], {"rooms": 2.5}) == expected
    assert one(handlers["prices"], [2.5, 2.5]) == {"predictions": [expected] * 2}


def test_a_value_that_is_a_date_is_written_as_one(handlers):
    signature = handlers["prices"].signature
    dated = replace(signature, target=replace(signature.target, unit=small_models.DAYS), calibration={"radius": 1.0})
    written = REPLY_FORMATS["regression"].build(np.array([[10957.4]], np.float32), dated, {})  # 2000-01-01 is 10,957
    assert written == {"value": "2000-01-01", "low": "1999-12-31", "high": "2000-01-02"}


def test_a_nan_prediction_is_an_error_that_spares_the_rest_of_the_batch(handlers):
    good, bad = {"rooms": 3}, {"rooms": 3e38}
    found = ask(handlers["prices"], *((json.dumps(one).encode(), JSON) for one in (good, bad, good)))
    assert [status for status, _ in found] == [200, 500, 200]
    assert "no number" in found[1][1]["error"]
    assert found[0] == found[2]


# Forecasting


def test_a_window_without_any_value_is_answered_with_a_note(handlers):
    ((_, reply),) = ask(handlers["weather"], (json.dumps({"window": [[None, None]] * 6}).encode(), JSON))
    assert "window: every value is missing" in reply.get("notes", reply.get("error"))


def test_a_window_may_be_steps_or_variables_and_shorter_than_whole(handlers):
    steps = [[1, 10], [2, 20], [None, 30]]
    by_variable = {"wind": [1, 2, None], "rain": [10, 20, 30]}
    replies = [
        one(handlers["weather"], {"window": steps}),
        one(handlers["weather"], {"window": by_variable}),
        one(handlers["weather"], steps),
        *one(handlers["weather"], [steps])["predictions"],
    ]
    assert all(reply == replies[0] for reply in replies)
    whole = np.full((1, 6, 2), np.nan, np.float32)
    whole[0, 3:] = np.array(steps, np.float32)
    quantiles = small_models.predict("weather", {"window": whole})[0]
    assert replies[0]["horizon"][2] == {
        "step": 3,
        "wind": {"0.1": quantiles[2, 0, 0], "0.5": quantiles[2, 0, 1], "0.9": quantiles[2, 0, 2]},
        "rain": {"0.1": 27.0, "0.5": 30.0, "0.9": 33.0},
    }
    assert replies[0]["unit"] == "mm"
    assert "times" not in replies[0]


def test_an_interval_is_widened_or_narrowed_as_validation_showed(handlers):
    """The same rule as the forecasting task's own: it stays outside the quantiles next to the outermost."""
    horizon = one(handlers["weather"], {"window": [[5, 0]]})["horizon"]
    assert (horizon[0]["wind"]["low"], horizon[0]["wind"]["high"]) == (3.75, 6.25)  # 4 and 6, wider by 0.25
    assert (horizon[1]["wind"]["low"], horizon[1]["wind"]["high"]) == (5.0, 5.0)  # 3 and 7, narrower by at most 2
    assert "low" not in horizon[0]["rain"]


def test_times_follow_the_time_of_the_last_step(handlers):
    reply = one(handlers["weather"], {"window": [[1, 2]], "time": "2024-02-28T22:00"})
    assert reply["times"] == ["2024-02-28T23:00:00", "2024-02-29T00:00:00", "2024-02-29T01:00:00"]


# Pictures


def test_a_mask_is_a_png_of_class_numbers_with_the_share_of_each(handlers):
    image = small_models.small_model_of("cells").golden["image"][0]
    reply = one(handlers["cells"], {"image": image.tolist()})
    mask, mode = pixels(reply["mask"])
    expected = small_models.predict("cells", {"image": image[None]})[0].argmax(axis=0)
    assert mode == "P"
    assert (mask == expected).all()
    assert reply["size"] == [20, 12]
    assert list(reply["area"]) == ["background", "rim", "cell"]
    assert reply["area"]["rim"] == (expected == 1).mean()


def test_an_image_is_reconstructed_as_a_picture(handlers):
    image = small_models.small_model_of("photographs").golden["photograph"][0]
    reply = one(
        handlers["photographs"],
        {"photograph": hostile_requests.base64_object(hostile_requests.encode_picture(Image.fromarray(image), "PNG"))},
    )
    found, mode = pixels(reply["reconstruction"]["photograph"])
    assert mode == "RGB"
    assert (found == np.rint(image / 2)).all()
    assert reply["score"] == pytest.approx(image.mean() / 2)
    assert "anomalous" not in reply


@pytest.mark.parametrize(("flow", "anomalous"), [(1.99, False), (2, True), (-2.5, True), (None, False)])
def test_numbers_are_reconstructed_by_name_and_the_threshold_decides(handlers, flow, anomalous):
    reply = one(handlers["pumps"], {"flow": flow, "heat": 7})
    assert reply["anomalous"] is anomalous
    assert reply["score"] == pytest.approx(abs(flow or 0))
    assert reply["threshold"] == 2.0
    assert reply["reconstruction"] == {"flow": round(flow or 0), "heat": 7.0}


def test_samples_are_drawn_from_the_seed_by_the_documented_rule(handlers):
    reply = one(handlers["drawn"], {"number": 3, "seed": 7})
    noise = np.random.Generator(np.random.PCG64(7)).standard_normal((3, 8), dtype=np.float32)
    expected = np.clip(np.rint(small_models.predict("drawn", {"noise": noise})), 0, 255)
    assert [pixels(sample)[0].tolist() for sample in reply["samples"]] == expected.tolist()
    assert reply["seed"] == 7


@pytest.mark.parametrize("document", [{}, {"seed": 0}, {"number": 1}, {"noise": {"number": 1}}])
def test_default_is_one_sample_from_seed_0(handlers, document):
    assert one(handlers["drawn"], document) == one(handlers["drawn"], {"number": 1, "seed": 0})


def test_instances_of_a_generator_are_counted_apart(handlers):
    rows = [{"seed": 1, "number": 2}, {"noise": [0.0] * 8}, {"seed": 2}]
    found = one(handlers["drawn"], {"instances": rows})["predictions"]
    assert [len(reply["samples"]) for reply in found] == [2, 1, 1]
    assert [reply.get("seed") for reply in found] == [1, None, 2]
    assert (pixels(found[1]["samples"][0])[0] == 128).all()
    assert found[0] == one(handlers["drawn"], rows[0])


# Size


def test_as_many_large_pictures_as_fit_are_answered(handlers):
    found = one(handlers["scenes"], hostile_requests.scenes_body(21))["predictions"]
    assert len(found) == 21
    assert found[0]["area"] == {"night": 1.0, "day": 0.0}


def test_a_reply_that_is_too_long_is_refused_by_itself(tmp_path):
    """A thousand forecasts of names so long that the reply would pass 6 MB, beside a short one."""
    columns = ["w" * 1500, "r" * 1500]
    window = {**small_models.small_model_of("weather").signature["inputs"][0], "columns": columns}
    changes = {
        "inputs": [window],
        "target": {**small_models.small_model_of("weather").signature["target"], "columns": columns},
    }
    handler = started(small_models.build_model_archive(tmp_path, "weather", **changes), tmp_path / "unpacked")
    many, few = ([[[1, 2]]] * count for count in (1024, 2))
    found = ask(handler, *((json.dumps(one).encode(), JSON) for one in (few, many, few)))
    assert [status for status, _ in found] == [200, 413, 200]
    assert "ask for less" in found[1][1]["error"]

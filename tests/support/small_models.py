"""Small served models, one per task and kind of field: their graphs, golden inputs and archives.

The graphs are written by hand in ONNX's own text form, so that their outputs can be checked with a pencil.
Shapes: B batch.
"""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from serving.archive import build_archive
from tests.support.small_image_models import cells, drawn, photographs, scenes
from tests.support.small_model_signature import SmallModel, category_field, make_signature, number_field

ONNX_HEADER = '<ir_version: 9, opset_import: ["" : 18]>\n'
DAYS = "days since 1970-01-01"
VOCABULARY = ["", "<unknown>", "you", "have", "won", "!", "meeting", "at", "10", "straße", "_"]


def survival() -> SmallModel:
    """Two classes by a threshold: P(yes) = sigmoid(age / 100 + sex - alone + days / 100000), a missing cell 0 or -1."""
    graph = """
    survival (float[B] age, int64[B] sex, int64[B] alone, float[B] born) => (float[B, 2] probabilities) {
        yearly = Constant<value_float = 0.01> ()
        daily = Constant<value_float = 0.00001> ()
        nothing = Constant<value_float = 0.0> ()
        missing = IsNaN (age)
        known = Where (missing, nothing, age)
        aged = Mul (known, yearly)
        unborn = IsNaN (born)
        birth = Where (unborn, nothing, born)
        days = Mul (birth, daily)
        sexes = Cast<to = 1> (sex)
        loners = Cast<to = 1> (alone)
        both = Sub (sexes, loners)
        first = Add (aged, both)
        sum = Add (first, days)
        yes = Sigmoid (sum)
        one = Constant<value_float = 1.0> ()
        no = Sub (one, yes)
        last = Constant<value_ints = [1]> ()
        left = Unsqueeze (no, last)
        right = Unsqueeze (yes, last)
        probabilities = Concat<axis = 1> (left, right)
    }
    """
    fields = (
        number_field("age", 0.5, 80, "years"), category_field("sex", "female", "male"),
        category_field("alone", "false", "true"),
        number_field("born", -36524, 11322, DAYS),
    )  # fmt: skip
    golden = {
        "age": np.array([29, np.nan, 0.5, 80, 17.25], np.float32),
        "sex": np.array([0, 1, -1, 0, 1]),
        "alone": np.array([0, 1, 1, -1, 0]),
        "born": np.array([-20000, 0, np.nan, 10957.5, 1.25], np.float32),
    }
    signature = make_signature(
        "classification", "probabilities", [2], *fields,
        labels=["no", "yes"], decision={"threshold": 0.6, "positive": 1.0},
    )  # fmt: skip
    return SmallModel(graph, signature, golden)


def prices() -> SmallModel:
    """A value with an interval: 1000 * rooms - 250 euros."""
    graph = """
    prices (float[B] rooms) => (float[B, 1] value) {
        each = Constant<value_float = 1000.0> ()
        fee = Constant<value_float = 250.0> ()
        whole = Mul (rooms, each)
        flat = Sub (whole, fee)
        last = Constant<value_ints = [1]> ()
        value = Unsqueeze (flat, last)
    }
    """
    target = {"name": "price", "kind": "number", "unit": "euros"}
    signature = make_signature(
        "regression", "value", [1], number_field("rooms", 1, 12), target=target,
        decision={"radius": 120.5, "coverage": 0.9},
    )  # fmt: skip
    return SmallModel(graph, signature, {"rooms": np.array([1, 2.5, 12], np.float32)})


def spam() -> SmallModel:
    """Three classes of a text of at most five words, by how many are known and how many are not."""
    graph = """
    spam (int64[B, 5] text) => (float[B, 3] probabilities) {
        one = Constant<value_int = 1> ()
        strange = Equal (text, one)
        known = Greater (text, one)
        strangers = Cast<to = 1> (strange)
        words = Cast<to = 1> (known)
        axis = Constant<value_ints = [1]> ()
        left = ReduceSum (strangers, axis)
        middle = ReduceSum (words, axis)
        codes = Cast<to = 1> (text)
        right = ReduceMax (codes, axis)
        scores = Concat<axis = 1> (left, middle, right)
        probabilities = Softmax<axis = 1> (scores)
    }
    """
    field = {"name": "text", "kind": "text", "dtype": "int64", "shape": [5], "length": 5, "categories": VOCABULARY}
    signature = make_signature("classification", "probabilities", [3], field, labels=["odd", "plain", "late"])
    golden = np.array([[2, 3, 4, 5, 5], [6, 7, 8, 0, 0], [1, 9, 1, 10, 0], [1, 0, 0, 0, 0], [0] * 5])
    return SmallModel(graph, signature, {"text": golden})


def weather() -> SmallModel:
    """Three hours ahead from at most six: the last value, less and more by 1, growing with every step."""
    graph = """
    weather (float[B, 6, 2] window) => (float[B, 3, 2, 3] quantiles) {
        from = Constant<value_ints = [5]> ()
        to = Constant<value_ints = [6]> ()
        axis = Constant<value_ints = [1]> ()
        end = Slice (window, from, to, axis)
        missing = IsNaN (end)
        nothing = Constant<value_float = 0.0> ()
        last = Where (missing, nothing, end)
        deep = Constant<value_ints = [3]> ()
        wide = Unsqueeze (last, deep)
        spread = Constant<value = float[3, 1, 3] {-1, 0, 1, -2, 0, 2, -3, 0, 3}> ()
        quantiles = Add (wide, spread)
    }
    """
    facts = {"kind": "steps", "dtype": "float32", "columns": ["wind", "rain"], "step": "1 h"}
    signature = make_signature(
        "forecasting", "quantiles", [3, 2, 3], {"name": "window", "shape": [6, 2], **facts},
        target={"name": "future", "shape": [3, 2], "unit": "mm", **facts}, levels=[0.1, 0.5, 0.9],
        decision={"radius_1_wind": 0.25, "radius_2_wind": -5.0},
    )  # fmt: skip
    golden = np.random.default_rng(1).normal(size=(4, 6, 2)).astype(np.float32) * 100
    golden[1, :3] = np.nan
    golden[2, 4, 0] = golden[2, 5, 1] = np.nan
    golden[3, :] = np.nan
    return SmallModel(graph, signature, {"window": golden})


def pumps() -> SmallModel:
    """An anomaly score of two numbers and what they should be: the score is the first, the reconstruction rounds."""
    graph = """
    pumps (float[B] flow, float[B] heat) => (float[B, 3] reconstruction) {
        axis = Constant<value_ints = [1]> ()
        nothing = Constant<value_float = 0.0> ()
        dry = IsNaN (flow)
        wet = Where (dry, nothing, flow)
        size = Abs (wet)
        left = Unsqueeze (size, axis)
        whole = Round (wet)
        middle = Unsqueeze (whole, axis)
        cold = IsNaN (heat)
        warm = Where (cold, nothing, heat)
        right = Unsqueeze (warm, axis)
        reconstruction = Concat<axis = 1> (left, middle, right)
    }
    """
    signature = make_signature(
        "anomaly_detection", "reconstruction", [3], number_field("flow", -3, 3, "l/s"),
        number_field("heat", 0, 1e6, "Pa"), decision={"threshold": 2.0}, labels=["sound", "broken"],
    )  # fmt: skip
    golden = {
        "flow": np.array([0.25, -2, 1.99, np.nan], np.float32),
        "heat": np.array([1e6, 0, 3e-3, np.nan], np.float32),
    }
    return SmallModel(graph, signature, golden, scale=(2.0, 2.0, 1e6))


def whistles() -> SmallModel:
    """Two classes of a recording of at most 400 samples, by the last and the highest of them."""
    graph = """
    whistles (int16[B, 400] recording) => (float[B, 2] probabilities) {
        from = Constant<value_ints = [399]> ()
        to = Constant<value_ints = [400]> ()
        axis = Constant<value_ints = [1]> ()
        sound = Cast<to = 1> (recording)
        end = Slice (sound, from, to, axis)
        top = ReduceMax (sound, axis)
        both = Concat<axis = 1> (end, top)
        full = Constant<value_float = 10000.0> ()
        scores = Div (both, full)
        probabilities = Softmax<axis = 1> (scores)
    }
    """
    field = {
        "name": "recording", "kind": "audio", "dtype": "int16", "shape": [400],
        "decode": {"rate": 8000, "media": ["audio/wav", "audio/flac"]},
    }  # fmt: skip
    signature = make_signature("classification", "probabilities", [2], field, labels=["low", "high"])
    golden = (np.random.default_rng(2).normal(size=(4, 400)) * 5000).astype(np.int16)
    golden[1, :300] = golden[2, :399] = -32768  # shorter ones begin with no samples
    golden[3] = 0
    return SmallModel(graph, signature, {"recording": golden})


SMALL_MODELS = {
    make.__name__: make
    for make in (survival, prices, spam, weather, cells, pumps, whistles, photographs, drawn, scenes)
}


@cache
def small_model_of(name: str) -> SmallModel:
    return SMALL_MODELS[name]()


@cache
def build_onnx(name: str) -> bytes:
    model = onnx.parser.parse_model(ONNX_HEADER + small_model_of(name).graph_text)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def predict(name: str, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The output of ONNX Runtime alone."""
    session = onnxruntime.InferenceSession(build_onnx(name), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def build_model_archive(folder: Path, name: str, error: float = 0.0, **changes: Any) -> Path:
    """Build the archive `<folder>/<name>.mar`; `error` is added to the golden outputs, `changes` to the signature."""
    export = folder / f"{name}-export"
    export.mkdir(parents=True)
    model = small_model_of(name)
    output = model.signature["outputs"][0]["name"]
    (export / "model.onnx").write_bytes(build_onnx(name))
    golden = {f"input_{field}": values for field, values in model.golden.items()}
    if model.scale:
        golden["scale"] = np.array(model.scale)
    np.savez(export / "golden.npz", **golden, **{output: predict(name, model.golden) + np.float32(error)})
    hashes = {"model.onnx": hashlib.sha256(build_onnx(name)).hexdigest()}
    signature = {"name": name, **model.signature, "hashes": hashes, **changes}
    (export / "signature.json").write_text(json.dumps(signature, indent=2))
    files = {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}
    build_archive(folder / f"{name}.mar", **{part: export / file for part, file in files.items()})
    return folder / f"{name}.mar"

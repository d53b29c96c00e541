"""Small served model: a logistic regression of scikit-learn's digits, its ONNX graph and its archive."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from serving.archive import build_archive

GOLDEN_ROWS = 16


@lru_cache(maxsize=1)
def load_digit_images() -> tuple[np.ndarray, np.ndarray]:
    """All digits as the project stores them: uint8 (N, 8, 8) from 0 to 255, and their labels."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return np.round(pixels * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), labels


@lru_cache(maxsize=1)
def build_onnx() -> bytes:
    """The ONNX graph: image uint8 (B, 8, 8) -> probabilities float32 (B, 10)."""
    from sklearn.linear_model import LogisticRegression

    pixels, labels = load_digit_images()
    classifier = LogisticRegression(max_iter=200, C=0.05).fit(pixels.reshape(-1, 64) / 255, labels)
    constants = {
        "scale": np.float32(255),
        "flat": np.array([-1, 64]),
        "weight": classifier.coef_.T.astype(np.float32),
        "bias": classifier.intercept_.astype(np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat"], ["row"]),
        helper.make_node("Gemm", ["row", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    body = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def predict(pixels: np.ndarray) -> np.ndarray:
    """The probabilities that ONNX Runtime alone gives for images uint8 (B, 8, 8)."""
    session = onnxruntime.InferenceSession(build_onnx(), providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"image": pixels})[0]


def export_model(folder: Path, name: str = "digits", golden_error: float = 0.0) -> dict[str, Path]:
    """Write what the export stage writes; `golden_error` is added to the golden outputs."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        part: folder / file
        for part, file in {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}.items()
    }
    files["model"].write_bytes(build_onnx())
    golden = load_digit_images()[0][:GOLDEN_ROWS]
    np.savez(files["golden"], input_image=golden, probabilities=predict(golden) + np.float32(golden_error))
    decode = {"mode": "L", "media": ["image/png", "image/jpeg"]}
    field = {"name": "image", "kind": "image", "dtype": "uint8", "shape": [8, 8], "range": [0, 255], "decode": decode}
    signature = {
        "name": name,
        "version": "1.0",
        "task": "classification",
        "title": "Handwritten digits",
        "inputs": [{**field, "unit": "grey level", "categories": []}],
        "outputs": [{"name": "probabilities", "dtype": "float32", "shape": [10]}],
        "labels": [str(digit) for digit in range(10)],
        "tolerance": 1e-5,
        "hashes": {"model.onnx": hashlib.sha256(build_onnx()).hexdigest()},
    }
    files["signature"].write_text(json.dumps(signature, indent=2))
    return files


def build_model_archive(folder: Path, name: str = "digits", golden_error: float = 0.0) -> Path:
    """Build the archive; returns its path, `<folder>/<name>.mar`."""
    path = folder / f"{name}.mar"
    build_archive(path, **export_model(folder / f"{name}-export", name, golden_error))
    return path

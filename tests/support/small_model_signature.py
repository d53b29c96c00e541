"""Parts of a small served model: its graph, its signature and its golden inputs."""

from typing import Any, NamedTuple

import numpy as np

MEDIA_TYPES = ["image/png", "image/jpeg"]


class SmallModel(NamedTuple):
    """A graph in ONNX's text form, its signature and its golden inputs."""

    graph_text: str
    signature: dict[str, Any]
    golden: dict[str, np.ndarray]  # inputs by field
    scale: tuple[float, ...] = ()  # what differences are measured against; () for serving's own choice


def number_field(name: str, low: float, high: float, unit: str = "") -> dict[str, Any]:
    return {"name": name, "kind": "number", "dtype": "float32", "shape": [], "range": [low, high], "unit": unit}


def category_field(name: str, *categories: str) -> dict[str, Any]:
    return {"name": name, "kind": "category", "dtype": "int64", "shape": [], "categories": list(categories)}


def image_field(name: str, *shape: int, mode: str = "L") -> dict[str, Any]:
    decode = {"mode": mode, "media": MEDIA_TYPES}
    facts = {"kind": "image", "dtype": "uint8", "range": [0, 255], "unit": "grey level", "decode": decode}
    return {"name": name, "shape": list(shape), **facts}


def make_signature(task: str, output: str, shape: list[int], *inputs: dict[str, Any], **more: Any) -> dict[str, Any]:
    outputs = [{"name": output, "dtype": "float32", "shape": shape}]
    plain = {"version": "1.0", "title": task, "labels": [], "tolerance": 1e-5}
    return {"task": task, **plain, "inputs": list(inputs), "outputs": outputs, **more}

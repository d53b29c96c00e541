"""A stem's exported graphs, compared with the stem itself."""

import io
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from pipelines.exporting.graphs import (
    example_tensors,
    hide_torchscript_warnings,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
)


class Variadic(torch.nn.Module):
    """What is exported takes its columns in order, as the whole model does."""

    def __init__(self, stem: Any) -> None:
        super().__init__()
        self.stem = stem

    def forward(self, *columns: Tensor) -> Tensor:
        features: Tensor = self.stem(*columns)
        return features


def compare_graphs(stem: Any, columns: tuple[np.ndarray, ...]) -> None:
    """Assert that ONNX and TorchScript compute the stem's features of the first 1, 2 and 5 rows."""
    example = example_tensors(columns)
    names = [f"column_{number}" for number in range(len(columns))]
    session = onnxruntime.InferenceSession(onnx_bytes(onnx_graph(Variadic(stem).eval(), example, names, "features")))
    with hide_torchscript_warnings():
        script = torch.jit.load(io.BytesIO(torchscript_bytes(Variadic(stem).eval(), example)))
    for rows in (1, 2, 5):
        some = tuple(torch.from_numpy(np.ascontiguousarray(values[:rows])) for values in columns)
        eager = stem(*some)
        torch.testing.assert_close(script(*some), eager, rtol=0, atol=1e-6)
        (features,) = session.run(["features"], dict(zip(names, (one.numpy() for one in some), strict=True)))
        torch.testing.assert_close(torch.from_numpy(features), eager.detach(), rtol=0, atol=1e-5)

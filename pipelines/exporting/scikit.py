"""A scikit-learn champion as one ONNX graph: stem by PyTorch, estimator by skl2onnx, reply by PyTorch.

Shapes: B batch, F features, S classes seen in training, O outputs.
"""

from collections.abc import Sequence

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from models.scikit import FLOOR, ScikitClassifier
from models.stems import Model
from pipelines.exporting.graphs import OUTPUT, onnx_graph

ESTIMATOR_OPERATORS = 3  # of the domain ai.onnx.ml: the newest in which skl2onnx writes all it can write


class _Stem(nn.Module):
    """The stem alone: (B, ...) raw columns -> (B, F)."""

    def __init__(self, stem: nn.Module) -> None:
        super().__init__()
        self.stem = stem

    def forward(self, *inputs: Tensor) -> Tensor:
        features: Tensor = self.stem(*inputs)
        return features


class _Reply(nn.Module):
    """From the estimator's probabilities (B, S) to the reply (B, O), as `ScikitClassifier` and the task do it."""

    place: Tensor  # (S, O): 1 where a seen class stands among the outputs

    def __init__(self, classes: Sequence[int], outputs: int, reply: nn.Module) -> None:
        super().__init__()
        place = torch.zeros(len(classes), outputs)
        place[torch.arange(len(classes)), torch.as_tensor(classes)] = 1
        self.register_buffer("place", place)
        self.reply = reply

    def forward(self, *inputs: Tensor) -> Tensor:
        (seen,) = inputs
        answer: Tensor = self.reply((seen @ self.place).clamp(FLOOR, 1.0).log())
        return answer


def scikit_graph(model: Model, reply: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str]) -> onnx.ModelProto:
    """Convert a model whose network is a solved `ScikitClassifier` to one ONNX graph.

    Args:
        model: on the CPU.
        reply: the task's last step, log-probabilities (B, O) -> what is served.
        example: two or more rows of each input.
        inputs: the inputs' names.
    """
    network = model.network
    assert isinstance(network, ScikitClassifier)
    stem = onnx_graph(_Stem(model.stem).eval(), example, inputs, "features")
    with torch.no_grad():
        features = model.stem(*example)
    classes = [int(number) for number in network.estimator.classes_]
    seen = torch.full((len(features), len(classes)), 1 / len(classes))
    last = onnx_graph(_Reply(classes, network.outputs, reply).eval(), (seen,), ["seen"])
    estimator = _estimator_graph(network, features.shape[1], stem)
    front = compose.merge_models(
        stem,
        compose.add_prefix(estimator, "estimator/"),
        [("features", "estimator/features")],
        outputs=["estimator/probabilities"],
    )
    whole = compose.merge_models(front, compose.add_prefix(last, "reply/"), [("estimator/probabilities", "reply/seen")])
    (answer,) = whole.graph.output
    for node in whole.graph.node:
        node.output[:] = [OUTPUT if name == answer.name else name for name in node.output]
    answer.name = OUTPUT
    return whole


def _estimator_graph(network: ScikitClassifier, features: int, like: onnx.ModelProto) -> onnx.ModelProto:
    """The estimator by skl2onnx, features (B, F) -> probabilities (B, S), of the same ONNX version as `like`."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    (standard,) = [entry.version for entry in like.opset_import if entry.domain == ""]
    graph: onnx.ModelProto = to_onnx(
        network.estimator,
        initial_types=[("features", FloatTensorType([None, features]))],
        options={id(network.estimator): {"zipmap": False}},  # one array, not a dictionary per row
        target_opset={"": standard, "ai.onnx.ml": ESTIMATOR_OPERATORS},
    )
    versions = {entry.domain: entry.version for entry in graph.opset_import}  # skl2onnx may list one twice
    del graph.opset_import[:]
    graph.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in sorted(versions.items()))
    graph.ir_version = like.ir_version
    graph.doc_string = ""
    return graph

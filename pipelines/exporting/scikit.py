"""A scikit-learn champion as one ONNX graph: stem by PyTorch, estimator by skl2onnx, finish and reply by PyTorch.

Shapes: B batch, F features, S classes seen in training, O outputs.
"""

from collections.abc import Sequence
from typing import Any

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from models.blocks.scikit import FLOOR, ScikitModel, answers_with_classes
from models.stems import Model
from pipelines.exporting.graphs import onnx_graph

FEATURES, SEEN, REPLY = "(features)", "(seen)", "(reply)"  # names that no column has
ESTIMATOR_OPERATORS = 3  # of the domain ai.onnx.ml: the newest in which skl2onnx writes all it can write


class _Stem(nn.Module):
    """The stem alone: (B, ...) raw columns -> (B, F)."""

    def __init__(self, stem: nn.Module) -> None:
        super().__init__()
        self.stem = stem

    def forward(self, *inputs: Tensor) -> Tensor:
        features: Tensor = self.stem(*inputs)
        return features


class _LogProbabilities(nn.Module):
    """From a classifier's probabilities (B, S) to log-probabilities (B, O), as `ScikitModel` has them."""

    place: Tensor  # (S, O): 1 where a seen class stands among the outputs

    def __init__(self, classes: Sequence[int], outputs: int) -> None:
        super().__init__()
        place = torch.zeros(len(classes), outputs)
        place[torch.arange(len(classes)), torch.as_tensor(classes)] = 1
        self.register_buffer("place", place)

    def forward(self, seen: Tensor) -> Tensor:
        return (seen @ self.place).clamp(FLOOR, 1.0).log()


class _Rest(nn.Module):
    """From what the estimator answers and the raw columns to the reply."""

    def __init__(self, scores: nn.Module, model: Model, reply: nn.Module) -> None:
        super().__init__()
        self.scores = scores
        self.finish = model.finish
        self.reply = reply

    def forward(self, *answered: Tensor) -> Tensor:
        seen, *inputs = answered
        answer: Tensor = self.reply(self.finish(self.scores(seen), *inputs))
        return answer


def scikit_graph(
    model: Model, reply: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], output: str
) -> onnx.ModelProto:
    """Convert a model whose network is a solved `ScikitModel` to one ONNX graph.

    Args:
        model: on the CPU.
        reply: the task's last step, finished outputs (B, ...) -> what is served.
        example: two or more rows of each input.
        inputs: the inputs' names.
        output: the answer's name.
    """
    network = model.network
    assert isinstance(network, ScikitModel)
    stem = onnx_graph(_Stem(model.stem).eval(), example, inputs, FEATURES)
    with torch.no_grad():
        features = model.stem(*example)
    estimator = _estimator_graph(network.estimator, features.shape[1], stem)
    whole = compose.merge_models(
        stem,
        compose.add_prefix(estimator, "estimator/"),
        [(FEATURES, "estimator/features")],
        outputs=["estimator/answer"],
    )
    if answers_with_classes(network.estimator):
        classes = [int(number) for number in network.estimator.classes_]
        scores: nn.Module = _LogProbabilities(classes, network.outputs)
        seen = torch.full((len(features), len(classes)), 1 / len(classes))
    else:
        scores = nn.Identity()
        seen = torch.zeros(len(features), network.outputs)
    rest = onnx_graph(_Rest(scores, model, reply).eval(), (seen, *example), [SEEN, *inputs], REPLY)
    return _joined(whole, rest, inputs, output)


def _joined(front: onnx.ModelProto, rest: onnx.ModelProto, inputs: Sequence[str], output: str) -> onnx.ModelProto:
    """Let the rest read what the front answers, and the same raw columns as the front."""
    whole = compose.merge_models(front, compose.add_prefix(rest, "rest/"), [("estimator/answer", f"rest/{SEEN}")])
    names = {f"rest/{REPLY}": output, **{f"rest/{name}": name for name in inputs}}
    for node in whole.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    asked = [entry for entry in whole.graph.input if entry.name not in names]
    del whole.graph.input[:]
    whole.graph.input.extend(asked)
    (answer,) = whole.graph.output
    answer.name = output
    return whole


def _estimator_graph(estimator: Any, features: int, like: onnx.ModelProto) -> onnx.ModelProto:
    """The estimator by skl2onnx, features (B, F) -> answer: probabilities (B, S) or numbers (B, O).

    Args:
        estimator: solved.
        like: a graph of the ONNX version to write.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    (standard,) = [entry.version for entry in like.opset_import if entry.domain == ""]
    classifier = answers_with_classes(estimator)
    graph: onnx.ModelProto = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, features]))],
        options={id(estimator): {"zipmap": False}} if classifier else None,  # one array, not a dictionary per row
        target_opset={"": standard, "ai.onnx.ml": ESTIMATOR_OPERATORS},
    )
    versions = {entry.domain: entry.version for entry in graph.opset_import}  # skl2onnx may list one twice
    del graph.opset_import[:]
    graph.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in sorted(versions.items()))
    graph.ir_version = like.ir_version
    graph.doc_string = ""
    answer = graph.graph.output[-1]  # of a classifier, the label comes first
    for node in graph.graph.node:
        node.output[:] = ["answer" if name == answer.name else name for name in node.output]
        node.input[:] = ["answer" if name == answer.name else name for name in node.input]
    answer.name = "answer"
    return graph

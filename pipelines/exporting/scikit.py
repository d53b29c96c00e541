"""A scikit-learn champion as one ONNX graph: stem, output transform and postprocess by PyTorch, estimator by skl2onnx.

    raw columns --> stem --(features)--> estimator --estimator/answer--> output transform --> postprocess --> output
         |          PyTorch              skl2onnx                         PyTorch, prefix "rest/"
         +------------------ the same raw columns --------------------------^

Three graphs are merged twice. The output transform reads raw columns too (a forecast adds the last value), so the
second merge leaves two inputs per column, `name` and `rest/name`; they become one by renaming the nodes' inputs.

Shapes: B batch, F features, S classes seen in training, O outputs.
"""

from collections.abc import Sequence
from typing import Any

import onnx
import torch
from onnx import compose
from torch import Tensor, nn

from models.blocks.scikit import MIN_PROBABILITY, ScikitModel, is_sklearn_classifier
from models.stems import Model
from pipelines.exporting.graphs import onnx_graph

FEATURES_NAME, ESTIMATOR_OUTPUT_NAME, PREDICTIONS_NAME = (
    "(features)",
    "(estimator)",
    "(predictions)",
)  # names that no column has
ML_OPSET_VERSION = 3  # of the domain ai.onnx.ml: the newest in which skl2onnx writes all it can write


class _StemOnly(nn.Module):
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

    def forward(self, probabilities: Tensor) -> Tensor:
        return (probabilities @ self.place).clamp(MIN_PROBABILITY, 1.0).log()


class _AfterEstimator(nn.Module):
    """Output transform and postprocess: (the estimator's output, *raw columns) -> predictions."""

    def __init__(self, scores: nn.Module, model: Model, postprocess: nn.Module) -> None:
        super().__init__()
        self.scores = scores
        self.output_transform = model.output_transform
        self.postprocess = postprocess

    def forward(self, *tensors: Tensor) -> Tensor:
        estimator_output, *inputs = tensors
        predictions: Tensor = self.postprocess(self.output_transform(self.scores(estimator_output), *inputs))
        return predictions


def scikit_graph(
    model: Model, postprocess: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], output: str
) -> onnx.ModelProto:
    """Convert a model whose network is a fitted `ScikitModel` to one ONNX graph.

    Args:
        model: on the CPU.
        postprocess: the task's last module, outputs in the target's units (B, ...) -> predictions.
        example: two or more rows of each input.
        inputs: the inputs' names.
        output: the name of the predictions.
    """
    network = model.network
    assert isinstance(network, ScikitModel)
    stem = onnx_graph(_StemOnly(model.stem).eval(), example, inputs, FEATURES_NAME)
    with torch.no_grad():
        features = model.stem(*example)
    estimator = _estimator_graph(network.estimator, features.shape[1], stem)
    stem_and_estimator = compose.merge_models(
        stem,
        compose.add_prefix(estimator, "estimator/"),
        [(FEATURES_NAME, "estimator/features")],
        outputs=["estimator/answer"],
    )
    if is_sklearn_classifier(network.estimator):
        classes = [int(number) for number in network.estimator.classes_]
        scores: nn.Module = _LogProbabilities(classes, network.outputs)
        estimator_output = torch.full((len(features), len(classes)), 1 / len(classes))
    else:
        scores = nn.Identity()
        estimator_output = torch.zeros(len(features), network.outputs)
    after_estimator = onnx_graph(
        _AfterEstimator(scores, model, postprocess).eval(),
        (estimator_output, *example),
        [ESTIMATOR_OUTPUT_NAME, *inputs],
        PREDICTIONS_NAME,
    )
    return _merge_graphs(stem_and_estimator, after_estimator, inputs, output)


def _merge_graphs(
    stem_and_estimator: onnx.ModelProto, after_estimator: onnx.ModelProto, inputs: Sequence[str], output: str
) -> onnx.ModelProto:
    """Join two graphs: the second reads the estimator's output and the same raw columns as the first."""
    merged = compose.merge_models(
        stem_and_estimator,
        compose.add_prefix(after_estimator, "rest/"),
        [("estimator/answer", f"rest/{ESTIMATOR_OUTPUT_NAME}")],
    )
    names = {f"rest/{PREDICTIONS_NAME}": output, **{f"rest/{name}": name for name in inputs}}
    for node in merged.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    graph_inputs = [entry for entry in merged.graph.input if entry.name not in names]
    del merged.graph.input[:]
    merged.graph.input.extend(graph_inputs)
    (graph_output,) = merged.graph.output
    graph_output.name = output
    return merged


def _estimator_graph(estimator: Any, features: int, opset_source: onnx.ModelProto) -> onnx.ModelProto:
    """The estimator by skl2onnx, features (B, F) -> probabilities (B, S) or numbers (B, O).

    Args:
        estimator: fitted.
        opset_source: a graph of the ONNX version to write.
    """
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    (onnx_opset,) = [entry.version for entry in opset_source.opset_import if entry.domain == ""]
    is_classifier = is_sklearn_classifier(estimator)
    graph: onnx.ModelProto = to_onnx(
        estimator,
        initial_types=[("features", FloatTensorType([None, features]))],
        options={id(estimator): {"zipmap": False}} if is_classifier else None,  # one array, not a dictionary per row
        target_opset={"": onnx_opset, "ai.onnx.ml": ML_OPSET_VERSION},
    )
    versions = {entry.domain: entry.version for entry in graph.opset_import}  # skl2onnx may list one twice
    del graph.opset_import[:]
    graph.opset_import.extend(onnx.helper.make_opsetid(domain, version) for domain, version in sorted(versions.items()))
    graph.ir_version = opset_source.ir_version
    graph.doc_string = ""
    graph_output = graph.graph.output[-1]  # of a classifier, the label comes first
    for node in graph.graph.node:
        node.output[:] = ["answer" if name == graph_output.name else name for name in node.output]
        node.input[:] = ["answer" if name == graph_output.name else name for name in node.input]
    graph_output.name = "answer"
    return graph

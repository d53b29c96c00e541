"""The export folder: everything that is needed to serve a champion, written and proven.

model.onnx, model.pt (not for a scikit-learn champion), golden.npz, parity.json, signature.json.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.scikit import ScikitClassifier
from models.stems import Model
from pipelines.exporting import parity
from pipelines.exporting.graphs import Served, described, example_tensors, onnx_bytes, onnx_graph, torchscript
from pipelines.exporting.scikit import scikit_graph
from pipelines.exporting.signature import Champion, golden_rows, write_golden, write_signature
from pipelines.running.files import write_bytes, write_json
from pipelines.sources.schema import Schema
from pipelines.tasks import Task


def export_onnx(model: Model, reply: nn.Module, schema: Schema, example: Sequence[NDArray[Any]], path: Path) -> None:
    """Write stem -> network -> reply as one ONNX file: raw columns by name in, `probabilities` out.

    Args:
        model: on the CPU; its network may be scikit-learn's.
        reply: the task's last step, outputs (B, O) -> what is served.
        example: some rows of every raw column; only their types and shapes matter.
    """
    names = [field.name for field in schema.inputs]
    tensors = example_tensors(example)
    if isinstance(model.network, ScikitClassifier):
        graph = scikit_graph(model, reply, tensors, names)
    else:
        graph = onnx_graph(Served(model, reply), tensors, names)
    facts = {
        "title": schema.title,
        "origin": schema.origin,
        "licence": schema.licence,
        "labels": json.dumps(schema.target.categories, ensure_ascii=False),
    }
    write_bytes(path, onnx_bytes(described(graph, facts)))


def export_torchscript(model: Model, reply: nn.Module, example: Sequence[NDArray[Any]], path: Path) -> None:
    """Write stem -> network -> reply as one TorchScript file: raw columns in order in, the reply out.

    Args:
        model: on the CPU; a network, because scikit-learn's arithmetic cannot be recorded.
    """
    write_bytes(path, torchscript(Served(model, reply), example_tensors(example)))


def export(
    folder: Path,
    model: Model,
    task: Task,
    schema: Schema,
    inputs: Sequence[NDArray[Any]],
    targets: NDArray[Any],
    *,
    name: str,
    champion: Champion,
) -> dict[str, Any]:
    """Fill the export folder of a problem.

    Args:
        model: on the CPU.
        inputs: raw columns of the whole test part, (N, ...) each.
        targets: (N, ...), to choose golden examples of several classes.
        name: the problem's.

    Returns:
        What parity.json holds.

    Raises:
        Mismatch: if an exported graph does not answer as the model does.
    """
    served = Served(model, task.reply())
    rows = golden_rows(targets)
    golden = tuple(np.array(values[rows]) for values in inputs)
    export_onnx(model, served.reply, schema, golden, folder / "model.onnx")
    runtimes: dict[str, parity.Runtime] = {}
    if not isinstance(model.network, ScikitClassifier):
        export_torchscript(model, served.reply, golden, folder / "model.pt")
        runtimes["torchscript"] = parity.torchscript_runtime(folder / "model.pt")
    runtimes["onnx"] = parity.onnx_runtime(folder / "model.onnx")
    report = parity.measure(served, runtimes, inputs, schema.target.categories)
    write_json(folder / "parity.json", report)
    replies = parity.eager_replies(served, golden)
    write_golden(folder / "golden.npz", schema, golden, replies)
    write_signature(
        folder,
        name=name,
        task=task.name,
        schema=schema,
        champion=champion,
        reply=replies.shape[1:],
        tolerance=parity.TOLERANCE,
    )
    return report

"""The export folder: all that is needed to serve a champion, written and checked for parity.

model.onnx, model.pt (not for a scikit-learn champion), golden.npz, parity.json, signature.json.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.blocks.scikit import ScikitModel
from models.stems import Model
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.exporting import parity
from pipelines.exporting.graphs import (
    ExportModule,
    example_tensors,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
    with_metadata,
)
from pipelines.exporting.scikit import scikit_graph
from pipelines.exporting.signature import ChampionSummary, golden_rows, write_golden, write_signature
from pipelines.runtime.files import write_bytes, write_json
from pipelines.tasks import Calibration, Task
from pipelines.tasks.model_inputs import model_inputs


def export_onnx(
    model: Model, postprocess: nn.Module, task: Task, schema: Schema, example: Sequence[NDArray[Any]], path: Path
) -> None:
    """Write stem -> network -> output transform -> postprocess as one ONNX file; inputs and output have names.

    Args:
        model: on the CPU; its network may be scikit-learn's.
        postprocess: the task's, with what was chosen on validation.
        example: some rows of every input; only their types and shapes matter.
    """
    names = [field.name for field in task.input_fields]
    tensors = example_tensors(example)
    if isinstance(model.network, ScikitModel):
        graph = scikit_graph(model, postprocess, tensors, names, task.output_name)
    else:
        graph = onnx_graph(ExportModule(model, postprocess), tensors, names, task.output_name)
    metadata = {
        "title": schema.title,
        "origin": schema.origin,
        "licence": schema.licence,
        "labels": json.dumps(schema.target.categories, ensure_ascii=False),
    }
    write_bytes(path, onnx_bytes(with_metadata(graph, metadata)))


def prediction_shape(model: Model, postprocess: nn.Module, example: Sequence[NDArray[Any]]) -> tuple[int, ...]:
    """The shape of one example's prediction."""
    with torch.no_grad():
        predictions: torch.Tensor = ExportModule(model, postprocess)(*example_tensors(example))
    return tuple(predictions.shape[1:])


def export_torchscript(model: Model, postprocess: nn.Module, example: Sequence[NDArray[Any]], path: Path) -> None:
    """Write stem -> network -> output transform -> postprocess as one TorchScript file; inputs are in order.

    Args:
        model: on the CPU; a network, because scikit-learn's arithmetic cannot be recorded.
    """
    write_bytes(path, torchscript_bytes(ExportModule(model, postprocess), example_tensors(example)))


def export_champion(
    folder: Path,
    model: Model,
    task: Task,
    schema: Schema,
    test: Part,
    *,
    name: str,
    champion: ChampionSummary,
    calibration: Calibration,
) -> dict[str, Any]:
    """Fill the export folder of a problem.

    Args:
        model: on the CPU.
        test: the whole test part.
        name: the problem's.
        calibration: what was chosen on validation for this model.

    Returns:
        What parity.json holds.

    Raises:
        ParityError: if an exported graph's predictions differ from the model's.
    """
    export_module = ExportModule(model, task.postprocess(calibration))
    inputs = model_inputs(task, test)
    rows = golden_rows(test.target)
    golden = tuple(np.array(values[rows]) for values in inputs)
    export_onnx(model, export_module.postprocess, task, schema, golden, folder / "model.onnx")
    runtimes: dict[str, parity.Runtime] = {}
    if not isinstance(model.network, ScikitModel):
        export_torchscript(model, export_module.postprocess, golden, folder / "model.pt")
        runtimes["torchscript"] = parity.torchscript_runtime(folder / "model.pt")
    runtimes["onnx"] = parity.onnx_runtime(folder / "model.onnx")
    labels, min_scale = task.output_labels, task.min_output_scale()
    report = parity.check_parity(export_module, runtimes, inputs, labels, min_scale=min_scale)
    write_json(folder / "parity.json", report)
    predictions = parity.eager_predictions(export_module, inputs)
    scale = parity.output_scales(predictions, absolute=bool(labels), min_scale=min_scale)
    write_golden(folder / "golden.npz", task.input_fields, golden, task.output_name, predictions[rows], scale)
    write_signature(
        folder,
        name=name,
        task=task,
        schema=schema,
        champion=champion,
        prediction_shape=predictions.shape[1:],
        tolerance=parity.TOLERANCE,
        calibration=calibration,
    )
    return report

"""A contender as one ONNX file: stem -> network -> output transform -> postprocess, from raw columns to predictions."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import nn

from models.blocks.averaged_model import TrainedNetwork
from pipelines.data.schema import Schema
from pipelines.exporting.graphs import ExportModule, example_tensors, onnx_bytes, onnx_graph, with_metadata
from pipelines.runtime.files import write_bytes
from pipelines.tasks import Task


def export_onnx(
    model: TrainedNetwork,
    postprocess: nn.Module,
    task: Task,
    schema: Schema,
    example: Sequence[NDArray[Any]],
    path: Path,
) -> None:
    """Write the ONNX file of a trained model; inputs and output have names.

    Args:
        model: on the CPU.
        postprocess: the task's, with what was chosen on validation.
        example: some rows of every input; only their types and shapes matter.
    """
    names = [field.name for field in task.input_fields]
    graph = onnx_graph(ExportModule(model, postprocess), example_tensors(example), names, task.output_name)
    metadata = {
        "title": schema.title,
        "origin": schema.origin,
        "licence": schema.licence,
        "labels": json.dumps(schema.target.categories, ensure_ascii=False),
    }
    write_bytes(path, onnx_bytes(with_metadata(graph, metadata)))

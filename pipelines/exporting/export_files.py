"""The export folder: all that is needed to serve a champion, written and checked for parity.

model.onnx, model.pt, golden.npz, parity.json, signature.json.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.blocks.averaged_model import TrainedNetwork
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.exporting import parity
from pipelines.exporting.graphs import ExportModule, example_tensors, torchscript_bytes
from pipelines.exporting.signature import ChampionSummary, golden_rows, write_golden, write_signature
from pipelines.runtime.files import write_bytes, write_json
from pipelines.tasks import Calibration, Task
from pipelines.tasks.model_inputs import model_inputs


def export_torchscript(
    model: TrainedNetwork, postprocess: nn.Module, example: Sequence[NDArray[Any]], path: Path
) -> None:
    """Write stem -> network -> output transform -> postprocess as one TorchScript file; inputs are in order.

    Args:
        model: on the CPU.
    """
    write_bytes(path, torchscript_bytes(ExportModule(model, postprocess), example_tensors(example)))


def export_champion(
    folder: Path,
    model: TrainedNetwork,
    task: Task,
    schema: Schema,
    test: Part,
    *,
    onnx_file: Path,
    name: str,
    champion: ChampionSummary,
    calibration: Calibration,
) -> dict[str, Any]:
    """Fill the export folder of a problem.

    Args:
        model: on the CPU.
        onnx_file: the model as ONNX, as the evaluation wrote it.
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
    write_bytes(folder / "model.onnx", onnx_file.read_bytes())
    export_torchscript(model, export_module.postprocess, golden, folder / "model.pt")
    runtimes = {
        "torchscript": parity.torchscript_runtime(folder / "model.pt"),
        "onnx": parity.onnx_runtime(folder / "model.onnx"),
    }
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

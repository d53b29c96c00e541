"""An ONNX file as an MLflow model, which anything with MLflow and ONNX Runtime can load.

No code of this project is needed for that: raw columns go in, predictions come out.

Shapes: N example rows, O outputs.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.tracking.store import TrackingStore

PIP_REQUIREMENTS = (
    "numpy",
    "onnx",
    "onnxruntime",
)  # to load the model; listed, or MLflow would start a process to guess


class TensorInfo(NamedTuple):
    """An input or output of a graph: its name, and what one row of it is."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class OnnxFile(NamedTuple):
    """A graph with its signature and an example."""

    path: Path  # of the .onnx file
    inputs: Sequence[TensorInfo]
    outputs: Sequence[TensorInfo]
    example: Mapping[str, NDArray[Any]]  # input name -> rows, (N, ...), N at least 2


def log_model(
    store: TrackingStore,
    experiment: str,
    name: str,
    onnx_file: OnnxFile,
    *,
    run: str | None = None,
    tags: Mapping[str, str],
) -> str:
    """Log the graph as a model of the experiment and, if one is given, of the run; returns the model's id."""
    import mlflow.onnx
    import onnx
    from mlflow.entities import LoggedModelOutput
    from mlflow.models import Model

    client = store.client
    logged = client.create_logged_model(experiment, name=name, source_run_id=run, tags=dict(tags))
    with TemporaryDirectory() as folder:
        model_folder = Path(folder, "model")
        mlflow.onnx.save_model(
            onnx.load(onnx_file.path),
            str(model_folder),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                run_id=run,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
            ),
            signature=_model_signature(onnx_file),
            input_example=dict(onnx_file.example),
            pip_requirements=[f"{library}=={version(library)}" for library in PIP_REQUIREMENTS],
            onnx_execution_providers=["CPUExecutionProvider"],
            save_as_external_data=False,
        )
        client.log_model_artifacts(logged.model_id, str(model_folder))
    client.finalize_logged_model(logged.model_id, "READY")
    if run is not None:
        client.log_outputs(run, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def _model_signature(onnx_file: OnnxFile) -> Any:
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    inputs, outputs = (
        Schema([TensorSpec(np.dtype(tensor.dtype), (-1, *tensor.shape), tensor.name) for tensor in tensors])
        for tensors in (onnx_file.inputs, onnx_file.outputs)
    )
    return ModelSignature(inputs, outputs)

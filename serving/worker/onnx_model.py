"""ONNX model: model.onnx in an ONNX Runtime session."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime
from numpy.typing import NDArray

from serving.worker.integrity import InvalidArchive
from serving.worker.signature import Signature


class OnnxModel:
    """An ONNX Runtime session on one CPU thread, which sleeps when idle because workers share the cores.

    Raises:
        InvalidArchive: the file cannot be loaded, or its inputs and outputs are not those of the signature.
    """

    def __init__(self, path: Path, signature: Signature) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no base class but Exception
            raise InvalidArchive(f"{path.name} cannot be loaded by ONNX Runtime: {error}") from error
        self.output_names = [output.name for output in signature.outputs]
        self._check_names("inputs", {field.name for field in signature.inputs}, self.session.get_inputs())
        self._check_names("outputs", set(self.output_names), self.session.get_outputs())

    @staticmethod
    def _check_names(what: str, expected: set[str], nodes: Any) -> None:
        found = {node.name for node in nodes}
        if not expected <= found or (what == "inputs" and expected != found):
            raise InvalidArchive(
                f"model.onnx: the {what} in signature.json are {sorted(expected)}, the graph has {sorted(found)}; "
                "export the model again"
            )

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Run a batch: arrays (B, ...) by input name -> arrays (B, ...) by output name."""
        return dict(zip(self.output_names, self.session.run(self.output_names, dict(inputs)), strict=True))

"""Export of one graph, from raw columns to predictions, as ONNX and as TorchScript.

Both are made from the same module in evaluation mode: stem -> network -> output transform ->
postprocess. What is written holds no date and no path of the machine, and the same weights give the same bytes.

Shapes: B batch, chosen anew by every call of what is exported.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.jit._trace import TracerWarning

from models.blocks.averaged_model import TrainedNetwork

OPSET = 18  # of ONNX's operators
EXAMPLE_ROWS = 3  # of the example a graph is recorded with: an axis of 1 would be taken for a constant


class ExportModule(nn.Module):
    """The exported module: forward(*raw columns) -> predictions, each (B, ...), in evaluation mode."""

    def __init__(self, model: TrainedNetwork, postprocess: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.postprocess = postprocess
        self.eval()

    def forward(self, *inputs: Tensor) -> Tensor:
        predictions: Tensor = self.postprocess(self.model(*inputs))
        return predictions


def example_tensors(example: Sequence[NDArray[Any]]) -> tuple[Tensor, ...]:
    """`EXAMPLE_ROWS` rows of each column, repeating them where there are fewer; on the CPU."""
    return tuple(torch.from_numpy(np.resize(values, (EXAMPLE_ROWS, *values.shape[1:]))) for values in example)


def onnx_graph(module: nn.Module, example: tuple[Tensor, ...], inputs: Sequence[str], output: str) -> onnx.ModelProto:
    """Convert a module on the CPU to ONNX, with inputs and output of these names and a batch axis of any size.

    Args:
        module: called with one tensor per input; in evaluation mode.
        example: two or more rows of each input.
    """
    content = io.BytesIO()
    with _hide_exporter_warnings(), torch.no_grad():
        torch.onnx.export(
            module,
            example,
            content,  # type: ignore[arg-type]  # it takes a stream, which only its annotation leaves out
            dynamo=False,  # by recording, as TorchScript is: tens of times faster (decision 43)
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_axes={name: {0: "batch"} for name in (*inputs, output)},
        )
    graph = onnx.load_from_string(content.getvalue())
    _strip_metadata(graph)
    return graph


def torchscript_bytes(module: nn.Module, example: tuple[Tensor, ...]) -> bytes:
    """Record a module on the CPU as TorchScript: the content of a `.pt` file for `torch.jit.load`.

    A fresh process always gives the same bytes; a process that has recorded others before numbers
    PyTorch's internal class names on.
    """
    with hide_torchscript_warnings(), torch.no_grad():
        # PyTorch's own check knows no units; parity.py compares every row, in the output's own.
        traced_module = torch.jit.trace(module, example, check_trace=False)  # type: ignore[no-untyped-call]  # so are all of torch.jit
        content = io.BytesIO()
        torch.jit.save(traced_module, content)
    return _repack_archive(content.getvalue())


@contextmanager
def hide_torchscript_warnings() -> Iterator[None]:
    """Hide that TorchScript is deprecated: TorchServe loads it, and torch is pinned to a version that has it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        # PyTorch's LSTM compares sizes that are the same in every call.
        warnings.filterwarnings("ignore", category=TracerWarning, module=r"torch\.nn\.modules\.rnn")
        yield


@contextmanager
def _hide_exporter_warnings() -> Iterator[None]:
    """Hide what the exporter warns of; what it cannot convert raises, and parity.py compares every row."""
    with hide_torchscript_warnings():
        # It is deprecated, as TorchScript is, and says so in many places; torch is pinned to a version that has it.
        warnings.simplefilter("ignore", DeprecationWarning)
        # The states that a recurrent layer starts from are made anew for every batch.
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size other than 1", UserWarning)
        # What it leaves to be computed, of a padding's sides, is so little that nobody needs to know.
        warnings.filterwarnings("ignore", "Constant folding - Only steps=1 can be constant folded", UserWarning)
        yield


def _strip_metadata(message: Any) -> None:
    """Remove what the exporter noted beside the graph, in all of it: source lines with paths of the machine."""
    for field, value in message.ListFields():
        if field.name in ("metadata_props", "doc_string"):
            message.ClearField(field.name)
        elif field.type == field.TYPE_MESSAGE:
            for part in value if isinstance(value, Sequence) else [value]:
                _strip_metadata(part)


DEBUG_RECORDS = re.compile(r"\.debug_pkl$|/\.data/serialization_id$|/traced_inputs(\.pkl$|/)")
# debug_pkl: source lines with paths of the machine; the id follows from them; traced_inputs: of the example.


def _repack_archive(archive: bytes) -> bytes:
    """The same TorchScript archive without debugging records, in a fixed order and with fixed dates."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():  # PyTorch's own order
            if DEBUG_RECORDS.search(name):
                continue
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.extra = _alignment_padding(content.tell() + 30 + len(name.encode()))
            new.writestr(entry, old.read(name))
    return content.getvalue()


def _alignment_padding(offset: int) -> bytes:
    """An extra field of a zip entry that moves its data from `offset` on to a multiple of 64 bytes.

    PyTorch maps tensors into memory, and its own writer pads the same way.
    """
    length = -(offset + 4) % 64  # the field's own header takes 4
    return b"FB" + length.to_bytes(2, "little") + b"Z" * length


def with_metadata(graph: onnx.ModelProto, metadata: dict[str, str]) -> onnx.ModelProto:
    """Put plain facts into the file's own metadata, and check the whole against ONNX's rules."""
    graph.graph.name = "bakeoff"
    graph.producer_name = "bakeoff"
    graph.producer_version = ""  # the libraries' versions are in signature.json
    onnx.helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph, full_check=True)
    return graph


def onnx_bytes(graph: onnx.ModelProto) -> bytes:
    return cast(bytes, graph.SerializeToString(deterministic=True))

"""Parity check: the predictions of eager PyTorch, TorchScript and ONNX are equal, row by row.

Shapes: N rows of the test part, B rows of a batch, ... the shape of one prediction.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipelines.data.large_arrays import allocate
from pipelines.exporting.graphs import hide_torchscript_warnings
from pipelines.runtime.user_error import UserError

BATCH_SIZES = (1, 2, 5, 32)  # 1 is what a person sends; 2 and 5 leave a shorter last batch; 32 is a batching server's
MAX_SMALL_BATCH_ROWS = 256  # of the test part, evenly spread, that all but the largest batch size are tried on

TOLERANCE = 1e-5
"""The largest difference between two predictions that is put down to float32, as a share of their scale.

float32 resolves 6e-8 just below 1, and runtimes add up the same products in different orders, which is
good for some 1e-7 in a deep network. 1e-5 leaves room for a hundred times that, and is far below what
could show in a percentage or change a verdict: 1e-5 is a thousandth of a percent.
"""

ColumnArrays = Sequence[NDArray[Any]]
Runtime = Callable[[ColumnArrays], NDArray[Any]]  # raw columns, (B, ...) each -> predictions (B, ...)


class ParityError(UserError):
    """The predictions of an exported graph differ from the trained model's; the message says where."""


class Difference(NamedTuple):
    largest: float  # between predictions, as a share of the output's scale
    row: int  # of the test part, counted from 0
    output_index: tuple[int, ...]  # its index in one prediction


def check_parity(
    export_module: nn.Module,
    runtimes: dict[str, Runtime],
    inputs: ColumnArrays,
    labels: Sequence[str],
    tolerance: float = TOLERANCE,
    min_scale: float | NDArray[np.float64] = 1.0,
) -> dict[str, Any]:
    """Compare every runtime with the eager network over all rows, and over some at every smaller batch size.

    The eager network is compared with itself too: an answer must not depend on which rows, or how many, came along.

    Args:
        export_module: raw columns -> predictions, in evaluation mode, on the CPU.
        runtimes: name -> what answers in its place.
        inputs: raw columns of the whole test part, (N, ...) each.
        labels: the class of each output (O,); empty where predictions are no probabilities.
        least: the smallest size that an output is measured against, see `scales`.

    Returns:
        What parity.json holds: per runtime and batch size the largest difference and where it is.

    Raises:
        ParityError: at the largest difference above the tolerance; an answer that is not a number is infinitely far.
    """
    with _single_threaded():  # sums in the same order on every machine with more or fewer cores
        eager = eager_runtime(export_module)
        reference = _predict_in_batches(eager, inputs, max(BATCH_SIZES))
        scale = output_scales(reference, absolute=bool(labels), min_scale=min_scale)
        all_rows = np.arange(len(reference))
        some_rows = np.unique(np.linspace(0, len(reference) - 1, MAX_SMALL_BATCH_ROWS).round().astype(np.int64))
        rows_by_batch = {batch: all_rows if batch == max(BATCH_SIZES) else some_rows for batch in BATCH_SIZES}
        differences_by_runtime = {
            name: {
                batch: _compare_rows(runtime, batch, rows, inputs, reference, scale)
                for batch, rows in rows_by_batch.items()
            }
            for name, runtime in {"eager": eager, **runtimes}.items()
        }
    _check_tolerance(differences_by_runtime, labels, tolerance)
    report = {
        name: {
            f"batch {batch}": {
                "rows": len(rows_by_batch[batch]),
                "largest": difference.largest,
                "row": difference.row,
                "class": _output_name(difference.output_index, labels),
            }
            for batch, difference in differences.items()
        }
        for name, differences in differences_by_runtime.items()
    }
    return {"tolerance": tolerance, "rows": len(reference), "runtimes": report}


def output_scales(
    predictions: NDArray[Any], *, absolute: bool, min_scale: float | NDArray[np.float64] = 1.0
) -> NDArray[np.float64]:
    """What a difference is measured against, one number per output: its largest size over all rows.

    A number near 0 of an output that reaches 1,000 was computed from numbers near 1,000, and float32 carries their
    last digit. An output that hardly ever leaves 0 is measured against `least`, or against the largest of all outputs
    where that is less: a pixel in a dark corner was computed from numbers as large as those of its neighbours.

    Args:
        predictions: of all rows, (N, ...).
        absolute: whether differences count as they are, as those of probabilities do.
        least: for all outputs, or one for each.
    """
    sizes = np.abs(predictions.astype(np.float64))
    if absolute or not np.isfinite(sizes).all():
        return np.ones(predictions.shape[1:])
    floor = np.minimum(min_scale, sizes.max() or 1.0)  # numbers of a tiny unit are all tiny
    scale: NDArray[np.float64] = np.maximum(sizes.max(axis=0), floor)
    return scale


def eager_runtime(export_module: nn.Module) -> Runtime:
    """The trained network itself, on the CPU."""

    def predict(columns: ColumnArrays) -> NDArray[Any]:
        with torch.inference_mode():
            predictions: NDArray[Any] = export_module(
                *(torch.from_numpy(np.array(values)) for values in columns)
            ).numpy()
        return predictions

    return predict


def eager_predictions(export_module: nn.Module, inputs: ColumnArrays) -> NDArray[Any]:
    """The trained model's predictions for all rows, (N, ...): the reference of the comparison."""
    with _single_threaded():
        return _predict_in_batches(eager_runtime(export_module), inputs, max(BATCH_SIZES))


def torchscript_runtime(path: Path) -> Runtime:
    with hide_torchscript_warnings():
        return eager_runtime(torch.jit.load(path, map_location="cpu"))  # type: ignore[no-untyped-call]  # as all of torch.jit


def onnx_runtime(path: Path) -> Runtime:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only; they are also raised
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def predict(columns: ColumnArrays) -> NDArray[Any]:
        (predictions,) = session.run(None, dict(zip(names, map(np.ascontiguousarray, columns), strict=True)))
        return np.asarray(predictions)

    return predict


def _predict_in_batches(runtime: Runtime, inputs: ColumnArrays, batch_size: int) -> NDArray[Any]:
    """The predictions for all rows, computed `batch` rows at a time: (N, ...)."""
    predictions = np.empty(0)
    for start in range(0, len(inputs[0]), batch_size):
        batch_predictions = runtime([values[start : start + batch_size] for values in inputs])
        if not start:
            predictions = allocate((len(inputs[0]), *batch_predictions.shape[1:]), batch_predictions.dtype)
        predictions[start : start + batch_size] = batch_predictions
    return predictions


def _compare_rows(
    runtime: Runtime,
    batch_size: int,
    rows: NDArray[np.int64],
    inputs: ColumnArrays,
    reference: NDArray[Any],
    scale: NDArray[np.float64],
) -> Difference:
    """The largest difference of some rows, which come along in batches of this size."""
    everywhere = len(rows) == len(reference)  # then nothing is copied
    chosen = inputs if everywhere else [values[rows] for values in inputs]
    expected = reference if everywhere else reference[rows]
    found = _largest_difference(_predict_in_batches(runtime, chosen, batch_size), expected, scale)
    return found._replace(row=int(rows[found.row]))


def _largest_difference(predictions: NDArray[Any], reference: NDArray[Any], scale: NDArray[np.float64]) -> Difference:
    assert predictions.shape == reference.shape, f"{predictions.shape} for {reference.shape}"
    scaled_difference = np.abs(predictions.astype(np.float64) - reference.astype(np.float64)) / scale
    scaled_difference[~np.isfinite(scaled_difference)] = np.inf
    row, *output = (int(place) for place in np.unravel_index(int(scaled_difference.argmax()), scaled_difference.shape))
    return Difference(float(scaled_difference[row, *output]), row, tuple(output))


def _output_name(output_index: tuple[int, ...], labels: Sequence[str]) -> str:
    """The class of an output; its index where it has none."""
    return (
        labels[output_index[0]] if labels and len(output_index) == 1 else f"output {', '.join(map(str, output_index))}"
    )


def _check_tolerance(
    differences_by_runtime: dict[str, dict[int, Difference]], labels: Sequence[str], tolerance: float
) -> None:
    """Raise `ParityError` if any difference is above the tolerance, naming the largest."""
    name, batch, worst = max(
        (
            (name, batch, one)
            for name, differences in differences_by_runtime.items()
            for batch, one in differences.items()
        ),
        key=lambda entry: entry[2].largest,
    )
    if worst.largest <= tolerance:
        return
    output_name = _output_name(worst.output_index, labels)
    where = f"class {output_name!r}" if output_name in labels else output_name
    unit = "" if labels else " of that output's scale"
    raise ParityError(
        f"{name} differs from the trained model: at batch size {batch}, row {worst.row} of the test part "
        f"(counted from 0), {where}, its prediction is {worst.largest:.3g}{unit} away, and at most {tolerance:g} is "
        "allowed; look in the network or its stem for arithmetic that depends on the size of the batch, mixes its "
        "rows, or leaves float32"
    )


@contextmanager
def _single_threaded() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

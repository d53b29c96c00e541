"""The proof that what is served answers as what was trained: eager = TorchScript = ONNX, row by row.

Shapes: N rows of the test part, B rows of a batch, ... the shape of one reply.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipelines.data.large_arrays import room
from pipelines.exporting.graphs import quiet_torchscript
from pipelines.runtime.user_error import Failure

BATCHES = (1, 2, 5, 32)  # 1 is what a person sends; 2 and 5 leave a shorter last batch; 32 is a batching server's

TOLERANCE = 1e-5
"""The largest difference between two replies that is put down to float32, as a part of their scale.

float32 resolves 6e-8 just below 1, and runtimes add up the same products in different orders, which is
good for some 1e-7 in a deep network. 1e-5 leaves room for a hundred times that, and is far below what
could show in a percentage or change a verdict: 1e-5 is a thousandth of a percent.
"""

Columns = Sequence[NDArray[Any]]
Runtime = Callable[[Columns], NDArray[Any]]  # raw columns, (B, ...) each -> reply (B, ...)


class Mismatch(Failure):
    """An exported graph does not answer as the trained network does; the message says where."""


class Difference(NamedTuple):
    largest: float  # between replies, as a part of the output's scale
    row: int  # of the test part, counted from 0
    output: tuple[int, ...]  # its place in one reply


def measure(
    served: nn.Module,
    runtimes: dict[str, Runtime],
    inputs: Columns,
    labels: Sequence[str],
    tolerance: float = TOLERANCE,
    least: float | NDArray[np.float64] = 1.0,
) -> dict[str, Any]:
    """Compare every runtime with the eager network over all rows, at every batch size of `BATCHES`.

    The eager network is compared with itself too: an answer must not depend on which rows, or how many, came along.

    Args:
        served: raw columns -> reply, in evaluation mode, on the CPU.
        runtimes: name -> what answers in its place.
        inputs: raw columns of the whole test part, (N, ...) each.
        labels: what each output of a reply (O,) stands for; empty where replies are no probabilities.
        least: the smallest size that an output is measured against, see `scales`.

    Returns:
        What parity.json holds: per runtime and batch size the largest difference and where it is.

    Raises:
        Mismatch: at the largest difference above the tolerance; an answer that is not a number is infinitely far.
    """
    with _one_thread():  # sums in the same order on every machine with more or fewer cores
        eager = eager_runtime(served)
        truth = _answers(eager, inputs, max(BATCHES))
        scale = scales(truth, absolute=bool(labels), least=least)
        found = {
            name: {batch: _difference(_answers(runtime, inputs, batch), truth, scale) for batch in BATCHES}
            for name, runtime in {"eager": eager, **runtimes}.items()
        }
    _refuse(found, labels, tolerance)
    written = {
        name: {
            f"batch {batch}": {"largest": one.largest, "row": one.row, "class": _name(one.output, labels)}
            for batch, one in differences.items()
        }
        for name, differences in found.items()
    }
    return {"tolerance": tolerance, "rows": len(truth), "runtimes": written}


def scales(replies: NDArray[Any], *, absolute: bool, least: float | NDArray[np.float64] = 1.0) -> NDArray[np.float64]:
    """What a difference is measured against, one number per output: its largest size over all rows.

    A number near 0 of an output that reaches 1,000 was computed from numbers near 1,000, and float32 carries their
    last digit. An output that hardly ever leaves 0 is measured against `least`, or against the largest of all outputs
    where that is less: a pixel in a dark corner was computed from numbers as large as those of its neighbours.

    Args:
        replies: of all rows, (N, ...).
        absolute: whether differences count as they are, as those of probabilities do.
        least: for all outputs, or one for each.
    """
    sizes = np.abs(replies.astype(np.float64))
    if absolute or not np.isfinite(sizes).all():
        return np.ones(replies.shape[1:])
    floor = np.minimum(least, sizes.max() or 1.0)  # numbers of a tiny unit are all tiny
    scale: NDArray[np.float64] = np.maximum(sizes.max(axis=0), floor)
    return scale


def eager_runtime(served: nn.Module) -> Runtime:
    """The trained network itself, on the CPU."""

    def answer(columns: Columns) -> NDArray[Any]:
        with torch.inference_mode():
            reply: NDArray[Any] = served(*(torch.from_numpy(np.array(values)) for values in columns)).numpy()
        return reply

    return answer


def eager_replies(served: nn.Module, inputs: Columns) -> NDArray[Any]:
    """The trained network's replies to all rows, (N, ...), as the comparison takes them for the truth."""
    with _one_thread():
        return _answers(eager_runtime(served), inputs, max(BATCHES))


def torchscript_runtime(path: Path) -> Runtime:
    with quiet_torchscript():
        return eager_runtime(torch.jit.load(path, map_location="cpu"))  # type: ignore[no-untyped-call]


def onnx_runtime(path: Path) -> Runtime:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only; they are also raised
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def answer(columns: Columns) -> NDArray[Any]:
        (reply,) = session.run(None, dict(zip(names, map(np.ascontiguousarray, columns), strict=True)))
        return np.asarray(reply)

    return answer


def _answers(runtime: Runtime, inputs: Columns, batch: int) -> NDArray[Any]:
    """The replies to all rows, asked `batch` rows at a time: (N, ...)."""
    answers = np.empty(0)
    for start in range(0, len(inputs[0]), batch):
        replies = runtime([values[start : start + batch] for values in inputs])
        if not start:
            answers = room((len(inputs[0]), *replies.shape[1:]), replies.dtype)
        answers[start : start + batch] = replies
    return answers


def _difference(answers: NDArray[Any], truth: NDArray[Any], scale: NDArray[np.float64]) -> Difference:
    assert answers.shape == truth.shape, f"{answers.shape} for {truth.shape}"
    apart = np.abs(answers.astype(np.float64) - truth.astype(np.float64)) / scale
    apart[~np.isfinite(apart)] = np.inf
    row, *output = (int(place) for place in np.unravel_index(int(apart.argmax()), apart.shape))
    return Difference(float(apart[row, *output]), row, tuple(output))


def _name(output: tuple[int, ...], labels: Sequence[str]) -> str:
    """The class that an output stands for; its place in the reply where it stands for none."""
    return labels[output[0]] if labels and len(output) == 1 else f"output {', '.join(map(str, output))}"


def _refuse(found: dict[str, dict[int, Difference]], labels: Sequence[str], tolerance: float) -> None:
    """Raise `Mismatch` if any difference is above the tolerance, naming the largest."""
    name, batch, worst = max(
        ((name, batch, one) for name, differences in found.items() for batch, one in differences.items()),
        key=lambda entry: entry[2].largest,
    )
    if worst.largest <= tolerance:
        return
    named = _name(worst.output, labels)
    where = f"class {named!r}" if named in labels else named
    measured = "" if labels else " of that output's scale"
    raise Mismatch(
        f"{name} does not answer as the trained network does: at batch size {batch}, row {worst.row} of the test part "
        f"(counted from 0), {where}, its reply is {worst.largest:.3g}{measured} away, and at most {tolerance:g} is "
        "allowed; look in the network or its stem for arithmetic that depends on the size of the batch, mixes its "
        "rows, or leaves float32"
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

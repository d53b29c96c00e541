"""TensorBoard's files of what was run: a view of the artifacts, written anew at any time, that may be deleted.

.state/tensorboard/<problem>/<contender>/              graph, scores on the test part, pictures, embeddings
.state/tensorboard/<problem>/<contender>/<member>/     curves of a training, histograms of the weights that it kept
.state/tensorboard/<problem>/<contender>/trial-<n>/    settings and score of a trial, for the HPARAMS page
"""

import csv
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.tracking.contender_run import TRIAL_COLUMNS

BOARD_FOLDER = paths.STATE_FOLDER / "tensorboard"
MAX_EMBEDDED_ROWS = 1000  # examples whose predictions are drawn as points
INSTALL = "pip install --constraint constraints.txt -e '.[tensorboard]'"


def write_boards(contenders: Mapping[str, str]) -> list[str]:
    """Write TensorBoard's files of every contender that is evaluated, in place of what was written before.

    Args:
        contenders: names, and the problem of each.

    Returns:
        the contenders that are shown.

    Raises:
        UserError: TensorBoard is not installed, or an artifact is damaged.
    """
    check_installed()
    shutil.rmtree(BOARD_FOLDER, ignore_errors=True)
    shown = [
        name for name, problem in contenders.items() if (paths.evaluate_folder(problem, name) / "metrics.json").exists()
    ]
    for name in shown:
        _write_contender(BOARD_FOLDER / contenders[name] / name, contenders[name], name)
    return shown


def check_installed() -> None:
    """Check that TensorBoard can be imported.

    Raises:
        UserError: it cannot.
    """
    try:
        import tensorboard  # noqa: F401  the question is whether it is there
    except ImportError:
        raise UserError(f"TensorBoard is not installed here; install it: {INSTALL}") from None


def _write_contender(folder: Path, problem: str, name: str) -> None:
    evaluated, trained = paths.evaluate_folder(problem, name), paths.train_folder(problem, name)
    with _open_writer(folder) as writer:
        for metric, value in read_json(evaluated / "metrics.json")["test"].items():
            if value is not None and math.isfinite(value):
                writer.add_scalar(f"test/{metric}", value)
        with redirect_stdout(StringIO()):  # PyTorch prints the name of every node
            writer.add_onnx_graph(str(evaluated / "model.onnx"))
        for path in sorted((evaluated / "pictures").glob("*.png")):
            with Image.open(path) as picture:
                writer.add_image(path.stem, np.asarray(picture.convert("RGB")), dataformats="HWC")
        _add_embedding(writer, evaluated / "predictions.npz")
    _write_members(folder, trained)
    _write_trials(folder, paths.tune_folder(problem, name))


def _add_embedding(writer: Any, path: Path) -> None:
    """What is predicted of validation examples, a point each, with what is right where that is one value."""
    with np.load(path, allow_pickle=False) as arrays:
        predictions: NDArray[Any] = arrays["valid_predictions"][:MAX_EMBEDDED_ROWS]
        reference: NDArray[Any] | None = arrays.get("valid_reference")
    points = predictions.reshape(len(predictions), -1)
    if len(points) < 2 or points.shape[1] < 2:
        return  # the projector draws at least two numbers of at least two points
    is_single = reference is not None and reference.ndim == 1
    labels = [str(value) for value in reference[: len(points)]] if is_single and reference is not None else None
    writer.add_embedding(np.nan_to_num(points), metadata=labels, tag="predictions of validation examples")


def _write_members(folder: Path, trained: Path) -> None:
    from safetensors.numpy import load_file

    best_epochs = {one["name"]: one["best_epoch"] for one in read_json(trained / "model.json")["members"]}
    by_member: dict[str, list[Mapping[str, str]]] = {}
    for row in _read_rows(trained / "history.csv"):
        by_member.setdefault(row["member"], []).append(row)
    for member, rows in by_member.items():
        with _open_writer(folder / member) as writer:
            for row in rows:
                for column, text in row.items():
                    if column not in ("member", "epoch") and text:
                        writer.add_scalar(column, float(text), int(row["epoch"]))
            weights = trained / "weights" / f"{member}.safetensors"
            for tensor_name, tensor in load_file(weights).items() if weights.exists() else ():
                if tensor.size and np.isfinite(tensor).all():
                    writer.add_histogram(tensor_name, tensor, best_epochs.get(member, 0))


def _write_trials(folder: Path, tuned: Path) -> None:
    from torch.utils.tensorboard.summary import hparams

    goal = read_json(tuned / "best.json")["goal"]
    for row in _read_rows(tuned / "trials.csv"):
        settings = {name: _parse_cell(text) for name, text in row.items() if name not in TRIAL_COLUMNS and text}
        # The first summary would say that these are the settings of all trials, and others' would not be shown
        _, *summaries = hparams({**settings, "state": row["state"]}, {})  # type: ignore[no-untyped-call]  # PyTorch types none
        with _open_writer(folder / f"trial-{int(row['number']):04d}") as writer:
            for summary in summaries:
                writer.file_writer.add_summary(summary)
            if row["score"]:
                writer.add_scalar(f"trial/{goal}", float(row["score"]))


def _read_rows(path: Path) -> Iterator[Mapping[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def _parse_cell(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _open_writer(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))


def board_command_line(port: int) -> Sequence[str]:
    """The module that serves the files, and its arguments."""
    return ("tensorboard.main", "--logdir", str(BOARD_FOLDER), "--port", str(port))

"""Published figures beside what this project reaches, through `bakeoff run` as a user would start it.

    python -m benchmarks.papers ../shared/data                      every set that the folder holds, on the CPU
    python -m benchmarks.papers ../shared/data fashion vowels       some of them
    python -m benchmarks.papers DATA cifar10 --device cuda          the large networks, on a GPU

Each set is a problem in a copy of this project that was never run: one trial of the settings stated here, one
training, the published test part where there is one. `read` marks a figure that was read where it is named, `recalled`
one that is quoted from memory. A set that the folder lacks is passed over with a sentence. `memory` needs no data.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.pipeline import project_copy
from benchmarks.sequences import ADDING_STEPS, adding_error, mackey_glass_errors, narma_error
from pipelines.cli.processes import own_environment

HIGHER_IS_BETTER = ("accuracy", "iou")
ETT_ROWS, ETT_TRAIN_ROWS = 20 * 30 * 24, 12 * 30 * 24  # months of 30 days, as the Informer's authors divide them
CIFAR_FILES = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]


class Published(NamedTuple):
    """A figure that somebody published, and how this project is asked for the same."""

    contender: dict[str, Any]  # architecture, fix and budget of params.yaml
    value: float
    source: str
    differs: str = ""  # what is not as it was there


class PaperSet(NamedTuple):
    folder: str  # that the data lies in
    write: Callable[[Path, Path], dict[str, Any]]  # (that folder, one to write in) -> the problem of params.yaml
    metric: str  # of metrics.json
    scale: Callable[[Path, float], float]  # (the data's folder, its value here) -> in the unit that was published
    unit: str
    rows: tuple[Published, ...]


def _entry(architecture: str, epochs: int, **fix: Any) -> dict[str, Any]:
    return {
        "architecture": architecture,
        "fix": fix,
        "tune": {"trials": 1, "generation": 1},
        "train": {"seeds": 1},
        "budget": {"epochs": epochs, "min_steps": 1},
    }


def _write_fashion(data: Path, _: Path) -> dict[str, Any]:
    files = {
        f"{part}{kind}": str(data / f"{name}-{end}-ubyte.gz")
        for part, name in (("", "train"), ("test_", "t10k"))
        for kind, end in (("inputs", "images-idx3"), ("target", "labels-idx1"))
    }
    return {
        "task": "classification",
        "source": {"kind": "arrays", **files},
        "split": {"by": "given", "valid": 0.1},
    }


def _write_california(data: Path, _: Path) -> dict[str, Any]:
    source = {"kind": "table", "path": str(data / "housing.csv"), "target": "median_house_value"}
    return {"task": "regression", "source": source, "split": {"by": "random", "valid": 0.16}}


def _write_ett(data: Path, folder: Path) -> dict[str, Any]:
    """The oil temperature of twenty months: twelve to train on, four and four to validate and to test."""
    lines = (data / "ETTh1.csv").read_text().splitlines()[: ETT_ROWS + 1]
    cells = [(line.split(",")[0], line.split(",")[-1]) for line in lines]
    (folder / "ett.csv").write_text("\n".join(",".join(row) for row in cells) + "\n")
    source = {"kind": "series", "path": str(folder / "ett.csv"), "time": "date", "window": 96, "horizon": 24}
    return {
        "task": {"kind": "forecasting", "loss": "squared_error", "season": 24},
        "source": source,
        "split": {"by": "time", "valid": 0.2, "test": 0.2},
    }


def _ett_deviations(data: Path, rmse: float) -> float:
    """The squared error in variances of the train part."""
    with (data / "ETTh1.csv").open(encoding="utf-8", newline="") as stream:
        values = [float(row["OT"]) for row in csv.DictReader(stream)][:ETT_TRAIN_ROWS]
    return (rmse / statistics.pstdev(values)) ** 2


def _write_vowels(data: Path, _: Path) -> dict[str, Any]:
    files = {"path": str(data / "JapaneseVowels_TRAIN.ts"), "test_path": str(data / "JapaneseVowels_TEST.ts")}
    return {"task": "classification", "source": {"kind": "sequences", **files}, "split": {"by": "given", "valid": 0.2}}


def _write_membranes(data: Path, _: Path) -> dict[str, Any]:
    source = {"kind": "masks", "images": str(data / "train/image"), "masks": str(data / "train/label"), "tile": 128}
    return {
        "task": {"kind": "segmentation"},
        "source": source,
        "split": {"by": "group", "group": "image", "valid": 0.2, "test": 0.2},
        "augment": {"copies": 4, "flip_horizontal": True, "flip_vertical": True, "rotate": 20},
    }


def _write_cifar(data: Path, folder: Path) -> dict[str, Any]:
    """CIFAR-10's binary version: a byte for the class, then 32x32 of red, of green and of blue."""
    parts = [np.fromfile(data / name, np.uint8).reshape(-1, 3073) for name in CIFAR_FILES]
    train, test = np.concatenate(parts[:5]), parts[5]
    arrays: dict[str, Any] = {}
    for name, rows in (("", train), ("test_", test)):
        arrays[f"{name}inputs"] = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"{name}target"] = rows[:, 0].astype(np.int64)
    np.savez(folder / "cifar10.npz", **arrays)
    return {
        "task": "classification",
        "source": {"kind": "arrays", "path": str(folder / "cifar10.npz"), "arrays": {name: name for name in arrays}},
        "split": {"by": "given", "valid": 0.1},
        "augment": {"copies": "live", "shift": 4, "flip_horizontal": True},
    }


def _as_it_is(_: Path, value: float) -> float:
    return value


SETS: dict[str, PaperSet] = {
    "fashion": PaperSet(
        "fashion_mnist", _write_fashion, "accuracy", _as_it_is, "accuracy",
        (
            Published(
                _entry("mlp", 12, width=256, depth=2), 0.8833, "Fashion-MNIST's table, MLP 256-128-100 (read)",
                "layers of 256 and 256",
            ),
            Published(
                _entry("lenet5", 12, width=2), 0.876, "Fashion-MNIST's table, two convolutions with pooling (recalled)",
                "LeNet-5 with twice its maps",
            ),
        ),
    ),
    "california": PaperSet(
        "california_housing", _write_california, "rmse", lambda _, rmse: rmse / 1e5, "RMSE, 100,000 dollars",
        (
            Published(_entry("gradient_boosting", 1), 0.4322, "Gorishniy 2021, LightGBM, tuned (read)", "not tuned"),
            Published(_entry("mlp", 30), 0.4948, "Gorishniy 2024, MLP, tuned (read)", "not tuned"),
            Published(_entry("tabm", 30), 0.4414, "Gorishniy 2024, TabM, tuned (read)", "not tuned"),
        ),
    ),
    "etth1": PaperSet(
        "etth1", _write_ett, "rmse", _ett_deviations, "squared error, variances",
        (
            Published(_entry("linear_regression", 1), 0.098, "Zhou 2021, Informer, 24 hours (read)", "a linear fit"),
            Published(_entry("gru", 6), 0.114, "Zhou 2021, LSTMa, 24 hours (read)", "a GRU"),
        ),
    ),
    "vowels": PaperSet(
        "japanese_vowels", _write_vowels, "accuracy", _as_it_is, "accuracy",
        (
            Published(_entry("esn", 1), 0.928, "ReservoirPy's tutorial (read)"),
            Published(_entry("mlp", 60), 0.976, "Fawaz 2019, MLP (read)"),
            Published(_entry("gru", 60), 0.976, "Fawaz 2019, MLP, as no recurrent network is in it (read)"),
            Published(_entry("rocket", 1), 0.992, "Fawaz 2019, ResNet, as ROCKET came later (read)"),
        ),
    ),
    "membranes": PaperSet(
        "isbi_membrane", _write_membranes, "iou", _as_it_is, "mean IoU",
        (
            Published(
                _entry("unet", 12), 0.749, "Theano's tutorial, U-Net on the same 30 images (read)",
                "tiles of 128x128, other images held out",
            ),
        ),
    ),
    "cifar10": PaperSet(
        "cifar-10-batches-bin", _write_cifar, "accuracy", _as_it_is, "accuracy",
        (
            Published(_entry("alexnet", 30, width=1.0), 0.89, "a small AlexNet's mark (recalled)"),
            Published(_entry("vgg", 40, depth=16, width=1.0), 0.9264, "kuangliu/pytorch-cifar, VGG-16 (read)"),
            Published(_entry("resnet", 40, depth=50, width=1.0), 0.9362, "kuangliu/pytorch-cifar, ResNet-50 (read)"),
        ),
    ),
}  # fmt: skip


def measure_set(name: str, data: Path, device: str) -> Iterator[tuple[str, float]]:
    """Run the problem; the architecture of each row, and its test score in the published unit."""
    one = SETS[name]
    folder = data.absolute() / one.folder
    entries = {f"{name}-{row.contender['architecture']}": {"problem": name, **row.contender} for row in one.rows}
    with project_copy() as project:
        params = {"seed": 20, "problems": {name: one.write(folder, project.parent)}, "contenders": entries}
        (project / "params.yaml").write_text(json.dumps(params, indent=1))
        command = [sys.executable, "-m", "pipelines.cli", "run", name]
        environment = {**own_environment(), "PYTHONPATH": str(project), "BAKEOFF_DEVICE": device}
        ended = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
        if ended.returncode:
            raise SystemExit(f"bakeoff run {name}: {ended.stdout[-3000:]}{ended.stderr[-3000:]}")
        for contender, entry in entries.items():
            scores = json.loads((project / f"artifacts/{name}/evaluate/{contender}/metrics.json").read_text())["test"]
            yield entry["architecture"], one.scale(folder, scores[one.metric])


def report_set(name: str, data: Path, device: str) -> None:
    one = SETS[name]
    if not (data / one.folder).is_dir():
        print(f"\n{name}: not run, as there is no folder {one.folder} in the data")
        return
    started = time.monotonic()
    reached = dict(measure_set(name, data, device))
    print(f"\n{name}, {one.unit}, {device}, {time.monotonic() - started:.0f} s")
    for row in one.rows:
        architecture = row.contender["architecture"]
        ours = reached[architecture]
        gain = ours - row.value if one.metric in HIGHER_IS_BETTER else row.value - ours
        verdict = "reached" if gain >= 0 else f"{-gain:.4f} short"
        note = f"; here {row.differs}" if row.differs else ""
        print(
            f"  {architecture:18} {ours:.4f}  published {row.value:.4f}  {verdict:13}  {row.source}{note}", flush=True
        )


def report_memory() -> None:
    """Tasks that are drawn, of which no table is settled: an error under the mark is what their users call solved."""
    print("\nmemory, errors on drawn tasks")
    series, persistence = mackey_glass_errors()
    adding = f"adding, {ADDING_STEPS} steps, MSE"
    drawn = (
        ("esn", "NARMA-10, NRMSE", narma_error(), 0.3, "a reservoir library's own test asks for less (read)"),
        ("esn", "Mackey-Glass, NRMSE", series, persistence / 10, "a tenth of persistence"),
        ("lstm", adding, adding_error("lstm"), 0.01, "Bai 2018 has 0.164 at 600 steps (read)"),
        ("gru", adding, adding_error("gru"), 0.01, "Bai 2018 has 5.3e-5 at 600 steps (read)"),
    )
    for architecture, task, error, mark, source in drawn:
        verdict = "reached" if error < mark else f"{error - mark:.4f} short"
        print(f"  {architecture:8} {task:24} {error:.4f}  mark {mark:.4f}  {verdict:13}  {source}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the sets that are named, and print a table of each as it is ready."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.papers", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    names = [*SETS, "memory"]
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"of {', '.join(names)}; all of them if none is named")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="what to train on (default: cpu)")
    asked = parser.parse_intermixed_args(arguments)  # options may stand between the names
    if unknown := set(asked.sets) - set(names):
        parser.error(f"no set is called {min(unknown)!r}; there are {', '.join(names)}")
    print(f"{asked.device}, {os.cpu_count()} cores")
    for name in asked.sets or names:
        if name == "memory":
            report_memory()
        else:
            report_set(name, asked.data, asked.device)


if __name__ == "__main__":
    main()

"""Transfer with few labels: a network that knows the digits 0 to 4 learns 5 to 9 from a few examples of each.

A cnn is trained on all of the digits 0 to 4 but those it is chosen by. Then 5 to 9 are learned from so many labels per
class: from random weights, from that network's, with its first two blocks frozen, or with a tenth of the learning rate
for what is kept. Printed are the test accuracy in percent (median of the draws, the middle half of them) and its paired
difference to random weights.

    python -m benchmarks.transfer
    python -m benchmarks.transfer --draws 3 --architecture lenet5
"""

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.few_labels import digits_of, draw_parts, format_accuracies, measure_accuracy, prepare_job
from models import ARCHITECTURES
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.starts import Start

LABELS = (1, 5, 20)  # per class
KNOWN, NEW = (0, 1, 2, 3, 4), (5, 6, 7, 8, 9)
ORIGIN_BUDGET = Budget(BudgetSettings(epochs=40))
BUDGET = Budget(BudgetSettings(epochs=40, min_steps=300))
VARIANTS: dict[str, dict[str, float]] = {
    "random weights": {},
    "start_from": {},
    "start_from, freeze: 2": {"freeze": 2},
    "start_from, start_lr_ratio: 0.1": {"start_lr_ratio": 0.1},
}


def report_labels(architecture: str, labels: int, draws: int, origin: Path, folder: Path) -> None:
    """Train every variant on every draw, and print a line of each."""
    data = digits_of(NEW)
    found: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for draw in range(draws):
        place = folder / f"{labels}-{draw}"
        rows, _ = draw_parts(data, labels, draw)
        plain = prepare_job(place, data, rows, np.empty(0, np.int64), architecture)
        start = Start("digits 0 to 4", "other digits", (origin,), keeps_head=False)
        for name, changed in VARIANTS.items():
            job = plain if name == "random weights" else replace(plain, start=start)
            settings = make_settings(architecture, "classification", changed)
            found[name].append(measure_accuracy(job, settings, draw, place / name, BUDGET))
    for name, accuracies in found.items():
        print(f"{labels:>4}  {name:34}{format_accuracies(accuracies, found['random weights'])}", flush=True)


def train_origin(architecture: str, folder: Path) -> Path:
    """Train the network on the digits that are known; its weights."""
    data = digits_of(KNOWN)
    rows, others = draw_parts(data, 80, 0)
    rows["train"] = np.sort(np.concatenate([rows["train"], others]))
    job = prepare_job(folder, data, rows, np.empty(0, np.int64), architecture)
    accuracy = measure_accuracy(
        job, make_settings(architecture, "classification", {}), 0, folder / "run", ORIGIN_BUDGET
    )
    print(f"{architecture} on {len(rows['train'])} digits 0 to 4: {100 * accuracy:.1f} % of the others right")
    return folder / "run" / "best.safetensors"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="cnn", choices=sorted(ARCHITECTURES), help="network to train")
    parser.add_argument("--draws", type=int, default=10, help="how often the labelled rows are drawn")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        origin = train_origin(given.architecture, Path(temporary, "origin"))
        print("labels of each of 5 to 9, accuracy, difference to random weights")
        for labels in LABELS:
            report_labels(given.architecture, labels, given.draws, origin, Path(temporary))


if __name__ == "__main__":
    main()

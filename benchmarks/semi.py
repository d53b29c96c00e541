"""Semi-supervised learning: the digits with 1, 5 and 20 % of their labels, the other rows without.

A network learns from the labelled rows alone, with `semi: pretrain`, or with `semi: pseudo_label`. Of 1,797 digits 400
are the test part; of the others so many per class have a label that these are the share. Printed are the test accuracy
in percent (median of the draws, the middle half of them) and its paired difference to labels alone.

    python -m benchmarks.semi
    python -m benchmarks.semi cnn --draws 3
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.few_labels import TEST_ROWS, digits_of, draw_parts, format_accuracies, measure_accuracy, prepare_job
from models import ARCHITECTURES
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import make_settings

NETWORKS = ("mlp", "cnn")
SHARES = (0.01, 0.05, 0.2)
BUDGET = Budget(BudgetSettings(epochs=40, min_steps=300))
ALONE = "labels alone"
VARIANTS: dict[str, dict[str, str]] = {
    ALONE: {},
    "semi: pretrain": {"semi": "pretrain"},
    "semi: pseudo_label": {"semi": "pseudo_label"},
}


def report_share(architecture: str, share: float, draws: int, folder: Path) -> None:
    """Train every variant on every draw, and print a line of each."""
    data = digits_of(tuple(range(10)))
    labels = max(1, round(share * (len(data.part.target) - TEST_ROWS) / 10))  # per class
    found: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for draw in range(draws):
        place = folder / f"{architecture}-{labels}-{draw}"
        job = prepare_job(place, data, *draw_parts(data, labels, draw), architecture)
        for name, changed in VARIANTS.items():
            settings = make_settings(architecture, "classification", changed)
            found[name].append(measure_accuracy(job, settings, draw, place / name, BUDGET))
    for name, accuracies in found.items():
        print(f"{share:>5.0%}{10 * labels:>6}  {name:20}{format_accuracies(accuracies, found[ALONE])}", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="network", default=NETWORKS, help="architectures to train")
    parser.add_argument("--draws", type=int, default=10, help="how often the labelled rows are drawn")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.networks if name not in ARCHITECTURES]
    if unknown:
        parser.error(f"unknown network {unknown[0]!r}: use some of {', '.join(NETWORKS)}, or another architecture")
    with tempfile.TemporaryDirectory() as temporary:
        for architecture in given.networks:
            print(f"{architecture}: share and number of labels, accuracy, difference to labels alone")
            for share in SHARES:
                report_share(architecture, share, given.draws, Path(temporary))


if __name__ == "__main__":
    main()

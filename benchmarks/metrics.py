"""Bootstrap: all metrics of a thousand resamples at once, beside one resample after the other.

python -m benchmarks.metrics
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import format_ratio, time_alternately
from pipelines.data.schema import Field, Schema
from pipelines.tasks import Task
from pipelines.tasks.anomaly_detection import AnomalyDetection, AnomalyDetectionSettings, AnomalyReference
from pipelines.tasks.classification import Classification, ClassReference
from pipelines.tasks.segmentation import MaskReference, Segmentation, SegmentationSettings

RESAMPLES = 1000
ROUNDS = 3


class Case(NamedTuple):
    """A task with predictions for N rows."""

    task: Task
    predictions: NDArray[Any]
    reference: Any  # the task's own named tuple of aligned arrays
    calibration: Mapping[str, float]


def make_schema(inputs: tuple[Field, ...], target: Field) -> Schema:
    return Schema(inputs=inputs, target=target, title="", origin="", licence="")


def image_field(height: int, width: int) -> Field:
    return Field(name="image", kind="image", dtype="uint8", shape=(height, width), range=(0, 255))


def classification_case(generator: np.random.Generator) -> Case:
    codes = generator.integers(0, 10, 360)
    classes = tuple(map(str, range(10)))
    target = Field(name="digit", kind="category", dtype="int64", shape=(), categories=classes)
    return Case(
        Classification(make_schema((image_field(8, 8),), target)),
        generator.dirichlet(np.ones(10), 360),
        ClassReference(codes),
        {},
    )


def anomaly_case(generator: np.random.Generator) -> Case:
    columns = tuple(Field(name=f"x{number}", kind="number", dtype="float32", shape=()) for number in range(4))
    target = Field(name="state", kind="category", dtype="int64", shape=(), categories=("normal", "odd"))
    task = AnomalyDetection(make_schema(columns, target), AnomalyDetectionSettings(normal="normal"))
    values = generator.normal(size=(400, 4))
    is_anomalous = generator.integers(0, 2, 400) == 1
    predictions = np.concatenate([is_anomalous[:, None] + generator.normal(size=(400, 1)), values], axis=1)
    return Case(
        task, predictions, AnomalyReference(is_anomalous, values, np.ones_like(values, np.float32)), {"threshold": 0.5}
    )


def segmentation_case(generator: np.random.Generator) -> Case:
    classes = ("sky", "sea", "ship")
    target = Field(name="mask", kind="mask", dtype="uint8", shape=(32, 32), categories=classes)
    codes = generator.integers(0, 3, (40, 32, 32)).astype(np.uint8)
    predictions = np.moveaxis(np.eye(3)[codes] * 0.8 + 0.1, -1, 1)
    task = Segmentation(make_schema((image_field(32, 32),), target), SegmentationSettings())
    return Case(task, predictions, MaskReference(codes), {})


CASES = {
    "classification": classification_case,
    "anomaly_detection": anomaly_case,
    "segmentation": segmentation_case,
}


def measure_case(case: Case, generator: np.random.Generator) -> dict[str, list[float]]:
    """Seconds of both ways, by name."""
    rows = len(case.predictions)
    weights = generator.multinomial(rows, np.full(rows, 1 / rows), size=RESAMPLES)

    def bootstrap(some: NDArray[Any]) -> None:
        case.task.bootstrap_scores(case.predictions, case.reference, some, case.calibration)

    def one_by_one() -> None:
        for row in weights:
            bootstrap(row[None])

    return time_alternately({"at once": lambda: bootstrap(weights), "one by one": one_by_one}, ROUNDS)


def main() -> int:
    print(f"bootstrap of all metrics, {RESAMPLES:,} resamples: speed at once beside one by one")
    for name, make_case in CASES.items():
        generator = np.random.default_rng(0)
        case = make_case(generator)
        seconds = measure_case(case, generator)
        ratio = format_ratio(seconds["one by one"], seconds["at once"])
        print(f"  {name:<18} {len(case.predictions)} rows, {min(seconds['at once']):.3f} s at best  {ratio}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""scikit-learn's digits with few labels: what `benchmarks.transfer` and `benchmarks.semi` train on.

Every draw chooses the labelled rows anew. As many rows as are trained on, at least MIN_VALID, are there to choose the
epoch by; the accuracy is that on a test part of TEST_ROWS, which is another in every draw.
"""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.data.unlabelled import read_unlabelled, write_unlabelled
from pipelines.sources.bundled.digits import digits
from pipelines.splitting.split import SplitRows, write_split
from pipelines.tasks import build_task
from pipelines.tasks.classification import ClassificationSettings
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.budget import Budget
from pipelines.training.contender_settings import ContenderSettings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingJob, read_job_schema, to_tensors
from pipelines.training.trial import TrialSpec, run_trial
from pipelines.training.weights import load_model

TEST_ROWS = 400
MIN_VALID = 20


def digits_of(classes: tuple[int, ...]) -> Dataset:
    """The digits of some classes, as a dataset of these classes alone."""
    data = digits()
    rows = np.flatnonzero(np.isin(data.part.target, classes))
    codes = np.searchsorted(classes, data.part.target[rows]).astype(np.int64)
    target = data.schema.target.model_copy(update={"categories": tuple(map(str, classes))})
    schema = data.schema.model_copy(update={"target": target})
    return Dataset(schema, Part((data.part.inputs[0][rows],), codes))


def draw_parts(data: Dataset, labels_per_class: int, seed: int) -> tuple[SplitRows, NDArray[np.int64]]:
    """Rows of every part, so many of each class to train on, and the rows whose labels are not used."""
    order = np.random.default_rng(seed).permutation(len(data.part.target))
    test, rest = order[:TEST_ROWS], order[TEST_ROWS:]
    chosen = [rest[data.part.target[rest] == code] for code in range(len(data.schema.target.categories))]
    train = np.concatenate([rows[:labels_per_class] for rows in chosen])
    left = rest[~np.isin(rest, train)]
    valid, others = np.split(left, [max(MIN_VALID, len(train))])
    return {"train": np.sort(train), "valid": np.sort(valid), "test": np.sort(test)}, np.sort(others)


def prepare_job(
    folder: Path, data: Dataset, rows: SplitRows, others: NDArray[np.int64], architecture: str
) -> TrainingJob:
    """Write parts and unlabelled rows as the stages do, and describe the training."""
    data = data._replace(unlabelled=(data.part.inputs[0][others],) if len(others) else ())
    write_split(folder, data, rows)
    schema = read_schema(folder / "schema.json")
    write_part(
        folder / "augmented",
        schema,
        augmented_copies(read_part(folder / "train", schema), schema, AugmentSettings(), 0),
    )
    write_unlabelled(folder / "augmented", schema, read_unlabelled(folder / "train", schema))
    return TrainingJob(
        architecture,
        ClassificationSettings(),
        None,
        folder / "schema.json",
        folder / "augmented",
        folder / "valid",
        AugmentSettings(),
        "cpu",
    )


def measure_accuracy(
    job: TrainingJob, settings: ContenderSettings[Any], seed: int, folder: Path, budget: Budget
) -> float:
    """Train, and return the accuracy on the test part.

    Raises:
        RuntimeError: the training failed.
    """
    result = run_trial(TrialSpec(job, settings, seed, folder, budget))
    if result.score is None:
        raise RuntimeError(result.reason)
    schema = read_job_schema(job)
    task = build_task(job.task_settings, schema)
    test = read_part(job.schema_file.parent / "test", schema)
    model = load_model(job.architecture, task, settings, folder / "best")
    probabilities = predict(model, task.postprocess(), to_tensors(model_inputs(task, test)))
    return float((probabilities.argmax(1) == test.target).mean())


def format_accuracies(accuracies: list[float], without: list[float]) -> str:
    """The median of the draws, the middle half of them, and the median of the paired differences, in percent."""
    low, high = np.quantile(accuracies, [0.25, 0.75])
    gain = median(one - other for one, other in zip(accuracies, without, strict=True))
    better = sum(one > other for one, other in zip(accuracies, without, strict=True))
    shown = f"{100 * median(accuracies):5.1f} ({100 * low:.1f} to {100 * high:.1f})"
    return shown if accuracies is without else f"{shown}  {100 * gain:+.1f}, better in {better} of {len(accuracies)}"

"""Weights that make rare classes count as much as common ones no longer cost a model its probabilities."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_classification
from torch import nn

from models.outputs.output_transform import Identity
from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.splitting.settings import SplitSettings
from pipelines.splitting.split import split_rows, write_split
from pipelines.tasks import build_task, score
from pipelines.tasks.classification import ClassificationSettings
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training import weights
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingJob, to_tensors
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs

COLUMNS = 6


def rare_positives() -> Dataset:
    """A table of which about one row in fifty is positive, and some of these cannot be told from the others."""
    values, codes = make_classification(
        4000, COLUMNS, n_informative=4, n_redundant=0, weights=[0.98], class_sep=1.5, flip_y=0.005, random_state=3
    )
    numbers = tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(COLUMNS))
    target = Field(name="kind", kind="category", dtype="int64", shape=(), categories=("usual", "rare"))
    schema = Schema(inputs=numbers, target=target, title="Rare", origin="scikit-learn", licence="BSD")
    return Dataset(schema, Part(tuple(values.T.astype(np.float32)), codes.astype(np.int64)))


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, data = tmp_path_factory.mktemp("rare"), rare_positives()
    assert 0.015 < data.part.target.mean() < 0.025
    write_split(folder / "split", data, split_rows(data, SplitSettings(), seed=1))
    schema = read_schema(folder / "split" / "schema.json")
    augmented = augmented_copies(read_part(folder / "split" / "train", schema), schema, AugmentSettings(), seed=1)
    write_part(folder / "augmented" / "train", schema, augmented)
    return folder


def trained_log_losses(
    folder: Path, architecture: str, task_settings: ClassificationSettings, scratch: Path
) -> dict[str, float]:
    """The log loss on test of the trained model, without its output transform, as it is, and with its temperature."""
    job = TrainingJob(
        architecture, task_settings, None, folder / "split" / "schema.json", folder / "augmented" / "train",
        folder / "split" / "valid", AugmentSettings(), "cpu",
    )  # fmt: skip
    settings = make_settings(architecture, "classification", {})
    assert run_trial(TrialSpec(job, settings, 3, scratch, epochs(15))).score is not None
    schema = read_schema(job.schema_file)
    task = build_task(task_settings, schema)
    model = weights.load_model(architecture, task, settings, scratch / "best")
    train, valid, test = (read_part(folder / "split" / part, schema) for part in ("train", "valid", "test"))
    outputs = predict(model, nn.Identity(), to_tensors(model_inputs(task, valid)))
    tempered = task.postprocess(task.calibrate_postprocess(outputs, task.reference(valid)))
    inputs, reference = to_tensors(model_inputs(task, test)), task.reference(test)
    found = {"tempered": predict(model, tempered, inputs), "as it is": predict(model, task.postprocess(), inputs)}
    (found["majority class"],) = task.baselines(train, test).values()
    model.output_transform = Identity()
    found["unshifted"] = predict(model, task.postprocess(), inputs)
    return {name: score(task, one, reference, {})["log_loss"] for name, one in found.items()}


@pytest.mark.parametrize("architecture", ["mlp", "logistic_regression"])
def test_a_good_model_with_balanced_weights_beats_the_majority_class_in_log_loss(
    architecture: str, problem: Path, tmp_path: Path
) -> None:
    plain = trained_log_losses(problem, architecture, ClassificationSettings(), tmp_path / "plain")
    balanced = trained_log_losses(
        problem, architecture, ClassificationSettings(weights="balanced"), tmp_path / "balanced"
    )
    assert balanced["unshifted"] > balanced["majority class"], "otherwise nothing is shown"
    assert balanced["tempered"] < balanced["majority class"]
    assert balanced["tempered"] < 1.25 * plain["tempered"]

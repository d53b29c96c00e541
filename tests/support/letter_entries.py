"""Entries of a small competition: four letters, and contenders whose skill is known."""

import numpy as np

from pipelines.data.schema import Field, Schema
from pipelines.evaluation.predictions import Predictions, score_predictions
from pipelines.evaluation.ranking import Entry
from pipelines.tasks.classification import Classification, ClassificationSettings, ClassReference

ROWS, CLASSES = 200, 4
TARGETS = np.arange(ROWS) % CLASSES
FLOOR = "majority class (baseline)"
SHARES = np.full((ROWS, CLASSES), 1 / CLASSES)


def classification(goal: str = "log_loss") -> Classification:
    labels = tuple("abcd")
    target = Field(name="label", kind="category", dtype="int64", shape=(), categories=labels)
    schema = Schema(inputs=(), target=target, title="Stand-in", origin="", licence="")
    return Classification(schema, ClassificationSettings(), goal)


def predictions_of(skill: float, seed: int) -> np.ndarray:
    """Probabilities (N, K) whose logits favour the truth by `skill`, and noise besides."""
    logits = np.random.default_rng(seed).normal(size=(ROWS, CLASSES))
    logits[np.arange(ROWS), TARGETS] += skill
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def entry(name: str, skill: float, parameters: int, seed: int = 0, test_skill: float | None = None) -> Entry:
    task = classification()
    predictions = Predictions(
        predictions_of(skill, seed),
        ClassReference(TARGETS),
        predictions_of(skill if test_skill is None else test_skill, seed + 100),
        ClassReference(TARGETS),
        {FLOOR: (SHARES, SHARES)},
    )
    scores = score_predictions(task, predictions, seed=0)
    return Entry(name, "mlp", parameters, 2 * parameters, 4 * parameters, scores, predictions)


STRONG, WEAK = entry("strong", 4.0, 5000), entry("weak", 1.0, 100)
TWIN = entry("twin", 4.0, 700, seed=1)  # as skilled as strong, and cheaper
COSTLY = entry("costly", 4.0, 9000, seed=2)  # as skilled, and dearer
FAINT = entry("faint", 0.5, 10)  # about as good as the class shares
BLIND = entry("blind", 0.0, 10)
LUCKY = entry("lucky", 4.0, 300, seed=1, test_skill=1.0)  # as good on validation, fails on test
CLOSE = entry("close", 3.6, 50)  # behind strong by more than chance explains, and by less than 5 % of its gain
SHORT = entry("short", 1.0, 50, seed=1)  # as skilled as weak; on these rows that is not shown

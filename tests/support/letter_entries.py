"""Entries of a small competition: four letters, and contenders whose skill is known."""

from collections.abc import Callable
from functools import cache

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


ENTRIES: dict[str, Callable[[str], Entry]] = {
    "strong": lambda name: entry(name, 4.0, 5000),
    "weak": lambda name: entry(name, 1.0, 100),
    "twin": lambda name: entry(name, 4.0, 700, seed=1),  # as skilled as strong, and cheaper
    "costly": lambda name: entry(name, 4.0, 9000, seed=2),  # as skilled, and dearer
    "faint": lambda name: entry(name, 0.5, 10),  # about as good as the class shares
    "blind": lambda name: entry(name, 0.0, 10),
    "lucky": lambda name: entry(name, 4.0, 300, seed=1, test_skill=1.0),  # as good on validation, fails on test
    "close": lambda name: entry(name, 3.6, 50),  # behind strong beyond chance, and by less than 5 % of its gain
    "short": lambda name: entry(name, 1.0, 50, seed=1),  # as skilled as weak; on these rows that is not shown
}


@cache
def letter_entry(name: str) -> Entry:
    """One of ENTRIES, scored when it is first asked for."""
    return ENTRIES[name](name)

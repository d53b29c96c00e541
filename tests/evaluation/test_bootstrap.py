"""Intervals hold the truth as often as they say, and are the same every time."""

import numpy as np
import pytest

from pipelines.data.schema import Field, Schema
from pipelines.evaluation import units
from pipelines.evaluation.bootstrap import bootstrap_intervals, count_resamples
from pipelines.evaluation.intervals import Interval, distance_interval, percentile_interval
from pipelines.evaluation.units import resample_counts
from pipelines.tasks import score
from pipelines.tasks.classification import Classification, ClassReference

LABELS = ("no", "yes", "perhaps")


@pytest.fixture
def task() -> Classification:
    return Classification(
        Schema(
            inputs=(),
            target=Field(name="label", kind="category", dtype="int64", shape=(), categories=LABELS),
            title="Stand-in",
            origin="made here",
            licence="none",
        )
    )


def answers(generator: np.random.Generator, rows: int, accuracy: float) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (N, 3) that are right with the given chance, and targets (N,)."""
    targets = generator.integers(0, 3, rows)
    guesses = np.where(generator.random(rows) < accuracy, targets, (targets + 1) % 3)
    predictions = np.full((rows, 3), 0.1)
    predictions[np.arange(rows), guesses] = 0.8
    return predictions, targets


def test_every_metric_has_an_interval_around_its_score(task: Classification) -> None:
    predictions, targets = answers(np.random.default_rng(0), 300, 0.9)
    scores, found = (
        score(task, predictions, ClassReference(targets), {}),
        bootstrap_intervals(task, predictions, ClassReference(targets), {}, seed=1),
    )
    assert list(found) == [metric.name for metric in task.metrics]
    for name in found:
        assert found[name].low <= scores[name] <= found[name].high


def test_a_95_percent_interval_covers_the_true_accuracy_95_times_in_100(task: Classification) -> None:
    generator = np.random.default_rng(5)
    held = []
    for seed in range(120):
        predictions, targets = answers(generator, 100, 0.85)
        low, high = bootstrap_intervals(task, predictions, ClassReference(targets), {}, seed, resamples=200)["accuracy"]
        held.append(low <= 0.85 <= high)
    assert 0.88 <= np.mean(held) <= 0.99


def test_more_rows_make_an_interval_narrower_as_the_root_of_their_number(task: Classification) -> None:
    widths = []
    for rows in (200, 3200):
        predictions, targets = answers(np.random.default_rng(2), rows, 0.8)
        low, high = bootstrap_intervals(task, predictions, ClassReference(targets), {}, seed=3)["accuracy"]
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.2)  # sqrt(3200 / 200)


def test_the_same_seed_gives_the_same_intervals_and_another_seed_others(task: Classification) -> None:
    predictions, targets = answers(np.random.default_rng(0), 100, 0.9)
    assert bootstrap_intervals(task, predictions, ClassReference(targets), {}, seed=7) == bootstrap_intervals(
        task, predictions, ClassReference(targets), {}, seed=7
    )
    assert bootstrap_intervals(task, predictions, ClassReference(targets), {}, seed=7) != bootstrap_intervals(
        task, predictions, ClassReference(targets), {}, seed=8
    )


def test_a_set_too_large_for_one_block_is_drawn_in_blocks_with_the_same_draws() -> None:
    rows, resamples = units.MAX_BLOCK_CELLS // 3, 5
    blocks = list(resample_counts(rows, 11, resamples))
    generator = np.random.default_rng(11)
    whole = [np.bincount(generator.integers(0, rows, rows), minlength=rows) for _ in range(resamples)]
    assert len(blocks) == 2
    assert np.array_equal(np.concatenate(blocks), whole)


def test_small_sets_are_drawn_ten_thousand_times_and_large_ones_as_often_as_is_affordable() -> None:
    assert [count_resamples(rows) for rows in (1, 360, 1_000, 2_000, 10_000, 10**7)] == [
        *(10_000, 10_000, 10_000, 5_000, 1_000, 1_000),
    ]


def test_a_metric_that_is_undefined_everywhere_has_an_undefined_interval(task: Classification) -> None:
    one_class = ClassReference(np.zeros(3, dtype=int))
    found = bootstrap_intervals(task, np.eye(3)[[0, 0, 0]], one_class, {}, seed=0, resamples=20)
    assert np.isnan(found["roc_auc"]).all()


def test_resamples_without_a_score_are_left_out() -> None:
    assert percentile_interval(np.array([np.nan, 1.0, 1.0]), 0.95) == (1.0, 1.0)


@pytest.mark.parametrize(("rows", "low"), [(18, 0.815), (359, 0.990)])
def test_a_set_without_a_mistake_is_no_proof_of_perfection(task: Classification, rows: int, low: float) -> None:
    """Lower ends of 18 of 18 and 359 of 359 by scipy.stats.binomtest(...).proportion_ci(method="exact")."""
    targets = np.arange(rows) % 3
    found = bootstrap_intervals(task, np.eye(3)[targets], ClassReference(targets), {}, seed=0, resamples=50)
    for name in ("accuracy", "macro_precision", "macro_recall", "macro_f1", "balanced_accuracy"):
        assert found[name].low == pytest.approx(low, abs=5e-4)
        assert found[name].high == 1


def test_metrics_that_are_named_are_what_all_metrics_together_are(task: Classification) -> None:
    predictions, targets = answers(np.random.default_rng(0), 60, 0.8)
    weights = np.random.default_rng(1).integers(0, 3, (7, 60))
    everything = task.bootstrap_scores(predictions, ClassReference(targets), weights, {})
    for name, values in everything.items():
        (alone,) = task.bootstrap_scores_of([name], predictions, ClassReference(targets), weights, {}).values()
        assert np.array_equal(alone, values), name


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.85, 0.93, (0.0, 0.05)), (0.7, 0.85, (0.05, 0.2)), (0.92, 1.0, (0.02, 0.1))]
)
def test_the_distance_from_a_promise_is_from_0_where_the_share_may_be_what_was_promised(
    low: float, high: float, expected: tuple[float, float]
) -> None:
    assert distance_interval(Interval(low, high), 0.9) == pytest.approx(expected)
    assert np.isnan(distance_interval(Interval(np.nan, np.nan), 0.9)).all()

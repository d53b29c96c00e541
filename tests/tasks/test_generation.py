"""Drawn images are compared with real ones as crowds: by hand on points, by SciPy, and on digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance

from models.outputs.generation import UnscalePixels
from pipelines.data.parts import Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.generation import NOISE_SIZE, Generation, GenerationSettings, ImageReference
from pipelines.tasks.metrics import generation as generation_metrics
from pipelines.tasks.metrics.embedding import EMBEDDING_NAME, LAYER_CHANNELS, embed_images
from pipelines.tasks.metrics.generation import (
    bootstrap_frechet_distance,
    energy_distance_rows,
    is_in_manifold,
    nearer_to_train,
    nearest_neighbours,
    pairwise_distances,
    weighted_energy_distance,
)

NAMES = ("energy_distance", "frechet", "precision", "recall")


ROWS = 60


def schema_of(*shape: int, kind: str = "image") -> Schema:
    return Schema(
        inputs=(Field(name="image", kind=kind, dtype="uint8", shape=shape),),  # type: ignore[arg-type]  # a kind
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=("a", "b")),
        title="Digits",
        origin="made here",
        licence="none",
    )


@pytest.fixture(scope="module")
def parts(folder_of: Callable[[str], Path]) -> dict[str, Part]:
    folder = folder_of("drawings") / "split"
    schema = read_schema(folder / "schema.json")
    return {name: read_part(folder / name, schema) for name in ("train", "valid", "test")}


def copied(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32)


def points(rows: int, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1, (rows, 3))


def drawn_again(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.repeat(values, weights, axis=0)


def test_distances_are_scipys() -> None:
    left, right = points(20), points(9, seed=1)
    np.testing.assert_allclose(pairwise_distances(left, right), cdist(left, right), atol=1e-6)


def u_statistic(real: np.ndarray, drawn: np.ndarray) -> float:
    """The definition, with SciPy's distances: every pair of different points once."""
    between, among = cdist(real, drawn).mean(), [cdist(one, one) for one in (real, drawn)]
    pairs = len(real) * (len(real) - 1)
    return float(2 * between - sum(apart.sum() / pairs for apart in among))


def test_the_energy_distance_is_that_of_the_definition_and_compares_no_point_with_itself() -> None:
    real, drawn = points(50), points(50, 0.7, seed=1)
    assert energy_distance_rows(real, drawn).mean() == pytest.approx(u_statistic(real, drawn), abs=1e-6)


def test_on_a_line_the_energy_distance_is_scipys_but_for_points_compared_with_themselves() -> None:
    """SciPy's is the square root of the V-statistic, which has the same sums over 50 x 50 instead of 50 x 49 pairs."""
    real, drawn = points(50)[:, :1], points(50, 0.7, seed=1)[:, :1]
    spread = sum(cdist(one, one).sum() / 50 * (1 / 49 - 1 / 50) for one in (real, drawn))
    expected = energy_distance(real[:, 0], drawn[:, 0]) ** 2 - spread
    assert energy_distance_rows(real, drawn).mean() == pytest.approx(expected, rel=1e-6)


def test_energy_distance_is_around_zero_for_one_source_and_grows_with_the_gap() -> None:
    same = [energy_distance_rows(points(60, seed=2 * k), points(60, seed=2 * k + 1)).mean() for k in range(40)]
    assert min(same) < 0 < max(same)
    real = points(300)
    found = [energy_distance_rows(real, points(300, shift, seed=1)).mean() for shift in (0.0, 0.3, 1.0, 3.0)]
    assert found == sorted(found)
    assert found[0] < 0.05 < found[2]


@pytest.mark.parametrize("most", [1000, 60])
def test_the_error_of_the_energy_distance_is_that_of_new_sets_of_both_kinds(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation_metrics, "MAX_COMPARED_POINTS", most)
    found = [energy_distance_rows(points(120, seed=k), points(120, 0.8, seed=10_000 + k)) for k in range(300)]
    errors = np.mean([np.sqrt(rows.var() / len(rows)) for rows in found])
    assert errors == pytest.approx(np.std([rows.mean() for rows in found]), rel=0.15)


@pytest.mark.parametrize("most", [1000, 15])
def test_a_weighted_set_scores_as_the_points_it_holds(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generation_metrics, "MAX_COMPARED_POINTS", most)
    real, drawn = points(40), points(40, 0.5, seed=1)
    once = np.ones((1, 40), dtype=np.int64)
    assert weighted_energy_distance(real, drawn, once)[0] == pytest.approx(
        energy_distance_rows(real, drawn).mean(), abs=1e-9
    )
    weights = np.random.default_rng(2).multinomial(40, np.full(40, 1 / 40), size=4)
    for value, counts in zip(weighted_energy_distance(real, drawn, weights), weights, strict=True):
        if most == 1000:
            again = u_statistic(drawn_again(counts, real), drawn_again(counts, drawn))
            assert value == pytest.approx(again, abs=1e-6)


def test_the_frechet_distance_is_that_of_the_formula_with_scipys_matrix_root() -> None:
    real, drawn = points(80), points(80, 0.5, seed=1) * [1, 2, 0.5]
    weights = np.random.default_rng(2).multinomial(80, np.full(80, 1 / 80), size=3)
    for value, counts in zip(bootstrap_frechet_distance(real, drawn, weights.astype(float)), weights, strict=True):
        one, other = drawn_again(counts, real), drawn_again(counts, drawn)
        spread_one, spread_other = (np.cov(each, rowvar=False, bias=True) for each in (one, other))
        root = sqrtm(spread_one @ spread_other).real
        gap = np.square(one.mean(0) - other.mean(0)).sum()
        assert value == pytest.approx(gap + np.trace(spread_one + spread_other - 2 * root), rel=1e-6)


def test_frechet_distance_of_a_sample_to_itself_is_zero() -> None:
    assert bootstrap_frechet_distance(points(50), points(50), np.ones((1, 50)))[0] == pytest.approx(0, abs=1e-9)


def test_a_point_is_covered_within_reach_of_the_third_neighbour() -> None:
    """On a line: 0 reaches 3, 1 reaches 2 (to 3), 2 and 3 reach 2, 10 reaches 9 (to 1)."""
    by = np.array([[0.0], [1.0], [2.0], [3.0], [10.0]])
    points_to_place = np.array([[-3.0], [-3.1], [2.5], [5.0], [10.5], [19.0], [19.1]])
    assert is_in_manifold(points_to_place, by).tolist() == [True, False, True, True, True, True, False]


def test_the_nearest_point_of_another_set_is_found() -> None:
    number, apart = nearest_neighbours(np.array([[0.0, 0.0], [5.0, 0.0]]), np.array([[4.0, 0.0], [0.0, 1.0]]))
    assert number.tolist() == [1, 0]
    assert apart.tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (1, 1), (28, 20, 1)])
def test_an_embedding_does_not_depend_on_the_rest_of_the_batch(shape: tuple[int, ...]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, *shape), dtype=np.uint8)
    whole = embed_images(images)
    assert whole.shape == (9, 2 * LAYER_CHANNELS)
    assert f"{2 * LAYER_CHANNELS} features" in EMBEDDING_NAME
    np.testing.assert_allclose(np.concatenate([embed_images(images[:4]), embed_images(images[4:])]), whole, atol=1e-6)
    np.testing.assert_array_equal(embed_images(images.astype(np.float32)), whole)


def test_real_digits_beat_the_baselines_which_are_deterministic(
    parts: dict[str, Part],
) -> None:
    task = Generation(schema_of(8, 8))
    true_values = task.reference(parts["test"])
    floors, again = (task.baselines(parts["train"], parts["test"]) for _ in range(2))
    assert list(floors) == ["pixels on their own (baseline)", "Gaussian mixture (baseline)"]
    assert all(np.array_equal(values, again[name]) for name, values in floors.items())
    assert all(values.shape == true_values.images.shape and values.dtype == np.float32 for values in floors.values())
    assert all(values.min() >= 0 and values.max() <= 255 for values in floors.values())
    real = score(task, copied(task.reference(parts["valid"]).images), true_values, {})
    for values in floors.values():
        found = score(task, values, true_values, {})
        assert tuple(found) == NAMES == tuple(metric.name for metric in task.metrics)
        assert real["energy_distance"] < found["energy_distance"]
        assert real["frechet"] < found["frechet"]
        assert real["precision"] > found["precision"]
    assert real["precision"] > 0.8
    assert real["recall"] > 0.8


def test_the_goal_is_the_mean_over_examples(parts: dict[str, Part]) -> None:
    task = Generation(schema_of(8, 8))
    true_values, predictions = task.reference(parts["test"]), copied(task.reference(parts["valid"]).images)
    examples = task.objective_per_row(predictions, true_values)
    assert examples.shape == (len(predictions),)
    assert examples.mean() == pytest.approx(score(task, predictions, true_values, {})["energy_distance"], abs=1e-12)


def test_a_score_of_the_task_under_weights_is_that_of_the_repeated_rows(parts: dict[str, Part]) -> None:
    task = Generation(schema_of(8, 8))
    true_values, predictions = task.reference(parts["test"]), copied(task.reference(parts["valid"]).images)
    weights = np.random.default_rng(0).multinomial(
        len(predictions), np.full(len(predictions), 1 / len(predictions)), size=2
    )
    found = task.bootstrap_scores(predictions, true_values, weights, {})
    for resample, counts in enumerate(weights):
        again = score(
            task, drawn_again(counts, predictions), ImageReference(drawn_again(counts, true_values.images)), {}
        )
        for name in ("energy_distance", "frechet"):  # neighbours are those in the whole set
            assert found[name][resample] == pytest.approx(again[name], rel=1e-5)


def test_nan_samples_have_no_score() -> None:
    task, true_values = Generation(schema_of(4, 4)), ImageReference(np.zeros((5, 4, 4), dtype=np.uint8))
    assert np.isnan(list(score(task, np.full((5, 4, 4), np.nan), true_values, {}).values())).all()
    assert np.isnan(task.objective_per_row(np.full((5, 4, 4), np.nan), true_values)).all()


@given(st.sampled_from([(3, 4), (2, 5, 3), (6, 1, 1)]), st.integers(0, 2**31))
def test_pixels_survive_the_way_to_the_networks_units_and_back(shape: tuple[int, ...], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (4, *shape), dtype=torch.uint8, generator=generator)
    transform = UnscalePixels(shape)
    units = transform.inverse(images)
    assert units.shape == (4, np.prod(shape))
    assert units.min() >= -1
    assert units.max() <= 1
    torch.testing.assert_close(transform(units), images.float(), rtol=0, atol=1e-4)


def test_what_is_served_are_grey_levels() -> None:
    task = Generation(schema_of(2, 2))
    assert task.postprocess()(torch.tensor([-3.0, 0.0, 128.5, 300.0])).tolist() == [0, 0, 128.5, 255]
    assert task.head_width("vector") == 4
    assert task.calibrate(np.zeros(1), ImageReference(np.zeros(1))) == {}
    (field,) = task.input_fields
    assert (field.kind, field.shape) == ("noise", (NOISE_SIZE,))


def test_the_noise_of_a_part_is_always_the_same(parts: dict[str, Part]) -> None:
    task = Generation(schema_of(8, 8))
    (one,), (other,) = task.raw_inputs(parts["test"]), task.raw_inputs(parts["test"])
    assert np.array_equal(one, other)
    assert one.shape == (len(parts["test"].target), NOISE_SIZE)
    assert one.dtype == np.float32
    assert abs(one.mean()) < 0.1
    assert one.std() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(
    ("described", "goal", "sentence"),
    [
        (schema_of(8, 8), "accuracy", "goal of a generation must be one of energy_distance; found 'accuracy'"),
        (schema_of(kind="number"), None, "generation draws images; the input 'image' is of kind number"),
    ],
)
def test_targets_that_cannot_be_generated_are_refused(described: Schema, goal: str | None, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Generation(described, GenerationSettings(), goal)
    with pytest.raises(UserError, match="starts from noise"):
        Generation(schema_of(8, 8)).head_width("image")


def test_half_of_new_points_and_most_of_repeated_ones_are_nearer_to_train() -> None:
    train, unseen, new = points(900, seed=1), points(300, seed=2), points(300, seed=3)
    assert nearer_to_train(new, unseen, train).mean() == pytest.approx(0.5, abs=0.06)
    assert nearer_to_train(0.5 * new, unseen, train).mean() == pytest.approx(0.5, abs=0.06), "nearer to all is no sign"
    repeated = train[:300] + points(300, seed=4) * 0.01
    assert nearer_to_train(repeated, unseen, train).mean() > 0.6, "one lot of three holds the original"
    assert nearer_to_train(repeated, unseen, train[:300]).mean() > 0.95

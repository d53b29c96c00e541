"""Trees as tensors, against the libraries that grew them; and boosting that stops where validation says."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor, RandomForestRegressor
from torch import Tensor

from models.blocks.cost import Cost
from models.blocks.trees import LEAF, Midpoints, TreeEnsemble, TreeNodes, histogram_tree, scikit_tree
from models.gradient_boosting import FIRST_ROUNDS, Config, GradientBoosting
from tests.support.architecture_cases import random_tensor

X = random_tensor(300, 6)
WAVES = (X[:, 0] * 3).sin() + X[:, 1] * X[:, 2]


def stump(threshold: float, *values: float) -> TreeNodes:
    """A tree of one split, on feature 0."""
    return TreeNodes(
        np.array([0, -2, -2]),
        np.array([threshold, -2.0, -2.0]),
        np.array([1, LEAF, LEAF]),
        np.array([2, LEAF, LEAF]),
        np.array([[np.nan], *([value] for value in values)]),
    )


@pytest.mark.parametrize("kind", [RandomForestRegressor, ExtraTreesRegressor])
def test_a_forest_of_trees_adds_up_to_what_scikit_learn_predicts(kind: Any) -> None:
    forest = kind(7, random_state=0).fit(X.double().numpy(), WAVES.double().numpy())
    ensemble = TreeEnsemble(1)
    ensemble.set_trees([scikit_tree(one.tree_, one.tree_.value[:, :, 0]) for one in forest.estimators_])
    assert ensemble.trees == 7
    assert ensemble.depth == max(one.tree_.max_depth for one in forest.estimators_)
    unseen = random_tensor(500, 6, seed=1)
    np.testing.assert_allclose(ensemble(unseen)[:, 0] / 7, forest.predict(unseen.double().numpy()), atol=1e-6)


def test_histogram_boosting_is_the_same_on_its_train_rows_and_halfway_between_them() -> None:
    x = X.round(decimals=1)  # few values, so that thresholds of bins would hit some
    boosting = HistGradientBoostingRegressor(max_iter=30, max_bins=8).fit(x.double().numpy(), WAVES.double().numpy())
    midpoints = Midpoints(x.double().numpy())
    ensemble = TreeEnsemble(1)
    ensemble.set_trees([midpoints.recentre(histogram_tree(one.nodes)) for (one,) in boosting._predictors])
    expected = boosting.predict(x.double().numpy()) - boosting._baseline_prediction.item()
    np.testing.assert_allclose(ensemble(x)[:, 0], expected, atol=1e-6)
    assert torch.equal(ensemble(x), ensemble(x + 0.01))
    assert torch.equal(ensemble(x), ensemble(x - 0.01))


@given(st.floats(-(2**99), 2**99, width=32), st.floats(-1e30, 1e30))
def test_a_threshold_parts_float32_numbers_as_it_does_in_float64(value: float, threshold: float) -> None:
    ensemble = TreeEnsemble(1)
    ensemble.set_trees([stump(threshold, 1.0, 2.0)])
    nearest = torch.tensor([[value], [np.nextafter(np.float32(threshold), np.float32(np.inf))], [threshold]])
    expected = 1.0 + (nearest.double() > threshold)
    assert torch.equal(ensemble(nearest).double(), expected)


def test_a_threshold_moves_to_the_middle_of_its_gap() -> None:
    midpoints = Midpoints(np.array([[1.0], [3.0], [3.0], [8.0]]))
    for threshold, moved in ((1.0, 2.0), (2.9, 2.0), (3.0, 5.5), (7.9, 5.5), (0.5, 0.5), (9.0, 9.0)):
        assert midpoints.recentre(stump(threshold, 0, 0)).threshold[0] == moved


def test_trees_of_a_round_write_an_output_each() -> None:
    ensemble = TreeEnsemble(2)
    ensemble.set_trees([stump(0.0, 1, 2), stump(0.0, 10, 20), stump(5.0, 100, 200), stump(5.0, 1000, 2000)])
    assert ensemble(torch.tensor([[-1.0], [1.0], [9.0]])).tolist() == [[101, 1010], [102, 1020], [202, 2020]]


def test_a_leaf_keeps_rows_that_are_infinite_or_not_a_number() -> None:
    ensemble = TreeEnsemble(1)
    ensemble.set_trees([stump(0.0, 1, 2)])
    ensemble.depth = 5
    assert ensemble(torch.tensor([[torch.inf], [-torch.inf], [torch.nan]])).tolist() == [[2], [1], [1]]


def test_loading_makes_room_for_as_many_trees_as_were_saved() -> None:
    ensemble, other = TreeEnsemble(2), TreeEnsemble(2)
    ensemble.set_trees([stump(0.0, 1, 2), stump(0.0, 10, 20), stump(5.0, 100, 200), stump(5.0, 1000, 2000)])
    other.load_state_dict(ensemble.state_dict())
    assert (other.trees, other.depth) == (4, 1)
    assert torch.equal(other(X), ensemble(X))
    with pytest.raises(RuntimeError, match=r"Missing key.*left"):
        other.load_state_dict({name: tensor for name, tensor in ensemble.state_dict().items() if name != "left"})


def test_trees_cost_a_comparison_per_level_and_an_addition_per_leaf() -> None:
    ensemble = TreeEnsemble(1)
    ensemble.set_trees([stump(0.0, 1, 2), stump(1.0, 3, 4)])
    assert ensemble.cost() == Cost(4 * 6, 2 * (1 + 1), 4 * 4 * 6)


def test_rounds_stop_where_validation_is_best() -> None:
    generator = torch.Generator().manual_seed(0)
    noisy = WAVES + torch.randn(300, generator=generator)
    train, valid = slice(200), slice(200, 300)

    def loss(outputs: Tensor) -> float:
        return float((outputs[:, 0] - WAVES[valid]).square().mean())

    stopped = GradientBoosting(Config(rounds=1000, shrinkage=0.1, leaf=5), (6,), 1)
    losses = stopped.fit_rounds(X[train], noisy[train, None], 0, None, X[valid], loss)
    kept = stopped.trees.trees
    assert kept == stopped.rounds
    assert 1 <= kept < 500
    assert loss(stopped(X[valid])) == pytest.approx(losses[kept - 1], rel=1e-4)
    for rounds in (kept // 2, 2 * kept, 2 * FIRST_ROUNDS):
        fixed = GradientBoosting(Config(rounds=rounds, shrinkage=0.1, leaf=5), (6,), 1)
        fixed.fit(X[train], noisy[train, None], 0)
        assert loss(fixed(X[valid])) >= loss(stopped(X[valid])) * 0.995
    exact = GradientBoosting(Config(rounds=kept, shrinkage=0.1, leaf=5), (6,), 1)
    exact.fit(X[train], noisy[train, None], 0)
    assert torch.equal(exact(X), stopped(X)), "grown in steps, trees are the same"


@pytest.mark.parametrize("keep", [5, FIRST_ROUNDS + 30])
def test_as_many_rounds_are_kept_as_are_asked_for_whatever_validation_gains(keep: int) -> None:
    kept, exact = (GradientBoosting(Config(rounds=rounds, leaf=5), (6,), 1) for rounds in (1000, keep))
    kept.fit_rounds(X[:200], WAVES[:200, None], 0, None, X[200:], lambda outputs: 1.0, keep)
    exact.fit(X[:200], WAVES[:200, None], 0)
    assert kept.rounds == keep
    assert torch.equal(kept(X), exact(X))


def test_rows_that_weigh_nothing_change_nothing() -> None:
    config = Config(rounds=20, leaf=1, feature_share=1.0, penalty=0.0)
    weighted, alone = (GradientBoosting(config, (1,), 1) for _ in range(2))
    x = torch.arange(40.0)[:, None] % 20
    y = torch.cat([x[:20].square(), torch.full((20, 1), 1e3)])
    weighted.fit(x, y, 0, torch.cat([torch.ones(20), torch.zeros(20)]))
    alone.fit(x[:20], y[:20], 0)
    assert (alone(x[:20]) - y[:20]).abs().mean() < 60
    assert (weighted(x[:20]) - y[:20]).abs().mean() < 200 < (weighted(x[20:]) - y[20:]).abs().mean()

"""Gradient boosting: an additive ensemble of shallow regression trees, each fitted to the loss's gradient.

Every round adds one tree per output, shrunk by a learning rate, to that class's score or to that number. On tables of
numbers it is the model to beat.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29(5), 2001.
https://doi.org/10.1214/aos/1013203451
NOTE[DIFF] every round sees a random part of the examples (Friedman, "Stochastic Gradient Boosting", 2002), and every
    split is chosen among a random part of the inputs, sqrt(F) for classes and F / 3 for numbers, as random
    forests do (Hastie, Tibshirani & Friedman 2009, section 15.3): faster, and rarely worse.

Shapes: B batch, F features, O outputs.
"""

from typing import Any

from models.blocks.cost import NUMBER_BYTES, Cost, tree_bytes
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import ScikitModel, estimators_per_output


class Config(Hyperparameters):
    rounds: int = tunable(80, 20, 160, log=True, ge=1)  # trees per output
    depth: int = tunable(4, 2, 6, ge=1)  # splits on the longest path from root to leaf
    shrinkage: float = tunable(0.15, 0.02, 0.5, log=True, gt=0)  # learning rate: part of each tree that is added
    subsample: float = tunable(0.7, 0.4, 1.0, gt=0, le=1)  # part of the examples that a round sees


def gradient_boosting(config: Config, input_shape: tuple[int, ...], outputs: int) -> ScikitModel:
    """(B, F) -> (B, O)."""
    settings: dict[str, Any] = {
        "n_estimators": config.rounds,
        "max_depth": config.depth,
        "learning_rate": config.shrinkage,
        "subsample": config.subsample,
    }

    def make_classifier() -> Any:
        from sklearn.ensemble import GradientBoostingClassifier

        return GradientBoostingClassifier(max_features="sqrt", **settings)

    def make_regressor() -> Any:
        from sklearn.ensemble import GradientBoostingRegressor

        return GradientBoostingRegressor(max_features=1 / 3, **settings)

    return ScikitModel(make_classifier, make_regressor, outputs, count_cost)


def count_cost(estimator: Any) -> Cost:
    """Two numbers per split and one per leaf; a comparison per level, and 2 operations to add a tree's output."""
    boosters = estimators_per_output(estimator)
    trees = [tree.tree_ for booster in boosters for tree in booster.estimators_.ravel()]
    splits = sum(int(tree.node_count - tree.n_leaves) for tree in trees)
    leaves = sum(int(tree.n_leaves) for tree in trees)
    initial_values = sum(booster.estimators_.shape[1] for booster in boosters)  # the prediction before the first tree
    return Cost(
        2 * splits + leaves + initial_values,
        sum(int(tree.max_depth) + 2 for tree in trees),
        tree_bytes(splits + leaves, leaves) + NUMBER_BYTES * initial_values,
    )

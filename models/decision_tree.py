"""Decision tree: splits on thresholds of single inputs, chosen greedily (CART).

Every node compares one input with one threshold and goes left or right; a leaf predicts the shares of the classes of
its training examples, or the mean of their numbers. It is the one architecture here whose predictions a person can
follow by hand.

Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", 1984. https://doi.org/10.1201/9781315139470
NOTE[DIFF] impurity may be the entropy, and growth is stopped by depth and leaf size instead of pruned afterwards.

Shapes: B batch, F features, O outputs.
"""

from typing import Any

from models.blocks.cost import Cost, tree_bytes
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.scikit import ScikitModel


class Config(Hyperparameters):
    depth: int = tunable(8, 2, 24, ge=1)  # splits on the longest path from root to leaf
    leaf: int = tunable(5, 1, 50, log=True, ge=1)  # fewest training examples in a leaf
    impurity: str = choice("entropy", "entropy", "gini")  # what splits reduce; for numbers, variance


def decision_tree(config: Config, input_shape: tuple[int, ...], outputs: int) -> ScikitModel:
    """(B, F) -> (B, O)."""

    def make_classifier() -> Any:
        from sklearn.tree import DecisionTreeClassifier

        return DecisionTreeClassifier(max_depth=config.depth, min_samples_leaf=config.leaf, criterion=config.impurity)

    def make_regressor() -> Any:
        from sklearn.tree import DecisionTreeRegressor

        return DecisionTreeRegressor(max_depth=config.depth, min_samples_leaf=config.leaf)

    return ScikitModel(make_classifier, make_regressor, outputs, count_cost)


def count_cost(estimator: Any) -> Cost:
    """An input's index and a threshold per split, a number per output and leaf; a comparison per level."""
    tree = estimator.tree_
    splits = int(tree.node_count - tree.n_leaves)
    _, numbers, classes = tree.value.shape  # of every node; one of the two is 1
    leaf_values = int(tree.n_leaves) * numbers * classes
    return Cost(2 * splits + leaf_values, int(tree.max_depth), tree_bytes(int(tree.node_count), leaf_values))

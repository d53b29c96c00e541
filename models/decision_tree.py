"""Decision tree: splits on thresholds of single inputs, chosen greedily (CART).

Every node compares one input with one threshold and goes left or right; a leaf predicts the shares of the classes of
its training examples, or the mean of their numbers. It is the one architecture here whose predictions a person can
follow by hand.

Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", 1984. https://doi.org/10.1201/9781315139470
NOTE[DIFF] impurity may be the entropy, and growth is stopped by depth and leaf size instead of pruned afterwards.

When to choose it: a table of which a person must be able to follow every prediction by hand. Where accuracy counts,
`random_forest` and `gradient_boosting` are better.

Initial weights: none: trees are grown from the data; the seed decides between splits that are equally good.

Shapes: B batch, N examples, F features, O outputs.
"""

from typing import final

import numpy as np
from torch import Tensor, nn

from models.blocks.cost import Cost
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.scikit import MIN_PROBABILITY, Estimator, Floats, fit_estimator, numbers_to_predict, to_float64
from models.blocks.trees import Midpoints, TreeEnsemble, scikit_tree


class Config(Hyperparameters):
    depth: int = tunable(8, 2, 24, ge=1)  # splits on the longest path from root to leaf
    leaf: int = tunable(5, 1, 50, log=True, ge=1)  # fewest training examples in a leaf
    impurity: str = choice("entropy", "entropy", "gini")  # what splits reduce; for numbers, variance


@final
class DecisionTree(nn.Module):
    """(B, F) -> (B, O): the logarithm of the classes' shares in a leaf, or its mean numbers.

    A class that is not in the leaf has the logarithm of 1e-12.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.config = config
        self.outputs = outputs
        self.trees = TreeEnsemble(outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.trees(x)
        return scores

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Grow the tree; the same seed and data give the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, int64 (N,), or the numbers to predict, float (N, O).
            seed: of the order in which equally good splits are tried.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if the numbers to predict are of another width.
        """
        from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

        limits = {"max_depth": self.config.depth, "min_samples_leaf": self.config.leaf, "random_state": seed}
        features = to_float64(x)
        if y.is_floating_point():
            estimator: Estimator = DecisionTreeRegressor(**limits)
            fit_estimator(estimator, features, numbers_to_predict(y, self.outputs), sample_weight)
            leaf_values: Floats = estimator.tree_.value[:, :, 0]  # (m, O)
        else:
            estimator = DecisionTreeClassifier(criterion=self.config.impurity, **limits)
            fit_estimator(estimator, features, y.cpu().numpy(), sample_weight)
            leaf_values = self._log_shares(estimator)
        self.trees.set_trees([Midpoints(features).recentre(scikit_tree(estimator.tree_, leaf_values))])

    def _log_shares(self, estimator: Estimator) -> Floats:
        """Logarithm of the classes' shares in every node, (m, O)."""
        shares = np.zeros((estimator.tree_.node_count, self.outputs))
        shares[:, estimator.classes_] = estimator.tree_.value[:, 0]
        logarithms: Floats = np.log(shares.clip(MIN_PROBABILITY, 1.0))
        return logarithms

    def cost(self) -> Cost:
        """Of the tree, for one example."""
        return self.trees.cost()

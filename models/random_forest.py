"""Random forest: the mean of many trees, each grown on other rows and other inputs.

Every tree sees a random draw of the rows and, at every split, a random share of the inputs; so their errors differ and
the mean has less of them. It needs hardly any tuning, which makes it the strong start on any table.

Breiman, "Random Forests", Machine Learning 45, 2001. https://doi.org/10.1023/A:1010933404324
NOTE[DIFF] trees give the shares of the classes in a leaf and the forest their mean; the paper's trees vote.
NOTE[DIFF] depth and leaf size are limited; the paper's trees grow until a leaf is pure.
NOTE[DIFF] a threshold is moved to the middle between the train values it parts (`models/blocks/trees.py`).

When to choose it: a table of hundreds to some ten thousands of rows and no time to tune. It is large to store, and
forecasts no further than the numbers that it saw.

Initial weights: none: trees are grown from the data; the seed draws rows and inputs.

Shapes: B batch, N examples, F features, O outputs, T trees, m nodes of a tree.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.cost import Cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import MIN_PROBABILITY, Estimator, Floats, fit_estimator, numbers_to_predict, to_float64
from models.blocks.trees import Midpoints, TreeEnsemble, scikit_tree


class Config(Hyperparameters):
    trees: int = tunable(100, 50, 300, log=True, ge=1)  # more never hurt but take time and space
    depth: int = tunable(16, 4, 24, ge=1)  # splits on the longest path from root to leaf
    leaf: int = tunable(2, 1, 20, log=True, ge=1)  # fewest training examples in a leaf
    feature_share: float = tunable(0.3, 0.1, 1.0, gt=0, le=1)  # part of the inputs that a split is chosen among


@final
class RandomForest(nn.Module):
    """(B, F) -> (B, O): the logarithm of the trees' mean shares of the classes, or their mean numbers.

    A class that is in no leaf has the logarithm of 1e-12.

    Attributes:
        predicts_classes: 1 or 0, as fitted.
    """

    predicts_classes: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.config = config
        self.outputs = outputs
        self.trees = TreeEnsemble(outputs)
        self.register_buffer("predicts_classes", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        means = self.trees(x)
        return torch.where(self.predicts_classes > 0, means.clamp(min=MIN_PROBABILITY).log(), means)

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Grow the trees; the same seed and data give the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, int64 (N,), or the numbers to predict, float (N, O).
            seed: of the rows and inputs that are drawn.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if the numbers to predict are of another width.
        """
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        settings: dict[str, Any] = {
            "n_estimators": self.config.trees,
            "max_depth": self.config.depth,
            "min_samples_leaf": self.config.leaf,
            "max_features": self.config.feature_share,
            "random_state": seed,
        }
        features, is_classifier = to_float64(x), not y.is_floating_point()
        forest: Estimator = (RandomForestClassifier if is_classifier else RandomForestRegressor)(**settings)
        target = y.cpu().numpy() if is_classifier else numbers_to_predict(y, self.outputs)
        if target.shape[1:] == (1,):
            target = target[:, 0]
        fit_estimator(forest, features, target, sample_weight)
        midpoints = Midpoints(features)
        classes = forest.classes_ if is_classifier else None
        self.trees.set_trees(
            [
                midpoints.recentre(scikit_tree(tree.tree_, self._leaf_values(tree.tree_.value, classes) / len(forest)))
                for tree in forest.estimators_
            ]
        )
        self.predicts_classes.fill_(is_classifier)

    def _leaf_values(self, values: Floats, classes: Any) -> Floats:
        """Shares of the classes, or mean numbers, in every node: (m, O)."""
        if classes is None:
            return values[:, :, 0]
        shares = np.zeros((len(values), self.outputs))
        shares[:, classes] = values[:, 0]
        return shares

    def cost(self) -> Cost:
        """Of all trees, for one example."""
        return self.trees.cost()

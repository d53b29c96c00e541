"""Isolation forest: how few random cuts set an example apart, as an anomaly score.

Every tree cuts a small draw of the examples at random inputs and random thresholds until each is alone, or has been cut
off as often as is usual. What is unlike the rest is alone after few cuts. It needs no distance, no scale and no labels,
and learns what is usual from a few hundred examples a tree.

Liu, Ting & Zhou, "Isolation Forest", ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
NOTE[DIFF] a threshold is moved to the middle between the train values it parts (`models/blocks/trees.py`).

When to choose it: anomalies in a table, without scaling or tuning. It answers with a score and draws nothing again;
where columns depend on each other, `pca` and `autoencoder` see what it does not.

Initial weights: none: trees are grown from the data; the seed draws rows, inputs and thresholds.

Shapes: B batch, N examples, F features, m nodes of a tree.
"""

import math
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.cost import Cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import Floats, fit_estimator, to_float64
from models.blocks.trees import LEAF, Midpoints, TreeEnsemble, scikit_tree


class Config(Hyperparameters):
    trees: int = tunable(100, 50, 300, log=True, ge=1)  # more make the score steadier
    draw: int = tunable(256, 64, 1024, log=True, ge=2)  # examples that a tree is grown on, at most
    feature_share: float = tunable(1.0, 0.3, 1.0, gt=0, le=1)  # part of the inputs that a tree looks at


@final
class IsolationForest(nn.Module):
    """(B, F) -> (B, 1): the anomaly score, from 0 to 1; about 0.5 for what is as usual as the rest.

    Raises:
        ValueError: if anything but one score is asked for.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        if outputs != 1:
            raise ValueError(f"isolation_forest gives one score, got {outputs} outputs")
        self.config = config
        self.trees = TreeEnsemble(1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(-math.log(2) * self.trees(x))

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Grow the trees; the same seed and data give the same bytes.

        Args:
            x: inputs of usual examples, (N, F).
            y: ignored; a score is learned without labels.
            seed: of all that is drawn.

        Raises:
            ValueError: if there are sample weights.
        """
        import sklearn.ensemble

        refuse_sample_weight(sample_weight)
        features = to_float64(x)
        forest = sklearn.ensemble.IsolationForest(
            n_estimators=self.config.trees,
            max_samples=min(self.config.draw, len(features)),
            max_features=self.config.feature_share,
            random_state=seed,
        )
        fit_estimator(forest, features, np.zeros(len(features)))
        usual_depth = float(mean_depth(np.array([forest.max_samples_]))[0]) or 1.0
        midpoints, trees = Midpoints(features), []
        for estimator, inputs in zip(forest.estimators_, forest.estimators_features_, strict=True):
            tree = estimator.tree_
            lengths = path_lengths(tree.children_left, tree.children_right, tree.n_node_samples)
            nodes = scikit_tree(tree, lengths[:, None] / (usual_depth * len(forest)))
            nodes = nodes._replace(feature=inputs[np.where(nodes.left == LEAF, 0, nodes.feature)])
            trees.append(midpoints.recentre(nodes))
        self.trees.set_trees(trees)

    def cost(self) -> Cost:
        """Of all trees, for one example."""
        return self.trees.cost()


def mean_depth(rows: NDArray[np.int64]) -> Floats:
    """The mean number of cuts after which each of so many rows is alone; equation 1 of the paper.

    >>> mean_depth(np.array([1, 2, 256])).round(4).tolist()
    [0.0, 1.0, 10.2448]
    """
    many = np.maximum(rows, 3)
    depth = 2 * (np.log(many - 1.0) + np.euler_gamma) - 2 * (many - 1.0) / many
    return np.where(rows > 2, depth, np.where(rows == 2, 1.0, 0.0))


def path_lengths(left: NDArray[np.int64], right: NDArray[np.int64], rows: NDArray[np.int64]) -> Floats:
    """Cuts from the root to every node, and as many more as its rows would take, (m,)."""
    cuts = np.zeros(len(left))
    for node, (one, other) in enumerate(zip(left, right, strict=True)):  # a parent stands before its children
        if one != LEAF:
            cuts[[one, other]] = cuts[node] + 1
    lengths: Floats = cuts + mean_depth(rows)
    return lengths

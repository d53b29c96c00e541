"""Decision trees as tensors: all trees of an ensemble are walked at once, level by level, by table look-ups.

A tree that another library grew is plain numbers here, so that it is stored, exported and moved to a device like any
network. Nodes of all trees stand in one table: the roots first, then level by level, a right child behind its left
one. A row goes left where its feature is at most the threshold. A leaf is its own left child and its threshold is
infinite, so that a row that has reached it stays.

Features are float32, thresholds were chosen in float64. Halfway between the two train values that a threshold parts,
and rounded down, it parts them in float32 as well, and is as far as can be from both: a feature whose last bit another
runtime computes differently stays on its side.

Shapes: B batch, N examples, F features, T trees, M nodes of all trees, K numbers in a leaf, O outputs.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.cost import Cost, stored_cost

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAF = -1  # the left child of a leaf, in `TreeNodes`


class TreeNodes(NamedTuple):
    """Nodes of one tree, the root first; m of them."""

    feature: Integers  # (m,); of a leaf, any
    threshold: Floats  # (m,): rows with at most that much go left; of a leaf, any
    left: Integers  # (m,): the left child's place in this tree; LEAF in a leaf
    right: Integers  # (m,)
    value: Floats  # (m, K); of a split, any


@final
class TreeEnsemble(nn.Module):
    """(B, F) -> (B, O): the sum over trees of the leaves that a row reaches.

    Trees may write all outputs (K = O), or K of them each: then trees come in rounds, O / K after each other, the
    first of a round for the first K outputs. Before there are trees, all outputs are 0.

    Attributes:
        feature: that a node compares, int32 (M,).
        threshold: float32 (M,).
        left: number of the left child, the right one's is next; of a leaf, its own; int32 (M,).
        value: float32 (M, K).
    """

    feature: Tensor
    threshold: Tensor
    left: Tensor
    value: Tensor

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        self.register_buffer("feature", torch.zeros(1, dtype=torch.int32))
        self.register_buffer("threshold", torch.full((1,), torch.inf))
        self.register_buffer("left", torch.zeros(1, dtype=torch.int32))
        self.register_buffer("value", torch.zeros(1, outputs))
        self.register_load_state_dict_pre_hook(make_room)  # type: ignore[no-untyped-call]  # PyTorch types no hooks
        self.register_load_state_dict_post_hook(TreeEnsemble._measure)  # type: ignore[no-untyped-call]  # PyTorch types no hooks
        self._measure()

    def set_trees(self, trees: Sequence[TreeNodes]) -> None:
        """Take over trees, in rounds where they write some of the outputs only."""
        nodes = _stack(trees)
        order, left = _by_level(nodes.left, nodes.right, _roots(trees))
        is_leaf = left == np.arange(len(left))
        device = self.left.device
        self.feature = torch.from_numpy(np.where(is_leaf, 0, nodes.feature[order]).astype(np.int32)).to(device)
        self.threshold = torch.from_numpy(_round_down(np.where(is_leaf, np.inf, nodes.threshold[order]))).to(device)
        self.left = torch.from_numpy(left.astype(np.int32)).to(device)
        self.value = torch.from_numpy(np.where(is_leaf[:, None], nodes.value[order], 0.0).astype(np.float32)).to(device)
        self._measure()

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[0]
        features = x.flatten()
        row_start = (torch.arange(rows, dtype=torch.int32, device=x.device) * x.shape[1]).repeat_interleave(self.trees)
        node = torch.arange(self.trees, dtype=torch.int32, device=x.device).repeat(rows)  # (B T,): the roots
        for _ in range(self.depth):
            found = features.index_select(0, row_start + self.feature.index_select(0, node))
            goes_right = found > self.threshold.index_select(0, node)
            node = self.left.index_select(0, node) + goes_right.to(torch.int32)
        leaves = self.value.index_select(0, node)  # (B T, K)
        rounds = self.trees * self.value.shape[1] // self.outputs
        return leaves.reshape(rows, rounds, self.outputs).sum(1)

    def cost(self) -> Cost:
        """All that is stored; a comparison per tree and level, and an addition per number of a leaf."""
        return stored_cost(self, self.trees * (self.depth + self.value.shape[1]))

    def _measure(self, _: Any = None) -> None:
        """Count the trees and their levels, which follow from the table."""
        left = self.left.cpu().long()
        is_split = left != torch.arange(len(left))
        self.trees = len(left) - 2 * int(is_split.sum())  # all other nodes are children of a split
        self.depth = 0
        level = torch.arange(self.trees)
        while len(level := level[is_split[level]]):
            level = torch.cat([left[level], left[level] + 1])
            self.depth += 1


def make_room(module: nn.Module, state_dict: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    """Size a module's own buffers as those that are about to be loaded: a hook, where the fit decides their shapes."""
    for name, own in list(module.named_buffers(recurse=False)):
        if (loaded := state_dict.get(prefix + name)) is not None:
            setattr(module, name, own.new_empty(loaded.shape))


class Midpoints:
    """Thresholds halfway between the train values that they part.

    Args:
        features: that the trees were fitted to, float32 values (N, F).
    """

    def __init__(self, features: Floats) -> None:
        self._features = features
        self._values: dict[int, Floats] = {}  # that occur, ascending, by feature

    def recentre(self, nodes: TreeNodes) -> TreeNodes:
        """The same tree on the train rows, with every threshold in the middle of its gap."""
        threshold = nodes.threshold.copy()
        is_split = nodes.left != LEAF
        for feature in np.unique(nodes.feature[is_split]):
            chosen = is_split & (nodes.feature == feature)
            threshold[chosen] = self._middle(int(feature), nodes.threshold[chosen])
        return nodes._replace(threshold=threshold)

    def _middle(self, feature: int, thresholds: Floats) -> Floats:
        if feature not in self._values:
            self._values[feature] = np.unique(self._features[:, feature])
        values = self._values[feature]
        place = np.searchsorted(values, thresholds, side="right")  # of the next larger value
        parts = (place > 0) & (place < len(values))
        below, above = values[np.maximum(place - 1, 0)], values[np.minimum(place, len(values) - 1)]
        return np.where(parts, below / 2 + above / 2, thresholds)


def scikit_tree(tree: Any, leaf_values: Floats) -> TreeNodes:
    """The nodes of an estimator's `tree_`, as of a decision tree, a random forest or an isolation forest.

    Args:
        leaf_values: of every node, (m, K).
    """
    return TreeNodes(
        tree.feature.astype(np.int64),
        tree.threshold.astype(np.float64),
        tree.children_left.astype(np.int64),  # -1 in a leaf
        tree.children_right.astype(np.int64),
        leaf_values,
    )


def histogram_tree(nodes: NDArray[Any]) -> TreeNodes:
    """The nodes of a predictor of scikit-learn's histogram gradient boosting, which has no categorical splits."""
    return TreeNodes(
        nodes["feature_idx"].astype(np.int64),
        nodes["num_threshold"].astype(np.float64),
        np.where(nodes["is_leaf"] != 0, LEAF, nodes["left"].astype(np.int64)),
        nodes["right"].astype(np.int64),
        nodes["value"].astype(np.float64)[:, None],
    )


def _roots(trees: Iterable[TreeNodes]) -> Integers:
    """Where each tree begins once they are stacked, (T,)."""
    counts = [len(tree.left) for tree in trees]
    return np.cumsum([0, *counts[:-1]]).astype(np.int64)


def _stack(trees: Sequence[TreeNodes]) -> TreeNodes:
    """All trees behind each other, with children's numbers among all nodes."""
    children = [
        [
            np.where(tree.left == LEAF, LEAF, side + root)
            for tree, side, root in zip(trees, sides, _roots(trees), strict=True)
        ]
        for sides in ([tree.left for tree in trees], [tree.right for tree in trees])
    ]
    return TreeNodes(
        np.concatenate([tree.feature for tree in trees]),
        np.concatenate([tree.threshold for tree in trees]),
        np.concatenate(children[0]),
        np.concatenate(children[1]),
        np.concatenate([tree.value for tree in trees]),
    )


def _by_level(left: Integers, right: Integers, roots: Integers) -> tuple[Integers, Integers]:
    """The order of the nodes, roots first, then level by level with siblings side by side; and the left children in it.

    Returns:
        The old number of every new node, (M,), and the new number of its left child, (M,); of a leaf, its own.
    """
    levels, level = [roots], roots
    while len(splits := level[left[level] != LEAF]):
        level = np.stack([left[splits], right[splits]], 1).ravel()
        levels.append(level)
    order = np.concatenate(levels)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    old_left = left[order]
    return order, np.where(old_left == LEAF, np.arange(len(order)), place[old_left])


def _round_down(values: Floats) -> NDArray[np.float32]:
    """The largest float32 numbers that are not above these."""
    rounded = values.astype(np.float32)
    return np.where(rounded > values, np.nextafter(rounded, np.float32(-np.inf)), rounded)

"""Gradient boosting: an additive ensemble of regression trees, each fitted to the loss's gradient.

Every round adds one tree per output, shrunk by a learning rate, to that class's score or to that number. Inputs are put
into at most 255 bins first, so that a round takes time for rows and bins instead of for sorted values; rounds end where
validation gains nothing from more. On tables it is the model to beat.

Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29(5), 2001.
https://doi.org/10.1214/aos/1013203451
Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NIPS 2017: histograms, growth leaf by leaf.
NOTE[DIFF] every split is chosen among a random share of the inputs, as in random forests.
NOTE[DIFF] a tree is no deeper than MAX_DEPTH: all trees are walked as long as the deepest.
NOTE[DIFF] a threshold is moved to the middle between the train values it parts (`models/blocks/trees.py`).

When to choose it: a table, above all with thousands of rows or more, mixed numbers and categories, missing cells and
steps in how the target depends on them. Like every tree it forecasts no further than the numbers that it saw.

Initial weights: none: trees are grown from the data, from the constant with the smallest loss; the seed draws the
inputs of each split.

Shapes: B batch, N examples, V validation examples, F features, O outputs, S scores that trees are grown for: the
classes that occur (of two, their difference), or the numbers.
"""

from collections.abc import Callable, Iterator
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.blocks.cost import Cost, stored_cost
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import MIN_PROBABILITY, Estimator, fit_estimator, numbers_to_predict, to_float64
from models.blocks.trees import Midpoints, TreeEnsemble, TreeNodes, histogram_tree, make_room

MAX_DEPTH = 12  # splits on the longest path from root to leaf
FIRST_ROUNDS = 50  # rounds after which validation is looked at first; then after twice as many, again and again
IDLE_SHARE = 0.25  # of the rounds so far, that validation does not need, after which no more are grown
LOSS_TOLERANCE = 1e-3  # of what the rounds gain on validation, that fewer rounds may lack

Round = tuple[TreeNodes, ...]  # one tree per score


class Config(Hyperparameters):
    rounds: int = tunable(1000, 250, 1000, log=True, ge=1)  # trees per output at most; validation says how many
    shrinkage: float = tunable(0.06, 0.02, 0.2, log=True, gt=0)  # learning rate: part of each tree that is added
    leaves: int = tunable(31, 4, 96, log=True, ge=2)  # most leaves of a tree
    leaf: int = tunable(20, 2, 100, log=True, ge=1)  # fewest training examples in a leaf
    penalty: float = tunable(1.0, 1e-3, 100.0, log=True, ge=0)  # L2 penalty on the numbers in the leaves
    feature_share: float = tunable(0.7, 0.2, 1.0, gt=0, le=1)  # part of the inputs that a split is chosen among


@final
class GradientBoosting(nn.Module):
    """(B, F) -> (B, O): scores that a softmax makes probabilities of, or numbers.

    A class that never occurred in training has the score log(1e-12), whatever the inputs.

    Attributes:
        trees: S scores.
        place: 1 where a score is that of an output, (S, O).
        initial: prediction before the first tree, (O,).
    """

    place: Tensor
    initial: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.config = config
        self.outputs = outputs
        self.trees = TreeEnsemble(outputs)
        self.register_buffer("place", torch.eye(outputs))
        self.register_buffer("initial", torch.zeros(outputs))
        self.register_load_state_dict_pre_hook(make_room)  # type: ignore[no-untyped-call]  # PyTorch types no hooks
        self.register_load_state_dict_post_hook(GradientBoosting._share_scores)  # type: ignore[no-untyped-call]  # PyTorch types no hooks

    def forward(self, x: Tensor) -> Tensor:
        return torch.addmm(self.initial, self.trees(x), self.place)

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Grow all rounds; the same seed and data give the same bytes.

        Args:
            x: inputs, (N, F).
            y: number of the right class, int64 (N,), or the numbers to predict, float (N, O).
            seed: of the inputs that splits are chosen among.
            sample_weight: how much each example counts, (N,); None: all the same.

        Raises:
            ValueError: if the numbers to predict are of another width.
        """
        boosting = _Boosting(self.config, x, y, seed, sample_weight, self.outputs)
        self._keep(boosting, list(boosting.grow_to(self.config.rounds)))

    def fit_rounds(
        self,
        x: Tensor,
        y: Tensor,
        seed: int,
        sample_weight: Tensor | None,
        valid_x: Tensor,
        loss: Callable[[Tensor], float],
        keep: int | None = None,
    ) -> list[float]:
        """Grow rounds until validation gains nothing, and keep as many as it needs; otherwise as `fit`.

        Args:
            valid_x: inputs of the validation part, (V, F).
            loss: of outputs (V, O) for these; smaller is better.
            keep: so many rounds, whatever validation gains.

        Returns:
            The loss after every round that was tried.
        """
        boosting = _Boosting(self.config, x, y, seed, sample_weight, self.outputs)
        place, initial = (values.to(valid_x.device) for values in (boosting.place, boosting.initial))
        scores = valid_x.new_zeros(len(valid_x), len(place))
        rounds: list[Round] = []
        losses: list[float] = []
        best, until = 0, min(FIRST_ROUNDS, self.config.rounds)
        while len(rounds) < until:
            for trees in boosting.grow_to(until):
                rounds.append(trees)
                scores += _ensemble_of(trees, valid_x.device)(valid_x)
                losses.append(loss(torch.addmm(initial, scores, place)))
            best = _enough_rounds(losses) if keep is None else keep
            if best > (1 - IDLE_SHARE) * until:
                until = min(2 * until, self.config.rounds)
        self._keep(boosting, rounds[:best])
        return losses

    @property
    def rounds(self) -> int:
        """How many rounds there are."""
        return self.trees.trees // len(self.place)

    def cost(self) -> Cost:
        """Of the trees and of what turns their scores into outputs, for one example."""
        return stored_cost(self, self.trees.cost().flops + 2 * self.place.numel())

    def _keep(self, boosting: "_Boosting", rounds: list[Round]) -> None:
        self.trees.set_trees([tree for trees in rounds for tree in trees])
        self.place = boosting.place.to(self.initial)
        self.initial.copy_(boosting.initial)
        self._share_scores()

    def _share_scores(self, _: Any = None) -> None:
        self.trees.outputs = len(self.place)  # which follows from the classes that occur


class _Boosting:
    """Scikit-learn's histogram gradient boosting, grown in steps."""

    def __init__(
        self, config: Config, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None, outputs: int
    ) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self.features, self.sample_weight = to_float64(x), sample_weight
        self.midpoints = Midpoints(self.features)
        settings: dict[str, Any] = {
            "learning_rate": config.shrinkage,
            "max_leaf_nodes": config.leaves,
            "max_depth": MAX_DEPTH,
            "min_samples_leaf": config.leaf,
            "l2_regularization": config.penalty,
            "max_features": config.feature_share,
            "early_stopping": False,
            "warm_start": True,
            "random_state": seed,
        }
        self.is_classifier = not y.is_floating_point()
        self.outputs = outputs
        self.estimators: list[Estimator]
        if self.is_classifier:
            self.targets = [y.cpu().numpy()]
            self.estimators = [HistGradientBoostingClassifier(**settings)]
        else:
            self.targets = list(numbers_to_predict(y, outputs).T)
            self.estimators = [HistGradientBoostingRegressor(**settings) for _ in self.targets]
        self._fit(1)  # what place and initial values follow from
        self.rounds = 0

    @property
    def place(self) -> Tensor:
        """(S, O)."""
        if not self.is_classifier:
            return torch.eye(self.outputs)
        classes = torch.from_numpy(self.estimators[0].classes_)
        return torch.eye(self.outputs)[classes[1:] if len(classes) == 2 else classes]

    @property
    def initial(self) -> Tensor:
        """(O,)."""
        start = np.concatenate([estimator._baseline_prediction.ravel() for estimator in self.estimators])
        initial = torch.full((self.outputs,), float(np.log(MIN_PROBABILITY)) if self.is_classifier else 0.0)
        if self.is_classifier:
            initial[torch.from_numpy(self.estimators[0].classes_)] = 0.0
        return initial + torch.from_numpy(start).float() @ self.place

    def grow_to(self, rounds: int) -> Iterator[Round]:
        """Grow up to so many rounds in all; the new ones."""
        self._fit(rounds)
        first, self.rounds = self.rounds, rounds
        for number in range(first, rounds):
            yield tuple(
                self.midpoints.recentre(histogram_tree(predictor.nodes))
                for estimator in self.estimators
                for predictor in estimator._predictors[number]
            )

    def _fit(self, rounds: int) -> None:
        for estimator, target in zip(self.estimators, self.targets, strict=True):
            estimator.set_params(max_iter=rounds)
            fit_estimator(estimator, self.features, target, self.sample_weight)


def _enough_rounds(losses: list[float]) -> int:
    """The fewest rounds that lack next to nothing of what the best number of rounds gains on validation."""
    least = min(losses)
    gain = losses[0] - least if losses[0] < np.inf else 0.0
    return next(number for number, loss in enumerate(losses, 1) if loss <= least + LOSS_TOLERANCE * gain)


def _ensemble_of(trees: Round, device: torch.device) -> TreeEnsemble:
    ensemble = TreeEnsemble(len(trees)).to(device)
    ensemble.set_trees(trees)
    return ensemble

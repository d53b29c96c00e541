"""Losses of class numbers, with an optional weight per example.

Every function takes outputs, one score per class before any softmax (logits), (B, O); target, the number of the right
class, int64 (B,); and weights, how much each example counts, (B,), or None for all the same. It refuses other shapes
with a ValueError and returns a scalar, the mean over the examples, computed in float32 whatever the outputs' precision.

Shapes: B batch, O classes.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

MARGIN = 1.0  # by which the right class has to lead


def cross_entropy(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cross-entropy, in nats: -log softmax(outputs)[target]; 0 where it is certain, log(O) where all scores are equal.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.

    >>> round(cross_entropy(torch.zeros(1, 4), torch.tensor([2])).item(), 4)    # log 4
    1.3863
    """
    _check_shapes("cross_entropy", outputs, target)
    if weights is None:
        return F.cross_entropy(outputs.float(), target)
    return _weighted_mean(F.cross_entropy(outputs.float(), target, reduction="none"), weights)


def one_vs_rest_cross_entropy(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """One-vs-rest cross-entropy, in nats: -log p of the right class, and -log(1 - p) of every other.

    Binary cross-entropy on the softmax's probabilities p. Unlike cross-entropy it depends on which of the wrong classes
    got the rest: all of it on one costs more than a little on each.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, equation 4.90, for every class.
    """
    _check_shapes("one_vs_rest_cross_entropy", outputs, target)
    log_p = F.log_softmax(outputs.float(), 1)
    log_rest = torch.log1p(-log_p.exp().clamp(max=1 - 1e-7))  # log(1 - p)
    one_hot = F.one_hot(target, outputs.shape[1]).to(log_p.dtype)
    return _weighted_mean(-(one_hot * log_p + (1 - one_hot) * log_rest).sum(1), weights)


def hinge_loss(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Multiclass hinge loss: how much the right class lacks of a margin of 1 over the best of the others; at least 0.

    Source: Crammer & Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", JMLR 2,
    2001.
    """
    _check_shapes("hinge_loss", outputs, target)
    scores = outputs.float()
    target_score = scores.gather(1, target[:, None])[:, 0]
    best_other_score = scores.masked_fill(F.one_hot(target, outputs.shape[1]).bool(), -torch.inf).amax(1)
    return _weighted_mean((MARGIN + best_other_score - target_score).clamp(min=0), weights)


def _check_shapes(name: str, outputs: Tensor, target: Tensor) -> None:
    if outputs.ndim != 2 or target.shape != outputs.shape[:1]:
        raise ValueError(
            f"{name} needs outputs (B, O) and target (B,), got {tuple(outputs.shape)} and {tuple(target.shape)}"
        )


def _weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).mean()


LOSSES: dict[str, Callable[..., Tensor]] = {  # as params.yaml names them
    "cross_entropy": cross_entropy,  # minus the logarithm of the right class's probability
    "binary_cross_entropy": one_vs_rest_cross_entropy,  # the same for every class on its own: is it, or not?
    "hinge": hinge_loss,  # the right class must lead by a margin, and no more
}

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
FOCUS = 2.0  # the exponent of the focal loss; the paper's


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


def focal_loss(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Focal loss, in nats: -(1 - p)^2 log p of the right class, so that what is learned already hardly counts.

    Its best probabilities are less certain than the truth.

    Source: Lin, Goyal, Girshick, He & Dollar, "Focal Loss for Dense Object Detection", 2017, equation 4.
    https://arxiv.org/abs/1708.02002

    >>> round(focal_loss(torch.zeros(1, 4), torch.tensor([2])).item(), 4)    # (3 / 4)^2 log 4
    0.7798
    """
    _check_shapes("focal_loss", outputs, target)
    return _weighted_mean(focal_terms(outputs, target), weights)


def focal_terms(outputs: Tensor, target: Tensor) -> Tensor:
    """The focal loss of every place; outputs (B, O, ...), target (B, ...) -> (B, ...), float32.

    Source: as of focal_loss.
    """
    surprise = F.cross_entropy(outputs.float(), target, reduction="none")  # -log p
    return (-torch.expm1(-surprise)) ** FOCUS * surprise


def kullback_leibler(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Kullback-Leibler divergence, in nats: of shares t, sum t (log t - log softmax(outputs)); 0 where both are equal.

    The loss of soft targets, as label smoothing and mixup make them; where one class has all, it is cross_entropy.

    Shapes: target (B, O), float, shares that are 0 or more and sum to 1; outputs and weights as elsewhere.
    Source: Kullback & Leibler, "On Information and Sufficiency", 1951. https://doi.org/10.1214/aoms/1177729694

    >>> kullback_leibler(torch.zeros(1, 4), torch.full((1, 4), 0.25)).item()
    0.0
    """
    if outputs.ndim != 2 or target.shape != outputs.shape or not target.is_floating_point():
        raise ValueError(
            f"kullback_leibler needs outputs (B, O) and shares (B, O), got {tuple(outputs.shape)} and {target.dtype} "
            f"{tuple(target.shape)}"
        )
    log_p = F.log_softmax(outputs.float(), 1)
    return _weighted_mean(F.kl_div(log_p, target.float(), reduction="none").sum(1), weights)


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
    "focal": focal_loss,  # cross-entropy in which what is learned already hardly counts
}

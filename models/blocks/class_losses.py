"""How wrong scores per class are, as one number that training makes small; examples may weigh differently.

Every function takes outputs, one score per class before any softmax (logits), (B, O); target, the number of the right
class, int64 (B,); and weights, how much each example counts, (B,), or None for all the same. It returns a scalar, the
mean over the examples, computed in float32 whatever the outputs' precision.

Shapes: B batch, O classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

MARGIN = 1.0  # by which the right class has to lead


def cross_entropy(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """How surprised the network is by the right class: -log softmax(outputs)[target].

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """
    if weights is None:
        return F.cross_entropy(outputs.float(), target)
    return _weighted_mean(F.cross_entropy(outputs.float(), target, reduction="none"), weights)


def one_vs_rest_cross_entropy(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """Every class on its own, is it or is it not: -log p of the right class, and -log(1 - p) of every other.

    Binary cross-entropy on the softmax's probabilities p. Beyond the surprise by the right class, it minds which of
    the wrong classes got the rest: all of it on one costs more than a little on each.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, equation 4.90, for every class.
    """
    log_p = F.log_softmax(outputs.float(), 1)
    log_rest = torch.log1p(-log_p.exp().clamp(max=1 - 1e-7))  # log(1 - p)
    one_hot = F.one_hot(target, outputs.shape[1]).to(log_p.dtype)
    return _weighted_mean(-(one_hot * log_p + (1 - one_hot) * log_rest).sum(1), weights)


def hinge_loss(outputs: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
    """How much the right class lacks of a lead of 1 over the best of the others; 0 once it has it.

    Source: Crammer & Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", JMLR 2,
    2001.
    """
    scores = outputs.float()
    target_score = scores.gather(1, target[:, None])[:, 0]
    best_other_score = scores.masked_fill(F.one_hot(target, outputs.shape[1]).bool(), -torch.inf).amax(1)
    return _weighted_mean((MARGIN + best_other_score - target_score).clamp(min=0), weights)


def _weighted_mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).mean()

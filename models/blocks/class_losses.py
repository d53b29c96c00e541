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


def cross_entropy(outputs: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """How surprised the network is by the right class: -log softmax(outputs)[target].

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """
    if weights is None:
        return F.cross_entropy(outputs.float(), target)
    return _mean(F.cross_entropy(outputs.float(), target, reduction="none"), weights)


def class_by_class(outputs: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """Every class on its own, is it or is it not: -log p of the right class, and -log(1 - p) of every other.

    Binary cross-entropy on the softmax's probabilities p. Beyond the surprise by the right class, it minds which of
    the wrong classes got the rest: all of it on one costs more than a little on each.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, equation 4.90, for every class.
    """
    log_p = F.log_softmax(outputs.float(), 1)
    log_rest = torch.log1p(-log_p.exp().clamp(max=1 - 1e-7))  # log(1 - p)
    right = F.one_hot(target, outputs.shape[1]).to(log_p.dtype)
    return _mean(-(right * log_p + (1 - right) * log_rest).sum(1), weights)


def hinge(outputs: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """How much the right class lacks of a lead of 1 over the best of the others; 0 once it has it.

    Source: Crammer & Singer, "On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines", JMLR 2,
    2001.
    """
    scores = outputs.float()
    right = scores.gather(1, target[:, None])[:, 0]
    others = scores.masked_fill(F.one_hot(target, outputs.shape[1]).bool(), -torch.inf).amax(1)
    return _mean((MARGIN + others - right).clamp(min=0), weights)


def _mean(losses: Tensor, weights: Tensor | None) -> Tensor:
    return losses.mean() if weights is None else (losses * weights).mean()

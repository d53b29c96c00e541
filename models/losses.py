"""How wrong the outputs are, as one number that training makes small."""

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """How surprised the network is by the right class: 0 if it was certain of it, log(O) if it shrugged.

    -log softmax(outputs)[target], averaged over the rows; computed in float32 whatever the outputs' precision.

    Args:
        outputs: one score per class, before any softmax (logits), (B, O).
        target: number of the right class, 0 to O - 1, int64, (B,).

    Returns:
        Scalar in nats.

    Raises:
        ValueError: if the shapes are not (B, O) and (B,).

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.

    >>> round(cross_entropy(torch.zeros(1, 4), torch.tensor([2])).item(), 4)    # log 4
    1.3863
    """
    if outputs.ndim != 2 or target.shape != outputs.shape[:1]:
        raise ValueError(
            f"cross_entropy needs outputs (B, O) and target (B,), got {tuple(outputs.shape)} and {tuple(target.shape)}"
        )
    # -log(exp(z_t) / sum_o exp(z_o)) = log sum_o exp(z_o) - z_t
    return F.cross_entropy(outputs.float(), target)


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": cross_entropy,  # one class out of O
}

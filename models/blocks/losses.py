"""How wrong the outputs are, as one number that training makes small."""

from collections.abc import Callable

import torch
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


def squared_error(outputs: Tensor, target: Tensor) -> Tensor:
    """How far off, squared: a miss twice as far counts four times, so the mean is the best constant answer.

    (outputs - target)^2, averaged over all numbers; computed in float32 whatever the outputs' precision.

    Args:
        outputs: (B, ...).
        target: float, of the same shape.

    Returns:
        Scalar, in the square of the network's units.

    Raises:
        ValueError: if the shapes differ.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.5.

    >>> squared_error(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (1 + 9) / 2
    5.0
    """
    return F.mse_loss(*_matching_float32("squared_error", outputs, target))


def absolute_error(outputs: Tensor, target: Tensor) -> Tensor:
    """How far off: a miss twice as far counts twice, so the median is the best constant answer.

    |outputs - target|, averaged over all numbers; computed in float32 whatever the outputs' precision.

    Args:
        outputs: (B, ...).
        target: float, of the same shape.

    Returns:
        Scalar, in the network's units.

    Raises:
        ValueError: if the shapes differ.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.5.

    >>> absolute_error(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (1 + 3) / 2
    2.0
    """
    return F.l1_loss(*_matching_float32("absolute_error", outputs, target))


def huber_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """The squared error near the truth, the absolute error far from it: a few wild values do not rule the rest.

    With e = outputs - target: e^2 / 2 where |e| <= 1, |e| - 1/2 elsewhere, averaged over all numbers. The bend is at 1
    in the network's units, one spread of the target; computed in float32 whatever the outputs' precision.

    Args:
        outputs: (B, ...).
        target: float, of the same shape.

    Returns:
        Scalar.

    Raises:
        ValueError: if the shapes differ.

    Source: Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35(1), 1964.
    https://doi.org/10.1214/aoms/1177703732

    >>> huber(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (0.5 + 2.5) / 2
    1.5
    """
    return F.huber_loss(*_matching_float32("huber", outputs, target), delta=1.0)


def quantile_loss(outputs: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """How well numbers say where the truth lies: nine times in ten it should be below the 0.9 quantile.

    The pinball loss. With e = target - outputs and level q: q e where the truth is above, (q - 1) e where it is below,
    averaged over all numbers; the best answer for a level is the quantile of that level. At 0.5 it is half of the
    absolute error. Computed in float32 whatever the outputs' precision.

    Args:
        outputs: one number per level, (B, ..., Q).
        target: float, (B, ...).
        levels: each between 0 and 1, Q of them.

    Returns:
        Scalar, in the network's units.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Koenker & Bassett, "Regression Quantiles", Econometrica 46(1), 1978. https://doi.org/10.2307/1913643

    >>> round(quantile(torch.tensor([[2.0]]), torch.tensor([5.0]), (0.9,)).item(), 4)    # 0.9 * 3
    2.7
    """
    if outputs.shape != (*target.shape, len(levels)):
        raise ValueError(
            f"quantile needs outputs (B, ..., {len(levels)}) and target (B, ...), got {tuple(outputs.shape)} and "
            f"{tuple(target.shape)}"
        )
    miss = target.float()[..., None] - outputs.float()  # (B, ..., Q)
    level = torch.tensor(levels, device=miss.device)
    return torch.maximum(level * miss, (level - 1) * miss).mean()


def _matching_float32(name: str, outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float32; a pair that differs in shape would be stretched over each other without a word."""
    if outputs.shape != target.shape:
        raise ValueError(
            f"{name} needs outputs and target of one shape, got {tuple(outputs.shape)} and {tuple(target.shape)}"
        )
    return outputs.float(), target.float()


def binary_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """How surprised the network is by numbers between 0 and 1, each taken as the chance of a yes.

    With p = sigmoid(outputs): -target log p - (1 - target) log(1 - p), averaged over all numbers; computed in float32
    whatever the outputs' precision. A target between 0 and 1, a grey pixel, leaves a surprise that cannot be avoided.

    Args:
        outputs: logits, (B, ...).
        target: float, 0 to 1, of the same shape.

    Returns:
        Scalar in nats.

    Raises:
        ValueError: if the shapes differ.

    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.

    >>> round(binary_cross_entropy(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 0.5]])).item(), 4)    # log 2
    0.6931
    """
    return F.binary_cross_entropy_with_logits(*_matching_float32("binary_cross_entropy", outputs, target))


def pixel_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """How surprised the network is by the right class of every pixel: the cross-entropy, averaged over all pixels.

    Args:
        outputs: one score per class and pixel, before any softmax (logits), (B, K, H, W).
        target: number of the right class, 0 to K - 1, int64, (B, H, W).

    Returns:
        Scalar in nats.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Ronneberger, Fischer & Brox, "U-Net", 2015, section 3. https://arxiv.org/abs/1505.04597

    >>> round(pixel_cross_entropy(torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2).long()).item(), 4)    # log 4
    1.3863
    """
    _check_pixel_shapes("pixel_cross_entropy", outputs, target)
    return F.cross_entropy(outputs.float(), target)


def balanced_pixel_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """The same, but every class counts the same however few its pixels are.

    The cross-entropy is averaged over the pixels of each class in the batch, then over the classes that occur there.
    Arguments, result and errors are those of pixel_cross_entropy.

    Source: Eigen & Fergus, "Predicting Depth, Surface Normals and Semantic Labels", 2015, whose weights come from how
    often a class occurs in the train set, where these come from the batch. https://arxiv.org/abs/1411.4734
    """
    _check_pixel_shapes("balanced_pixel_cross_entropy", outputs, target)
    losses = F.cross_entropy(outputs.float(), target, reduction="none").flatten()  # (B * H * W,)
    zeros = torch.zeros(outputs.shape[1], device=outputs.device)
    counts = zeros.index_add(0, target.flatten(), torch.ones_like(losses))  # (K,)
    means = zeros.index_add(0, target.flatten(), losses) / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum()


def dice_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """How little the answered and the true areas overlap: 0 where they are the same, 1 where they do not meet.

    With p = softmax(outputs) and t the truth, 0 or 1: 1 - (2 sum p t + 1) / (sum p^2 + sum t^2 + 1), the sums over all
    pixels of the batch, averaged over the classes; a class counts the same however few its pixels are. The 1, a pixel,
    makes a class that is neither there nor answered perfect, and keeps the slope finite.

    Args:
        outputs: logits, (B, K, H, W).
        target: int64, (B, H, W).

    Returns:
        Scalar, 0 to 1.

    Raises:
        ValueError: if the shapes do not fit.

    Source: Milletari, Navab & Ahmadi, "V-Net", 2016. https://arxiv.org/abs/1606.04797
    NOTE[DIFF] all classes, not the foreground alone; over the batch, not per image; the 1 above and below.

    >>> sure = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2)    # both pixels are of class 0
    >>> truth = torch.zeros(1, 1, 2).long()
    >>> dice(sure, truth).item(), round(dice(sure, 1 - truth).item(), 4)    # 1 - 1 / 3
    (0.0, 0.6667)
    """
    probabilities, one_hot = _probabilities_and_one_hot("dice", outputs, target)
    intersection = (probabilities * one_hot).sum(dim=1)  # (K,)
    sizes = probabilities.square().sum(dim=1) + one_hot.sum(dim=1)
    return (1 - (2 * intersection + 1) / (sizes + 1)).mean()


def jaccard_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """How little of the area that is answered or true is both: 0 where they are the same, 1 where they do not meet.

    With p = softmax(outputs) and t the truth, 0 or 1: 1 - (sum p t + 1) / (sum (p + t - p t) + 1), the sums over all
    pixels of the batch, averaged over the classes. Arguments, result, errors and what the 1 is for are those of dice.

    Source: Rahman & Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016.
    https://doi.org/10.1007/978-3-319-50835-1_22
    NOTE[DIFF] all classes by softmax, not one foreground by sigmoid; the 1 above and below.

    >>> sure = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2)    # both pixels are of class 0
    >>> truth = torch.zeros(1, 1, 2).long()
    >>> jaccard(sure, truth).item(), round(jaccard(sure, 1 - truth).item(), 4)    # 1 - 1 / 3
    (0.0, 0.6667)
    """
    probabilities, one_hot = _probabilities_and_one_hot("jaccard", outputs, target)
    intersection = (probabilities * one_hot).sum(dim=1)  # (K,)
    union = (probabilities + one_hot).sum(dim=1) - intersection
    return (1 - (intersection + 1) / (union + 1)).mean()


def _check_pixel_shapes(name: str, outputs: Tensor, target: Tensor) -> None:
    if outputs.ndim != 4 or target.shape != (outputs.shape[0], *outputs.shape[2:]):
        raise ValueError(
            f"{name} needs outputs (B, K, H, W) and target (B, H, W), got {tuple(outputs.shape)} and "
            f"{tuple(target.shape)}"
        )


def _probabilities_and_one_hot(name: str, outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Probabilities and the truth of every class, (K, B * H * W) each, in float32."""
    _check_pixel_shapes(name, outputs, target)
    classes = torch.arange(outputs.shape[1], device=outputs.device)
    probabilities = outputs.float().softmax(dim=1).movedim(1, 0).flatten(1)
    return probabilities, (target.flatten() == classes[:, None]).float()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross_entropy": cross_entropy,  # one class out of O
    "squared_error": squared_error,  # numbers: far misses count most
    "absolute_error": absolute_error,  # numbers: every miss by its size
    "huber": huber_loss,  # numbers: the one near the truth, the other far from it
    "binary_cross_entropy": binary_cross_entropy,  # chances of a yes, and pixels from black to white
    "pixel_cross_entropy": pixel_cross_entropy,  # one class out of K for every pixel
    "balanced_pixel_cross_entropy": balanced_pixel_cross_entropy,  # ... every class counting the same
    "dice": dice_loss,  # areas that overlap
    "jaccard": jaccard_loss,  # areas that overlap, more strictly
}

"""Losses of numbers and of pixels.

Every function takes outputs and target, refuses shapes that do not fit with a ValueError, and returns a scalar: the
mean over all numbers or pixels, computed in float32 whatever the outputs' precision. The losses of class numbers, with
a weight per example, are in class_losses.py.

Shapes: B batch, Q quantile levels, K classes, H height, W width.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from models.blocks.class_losses import focal_terms


def squared_error(outputs: Tensor, target: Tensor) -> Tensor:
    """Mean squared error: (outputs - target)^2; the mean is the best constant prediction.

    Shapes: (B, ...) both, float. Unit: the square of the network's.
    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.5.

    >>> squared_error(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (1 + 9) / 2
    5.0
    """
    return F.mse_loss(*_matching_float32("squared_error", outputs, target))


def absolute_error(outputs: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error: |outputs - target|; the median is the best constant prediction.

    Shapes: (B, ...) both, float. Unit: the network's.
    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 1.5.5.

    >>> absolute_error(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (1 + 3) / 2
    2.0
    """
    return F.l1_loss(*_matching_float32("absolute_error", outputs, target))


def huber_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """Huber loss: with e = outputs - target, e^2 / 2 where |e| <= 1, |e| - 1/2 elsewhere, so that outliers count less.

    The bend is at 1 in the network's units, one standard deviation of the target.

    Shapes: (B, ...) both, float.
    Source: Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics 35(1), 1964.
    https://doi.org/10.1214/aoms/1177703732

    >>> huber_loss(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])).item()    # (0.5 + 2.5) / 2
    1.5
    """
    return F.huber_loss(*_matching_float32("huber_loss", outputs, target), delta=1.0)


def quantile_loss(outputs: Tensor, target: Tensor, levels: tuple[float, ...]) -> Tensor:
    """Quantile (pinball) loss: with e = target - outputs and level q, q e where e > 0, (q - 1) e elsewhere.

    The best prediction for a level is the quantile of that level: nine targets in ten are below the 0.9 quantile. At
    level 0.5 it is half of the absolute error.

    Shapes: outputs (B, ..., Q), one number per level; target (B, ...), float; levels Q, each between 0 and 1.
    Unit: the network's.
    Source: Koenker & Bassett, "Regression Quantiles", Econometrica 46(1), 1978. https://doi.org/10.2307/1913643

    >>> round(quantile_loss(torch.tensor([[2.0]]), torch.tensor([5.0]), (0.9,)).item(), 4)    # 0.9 * 3
    2.7
    """
    if outputs.shape != (*target.shape, len(levels)):
        raise ValueError(
            f"quantile_loss needs outputs (B, ..., {len(levels)}) and target (B, ...), got {tuple(outputs.shape)} and "
            f"{tuple(target.shape)}"
        )
    miss = target.float()[..., None] - outputs.float()  # (B, ..., Q)
    level = torch.tensor(levels, device=miss.device)
    return torch.maximum(level * miss, (level - 1) * miss).mean()


def binary_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of logits: with p = sigmoid(outputs), -target log p - (1 - target) log(1 - p), in nats.

    A target strictly between 0 and 1, such as a grey pixel, leaves a part that no output can avoid.

    Shapes: outputs (B, ...), logits; target the same, float, 0 to 1.
    Source: Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.

    >>> round(binary_cross_entropy(torch.zeros(1, 3), torch.tensor([[0.0, 1.0, 0.5]])).item(), 4)    # log 2
    0.6931
    """
    return F.binary_cross_entropy_with_logits(*_matching_float32("binary_cross_entropy", outputs, target))


def pixel_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of every pixel's class, in nats.

    Shapes: outputs (B, K, H, W), logits; target (B, H, W), int64, 0 to K - 1.
    Source: Ronneberger, Fischer & Brox, "U-Net", 2015, section 3. https://arxiv.org/abs/1505.04597

    >>> round(pixel_cross_entropy(torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 2).long()).item(), 4)    # log 4
    1.3863
    """
    _check_pixel_shapes("pixel_cross_entropy", outputs, target)
    return F.cross_entropy(outputs.float(), target)


def balanced_pixel_cross_entropy(outputs: Tensor, target: Tensor) -> Tensor:
    """Class-balanced cross-entropy of pixels, in nats: the mean over the pixels of each class, then over the classes.

    Only the classes that occur in the batch count.

    Shapes: as pixel_cross_entropy.
    Source: Eigen & Fergus, "Predicting Depth, Surface Normals and Semantic Labels", 2015. https://arxiv.org/abs/1411.4734
    NOTE[DIFF] the weights come from the batch; the paper's come from how often a class occurs in the train set.
    """
    _check_pixel_shapes("balanced_pixel_cross_entropy", outputs, target)
    losses = F.cross_entropy(outputs.float(), target, reduction="none").flatten()  # (B * H * W,)
    zeros = torch.zeros(outputs.shape[1], device=outputs.device)
    counts = zeros.index_add(0, target.flatten(), torch.ones_like(losses))  # (K,)
    means = zeros.index_add(0, target.flatten(), losses) / counts.clamp(min=1)
    return means.sum() / (counts > 0).sum()


def pixel_focal_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """Focal loss of every pixel's class, in nats: focal_loss of class_losses.py, the mean over pixels.

    Shapes: as pixel_cross_entropy.
    Source: Lin, Goyal, Girshick, He & Dollar, "Focal Loss for Dense Object Detection", 2017.
    https://arxiv.org/abs/1708.02002
    """
    _check_pixel_shapes("pixel_focal_loss", outputs, target)
    return focal_terms(outputs, target).mean()


def dice_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """Dice loss: 1 - overlap of predicted and true areas; 0 where they are equal, 1 where they are disjoint.

    With p = softmax(outputs) and t the target, 0 or 1: 1 - (2 sum p t + 1) / (sum p^2 + sum t^2 + 1), the sums over all
    pixels of the batch, averaged over the classes; a class counts the same however few its pixels are. The 1, a pixel,
    makes a class that is neither present nor predicted perfect, and keeps the gradient finite.

    Shapes: as pixel_cross_entropy.
    Source: Milletari, Navab & Ahmadi, "V-Net", 2016. https://arxiv.org/abs/1606.04797
    NOTE[DIFF] all classes, not the foreground alone; over the batch, not per image; the 1 above and below.

    >>> logits = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2)    # both pixels are of class 0
    >>> target = torch.zeros(1, 1, 2).long()
    >>> dice_loss(logits, target).item(), round(dice_loss(logits, 1 - target).item(), 4)    # 1 - 1 / 3
    (0.0, 0.6667)
    """
    probabilities, one_hot = _probabilities_and_one_hot("dice_loss", outputs, target)
    intersection = (probabilities * one_hot).sum(dim=1)  # (K,)
    sizes = probabilities.square().sum(dim=1) + one_hot.sum(dim=1)
    return (1 - (2 * intersection + 1) / (sizes + 1)).mean()


def jaccard_loss(outputs: Tensor, target: Tensor) -> Tensor:
    """Jaccard loss: 1 - intersection over union; 0 where the areas are equal, 1 where they are disjoint.

    With p = softmax(outputs) and t the target, 0 or 1: 1 - (sum p t + 1) / (sum (p + t - p t) + 1), the sums over all
    pixels of the batch, averaged over the classes. The 1 is for what it is for in dice_loss.

    Shapes: as pixel_cross_entropy.
    Source: Rahman & Wang, "Optimizing Intersection-Over-Union in Deep Neural Networks for Image Segmentation", 2016.
    https://doi.org/10.1007/978-3-319-50835-1_22
    NOTE[DIFF] all classes by softmax, not one foreground by sigmoid; the 1 above and below.

    >>> logits = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1).expand(1, 2, 1, 2)    # both pixels are of class 0
    >>> target = torch.zeros(1, 1, 2).long()
    >>> jaccard_loss(logits, target).item(), round(jaccard_loss(logits, 1 - target).item(), 4)    # 1 - 1 / 3
    (0.0, 0.6667)
    """
    probabilities, one_hot = _probabilities_and_one_hot("jaccard_loss", outputs, target)
    intersection = (probabilities * one_hot).sum(dim=1)  # (K,)
    union = (probabilities + one_hot).sum(dim=1) - intersection
    return (1 - (intersection + 1) / (union + 1)).mean()


def _matching_float32(name: str, outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both in float32; shapes that differ are refused, which PyTorch would broadcast."""
    if outputs.shape != target.shape:
        raise ValueError(
            f"{name} needs outputs and target of one shape, got {tuple(outputs.shape)} and {tuple(target.shape)}"
        )
    return outputs.float(), target.float()


def _check_pixel_shapes(name: str, outputs: Tensor, target: Tensor) -> None:
    if outputs.ndim != 4 or target.shape != (outputs.shape[0], *outputs.shape[2:]):
        raise ValueError(
            f"{name} needs outputs (B, K, H, W) and target (B, H, W), got {tuple(outputs.shape)} and "
            f"{tuple(target.shape)}"
        )


def _probabilities_and_one_hot(name: str, outputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax probabilities and one-hot targets by class, (K, B * H * W) each, in float32."""
    _check_pixel_shapes(name, outputs, target)
    classes = torch.arange(outputs.shape[1], device=outputs.device)
    probabilities = outputs.float().softmax(dim=1).movedim(1, 0).flatten(1)
    return probabilities, (target.flatten() == classes[:, None]).float()


LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # of numbers, as params.yaml names them
    "squared_error": squared_error,  # large errors count most
    "absolute_error": absolute_error,  # every error counts by its size
    "huber": huber_loss,  # squared near 0, absolute beyond
}

RECONSTRUCTION_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": squared_error,
    "binary_cross_entropy": binary_cross_entropy,  # of images, whose pixels lie between black and white
}

PIXEL_LOSSES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], ...]] = {  # of pixels: what is added up
    "cross_entropy": (pixel_cross_entropy,),
    "dice": (dice_loss,),
    "jaccard": (jaccard_loss,),
    "focal": (pixel_focal_loss,),
    "cross_entropy+dice": (pixel_cross_entropy, dice_loss),
    "cross_entropy+jaccard": (pixel_cross_entropy, jaccard_loss),
    "focal+dice": (pixel_focal_loss, dice_loss),
}

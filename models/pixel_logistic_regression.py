"""Multinomial logistic regression of pixels, on features of each pixel's neighbourhood.

The features of a pixel are its own values and, in windows of 3x3 and of 7x7 pixels around it, the mean and the mean
absolute deviation; a class's score is a weighted sum of these. The weights are fitted on a sample of the pixels. It is
the baseline that a network which sees whole shapes has to beat.

Cox, "The Regression Analysis of Binary Sequences", J. R. Stat. Soc. B 20(2), 1958.
https://doi.org/10.1111/j.2517-6161.1958.tb00292.x
NOTE[DIFF] many classes at once, and a penalty on the squares of the weights, as in logistic_regression.
NOTE[DIFF] pixels of one image are not independent, as the method supposes: the predicted classes stand, the
    probabilities may be overconfident.

When to choose it: a class for every pixel where brightness and texture around it tell the class, or with a handful of
images only. It sees no shapes; `unet` does.

Initial weights: 0; the loss is convex. The seed draws the pixels that it is fitted to.

Shapes: B batch, N images, C channels, H height, W width, O outputs, F features of a pixel (5 C), P pixels.
"""

from typing import final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.scikit import MIN_PROBABILITY, fit_estimator, linear_scores

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

WINDOW_SIDES = (3, 7)  # pixels on a side
MAX_SAMPLED_PIXELS = 200_000  # fitted on at most: more change the few weights by less than the digits that are shown
MAX_ITERATIONS = 1000  # L-BFGS steps at most; standardised features need a tenth of that or less
MAX_CHUNK_ELEMENTS = 2**22  # numbers of an image batch whose features are made at a time


class Config(Hyperparameters):
    inverse_penalty: float = tunable(1.0, 1e-3, 100.0, log=True, gt=0)  # scikit-learn's C: smaller, smaller weights


@final
class PixelLogisticRegression(nn.Module):
    """(B, C, H, W) -> (B, O, H, W): scores that a softmax over O makes probabilities of.

    Attributes:
        weight: of every feature for every class, (O, F).
        bias: of every class, (O,).
        fit_warnings: scikit-learn's warnings about convergence; empty if there were none.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        features = input_shape[0] * (1 + 2 * len(WINDOW_SIDES))
        self.config = config
        # Parameters, so that they are counted among what a model stores; without gradients
        self.weight = nn.Parameter(torch.zeros(outputs, features), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(outputs), requires_grad=False)
        self.fit_warnings: tuple[str, ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(pixel_features(x), self.weight[:, :, None, None], self.bias)

    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit to a sample of the pixels; the same seed and data give the same bytes.

        Args:
            x: images, (N, C, H, W).
            y: number of the right class of every pixel, integer, (N, H, W).
            seed: of the sample of pixels.

        Raises:
            ValueError: if y is not one whole number per pixel.
        """
        refuse_sample_weight(sample_weight)
        if y.is_floating_point() or y.shape != (x.shape[0], *x.shape[2:]):
            raise ValueError(
                f"pixel_logistic_regression predicts the class of every pixel: it needs whole numbers "
                f"{(x.shape[0], *x.shape[2:])}, got {y.dtype} {tuple(y.shape)}"
            )
        features, labels = sample_pixels(x, y, seed)
        self.bias.fill_(float(np.log(MIN_PROBABILITY)))
        self.weight.zero_()
        classes = np.unique(labels)
        if len(classes) == 1:  # one class alone
            self.bias[int(classes[0])] = 0.0
            return
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale[scale == 0] = 1.0
        weight, bias = self._fit_classes((features - mean) / scale, labels)
        weight /= scale  # the standardisation goes into the weights
        self.weight[classes] = torch.from_numpy(weight).to(self.weight)
        self.bias[classes] = torch.from_numpy(bias - weight @ mean).to(self.bias)

    def _fit_classes(self, features: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
        """Weights and biases of the classes that occur, on standardised features."""
        from sklearn.linear_model import LogisticRegression

        estimator = LogisticRegression(C=self.config.inverse_penalty, max_iter=MAX_ITERATIONS)
        self.fit_warnings = fit_estimator(estimator, features, labels)
        return linear_scores(estimator)


def pixel_features(x: Tensor) -> Tensor:
    """Values of every pixel, then mean and mean absolute deviation in every window: (B, C, H, W) -> (B, F, H, W).

    The deviation is the mean distance of the window's pixels from the mean around each of them: unlike a standard
    deviation it takes no difference of large squares, so that every runtime gives the same digits.
    """
    features = [x]
    for window in WINDOW_SIDES:
        mean = _window_mean(x, window)
        features += [mean, _window_mean((x - mean).abs(), window)]
    return torch.cat(features, dim=1)


def _window_mean(x: Tensor, window: int) -> Tensor:
    """Mean around every pixel, over the part of the window inside the image."""
    return F.avg_pool2d(x, window, stride=1, padding=window // 2, count_include_pad=False)


def sample_pixels(x: Tensor, y: Tensor, seed: int) -> tuple[FloatArray, IntArray]:
    """Features (P, F) and classes (P,) of at most MAX_SAMPLED_PIXELS pixels, sampled without replacement."""
    count = y.numel()
    sampled_indices = np.arange(count)
    if count > MAX_SAMPLED_PIXELS:
        sampled_indices = np.sort(
            np.random.default_rng(seed).choice(count, MAX_SAMPLED_PIXELS, replace=False, shuffle=False)
        )
    pixels_per_image = y[0].numel()
    images_per_chunk = max(1, MAX_CHUNK_ELEMENTS // x[0].numel())
    sampled_features = []
    for start in range(0, len(x), images_per_chunk):
        indices = (
            sampled_indices[
                (sampled_indices >= start * pixels_per_image)
                & (sampled_indices < (start + images_per_chunk) * pixels_per_image)
            ]
            - start * pixels_per_image
        )
        features = (
            pixel_features(x[start : start + images_per_chunk].float()).movedim(1, -1).flatten(0, 2)
        )  # (B * H * W, F)
        sampled_features.append(features[torch.from_numpy(indices).to(x.device)].cpu().double().numpy())
    labels = y.flatten()[torch.from_numpy(sampled_indices).to(y.device)].cpu().numpy().astype(np.int64)
    return np.concatenate(sampled_features), labels

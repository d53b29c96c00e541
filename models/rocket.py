"""ROCKET: thousands of random convolutions, and a linear readout fitted by ridge regression.

Each kernel is drawn once, with random weights, bias, length and dilation, and never trained. Sliding over the series it
gives two numbers: the largest response, and the share of responses above 0, which says how much of the series looks
like the kernel. With enough kernels some of them fit whatever tells the classes apart, and the readout is solved at
once. Nothing is descended, so it is exact and fast, and among the best on series.

Dempster, Petitjean & Webb, "ROCKET: Exceptionally Fast and Accurate Time Series Classification Using Random
Convolutional Kernels", Data Mining and Knowledge Discovery 34, 2020. https://arxiv.org/abs/1910.13051
NOTE[DIFF] 500 kernels by default where the paper draws 10,000: features stay few enough to solve in a second.
NOTE[DIFF] dilations are powers of two, each with as many kernels as the others, where the paper draws the exponent; so
    kernels of one kind are one matrix product.
NOTE[DIFF] several variables: a kernel reads a random choice of them, as the authors' later code does.
NOTE[DIFF] padding: a kernel's place counts where the step below its centre is there (or, of kernels that do not reach
    over the ends, all of it), so that the padding in front of a shorter series changes nothing.
NOTE[DIFF] numbers too, not classes alone; penalties from 1e-3 to 1e5, wider than the paper's. The penalty has the
    smallest leave-one-out error, as in the paper; of classes the leave-one-out log loss, together with a factor on the
    scores, so that a softmax gives calibrated probabilities (see `esn`).

When to choose it: classes of series and recordings with few examples and no time: hardly any settings, exact, and hard
to beat. Words are not for it.

Initial weights: kernels normal with a mean of 0 and thresholds uniform within 1, as in the paper. Neither is trained;
the readout is solved for.

Shapes: B batch, N examples, T steps, F features (the last: 1 present, 0 padding), C variables read, K kernels, L steps
of a kernel, D = 2 K, O outputs.
"""

import math
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable

LENGTHS = (7, 9, 11)  # steps of a kernel
PENALTIES = tuple(10.0**exponent for exponent in range(-3, 6))  # ridge penalties tried
LOGIT_SCALES = tuple(2 ** (step / 2) for step in range(-4, 15))  # factors on the scores tried: 0.25 to 128
CHUNK_EXAMPLES = 256  # examples transformed at a time while fitting, which bounds the memory


class Config(Hyperparameters):
    kernels: int = tunable(500, 100, 1000, log=True, ge=1)  # random kernels; the paper's 10,000


class KernelKind(NamedTuple):
    """What kernels of one matrix have in common."""

    length: int  # steps that are read
    dilation: int  # from one of them to the next
    padded: bool  # whether kernels may reach over the ends of the series


@final
class ROCKET(nn.Module):
    """(B, T, F) -> (B, O).

    Attributes:
        weights: of each kind of kernel, (L C, K of that kind).
        thresholds: what is added to responses, (1, 1, K of that kind) each.
        feature_mean, feature_scale: of the train part, (D,).
        readout: the fitted weights, (O, D).
        bias: (O,).
    """

    feature_mean: Tensor
    feature_scale: Tensor
    readout: Tensor
    bias: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        steps, features = input_shape
        self.outputs = outputs
        self.variables = max(1, features - 1)  # C: without the mark of presence, unless there is nothing else
        kinds = _kernel_kinds(steps)[: config.kernels]
        self.kinds = kinds
        for index, kind in enumerate(kinds):
            count = config.kernels // len(kinds) + (index < config.kernels % len(kinds))
            self.register_buffer(f"weights_{index}", _draw_kernels(kind.length, self.variables, count))
            self.register_buffer(f"threshold_{index}", 2 * torch.rand(1, 1, count) - 1)
        width = 2 * config.kernels
        self.register_buffer("feature_mean", torch.zeros(width))
        self.register_buffer("feature_scale", torch.ones(width))
        self.register_buffer("readout", torch.zeros(outputs, width))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        features = (self.features(x) - self.feature_mean.double()) / self.feature_scale.double()
        return F.linear(features, self.readout.double(), self.bias.double()).to(x.dtype)

    def features(self, x: Tensor) -> Tensor:
        """Share of responses above 0, and largest response, of every kernel; (B, T, F) -> (B, D).

        In float64: a share jumps where a response passes 0, and one runtime's float32 may be on the other side of it.
        """
        series = x[:, :, : self.variables].double()
        there = x[:, :, -1:].double().cumsum(1) > 0  # (B, T, 1): from the first step that is present
        found = []
        for index, kind in enumerate(self.kinds):
            reach = (kind.length - 1) * kind.dilation // 2  # steps on either side of the centre
            padded = F.pad(series, (0, 0, reach, reach)) if kind.padded else series
            counted = there if kind.padded else there[:, : x.shape[1] - 2 * reach]
            places = x.shape[1] if kind.padded else x.shape[1] - 2 * reach
            starts = [step * kind.dilation for step in range(kind.length)]
            windows = torch.cat([padded[:, start : start + places] for start in starts], 2)  # (B, places, L C)
            weights, threshold = self.get_buffer(f"weights_{index}"), self.get_buffer(f"threshold_{index}")
            responses = windows @ weights.double() + threshold.double()  # (B, places, K of that kind)
            share = ((responses > 0) & counted).double().sum(1) / counted.double().sum(1).clamp(min=1)
            largest = torch.where(counted, responses, -torch.inf).amax(1)
            found += [share, torch.where(counted.any(1), largest, torch.zeros_like(largest))]
        return torch.cat(found, 1)

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit the readout to all examples at once, in float64; memory does not grow with N.

        Args:
            x: sequences, (N, T, F).
            y: number of the right class, int64 (N,), or numbers, (N, O).
            seed: ignored; the kernels are drawn when the network is built.

        Raises:
            ValueError: if there are no examples, y is neither, or examples are weighed.
        """
        refuse_sample_weight(sample_weight)
        classes = not y.is_floating_point()
        if not len(x) or y.shape != ((len(x),) if classes else (len(x), self.outputs)):
            found = f"{tuple(x.shape)} and {tuple(y.shape)}"
            raise ValueError(f"rocket is fitted to y (N,) of classes or (N, {self.outputs}) of numbers, got {found}")
        target = (F.one_hot(y, self.outputs) if classes else y).double()  # (N, O)
        sums = torch.stack([torch.stack([f.sum(0), f.square().sum(0)]) for f, _ in self._chunks(x, target)]).sum(0)
        mean, target_mean = sums[0] / len(x), target.mean(0)
        deviation = (sums[1] / len(x) - mean.square()).clamp(min=0).sqrt()
        self.feature_mean.copy_(mean)
        self.feature_scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))
        gram = mean.new_zeros(len(mean), len(mean))
        cross_moment = mean.new_zeros(len(mean), self.outputs)
        for features, targets in self._standardised_chunks(x, target):
            gram += features.T @ features
            cross_moment += features.T @ (targets - target_mean)
        eigenvalues, directions = torch.linalg.eigh(gram)
        rotated = directions.T @ cross_moment  # (D, O)
        shrinkage = 1 / (eigenvalues.clamp(min=0) + gram.new_tensor(PENALTIES)[:, None])  # (P, D): P penalties
        penalty, logit_scale = self._best_penalty(x, target, (directions, rotated, shrinkage), classes)
        weights = logit_scale * (directions @ (shrinkage[penalty][:, None] * rotated))
        self.readout.copy_(weights.T)
        self.bias.copy_(logit_scale * target_mean)

    def _chunks(self, x: Tensor, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(x), CHUNK_EXAMPLES):
            yield self.features(x[start : start + CHUNK_EXAMPLES]), target[start : start + CHUNK_EXAMPLES]

    def _standardised_chunks(self, x: Tensor, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        mean, scale = self.feature_mean.double(), self.feature_scale.double()
        return (((features - mean) / scale, targets) for features, targets in self._chunks(x, target))

    def _best_penalty(
        self, x: Tensor, target: Tensor, solution: tuple[Tensor, Tensor, Tensor], classes: bool
    ) -> tuple[int, float]:
        """Place of the penalty, and the factor on the scores, with the smallest leave-one-out error.

        Without example i its prediction would be y_i - (y_i - p_i) / (1 - h_i), where p_i is the prediction with it
        and h_i the i-th number on the diagonal of the hat matrix (PRESS; Allen 1974).
        """
        directions, rotated, shrinkage = solution
        scales = x.new_tensor(LOGIT_SCALES if classes else (1.0,), dtype=torch.float64)
        loss = scales.new_zeros(len(shrinkage), len(scales))
        target_mean = target.mean(0)
        for features, targets in self._standardised_chunks(x, target):
            z = features @ directions  # (B, D)
            predicted = target_mean + torch.einsum("bd,pd,do->pbo", z, shrinkage, rotated)
            leverage = 1 / len(x) + z.square() @ shrinkage.T  # (B, P)
            left_out = targets - (targets - predicted) / (1 - leverage.T[:, :, None]).clamp(min=1e-6)  # (P, B, O)
            if classes:
                log_probabilities = F.log_softmax(scales[:, None, None, None] * left_out, 3)
                loss -= (log_probabilities * targets).sum((2, 3)).T
            else:
                loss += (left_out - targets).square().sum((1, 2))[:, None]
        best = int(loss.argmin())
        return best // len(scales), float(scales[best % len(scales)])


def _kernel_kinds(steps: int) -> list[KernelKind]:
    """Every length, with every power of two as dilation under which it fits the series; over the ends or not."""
    kinds = []
    for length, padded in product(LENGTHS, (True, False)):
        fitting = (steps - 1) // (length - 1)
        if padded or fitting:
            kinds += [KernelKind(length, 2**power, padded) for power in range(1 + int(math.log2(max(1, fitting))))]
    return kinds


def _draw_kernels(length: int, variables: int, count: int) -> Tensor:
    """Normal weights with a mean of 0 in every variable that a kernel reads, 0 in the others; (L C, count)."""
    weights = torch.randn(length, variables, count)
    weights = weights - weights.mean(0)
    most = math.log2(min(variables, length) + 1)
    read = (2 ** (most * torch.rand(count))).long()  # variables of each kernel: 1 or more
    order = torch.rand(variables, count).argsort(0).argsort(0)  # a permutation per kernel
    return (weights * (order < read)).flatten(0, 1)

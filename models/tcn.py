"""Temporal convolutional network: convolutions over time, or over words.

`form: dilated` stacks residual blocks of two convolutions each. The steps that a filter reads lie twice as far apart in
every block, so that the number of steps seen doubles with each and few blocks see a long past. A causal filter reads
the present and the past alone, as a forecast needs it. All steps are computed at once, and a gradient passes few layers
where a recurrent network's passes every step.

`form: parallel` has filters of 3, 4 and 5 words side by side, and of every filter the largest answer anywhere in the
text: each looks for a phrase, wherever it stands. It uses neither depth, kernel, causal nor pooling.

Bai, Kolter & Koltun, "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
2018. https://arxiv.org/abs/1803.01271
Kim, "Convolutional Neural Networks for Sentence Classification", 2014. https://arxiv.org/abs/1408.5882
NOTE[DIFF] dilated: filters that are not causal (as many steps after as before), and the mean or the largest over all
    steps instead of the last step, can be chosen. Blocks whose steps would lie further apart than the sequence is long
    are left out.
NOTE[DIFF] dilated: dropout of single numbers; the paper drops whole maps.
NOTE[DIFF] parallel: windows that begin before the text count, so that a text of two words has an answer. No limit on
    the length of the output layer's weights; the learner has a weight decay.
NOTE[DIFF] what a layer gives at a step that is not there is set to 0, so that padding in front changes nothing.

When to choose it: long sequences and forecasts, where a recurrent network is slow or forgets (`form: dilated`), and
texts in which phrases tell the class (`form: parallel`).

Initial weights: dilated ones normal with the variance 2 / fan in (He et al. 2015, https://arxiv.org/abs/1502.01852),
where the paper's have a deviation of 0.01; others uniform within 1 / sqrt(fan in); biases of the blocks 0.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), M maps, K steps of a filter, O outputs.
"""

import math
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS

PARALLEL_KERNELS = (3, 4, 5)  # words that a filter reads; Kim 2014, section 3.1


class Config(Hyperparameters):
    form: str = choice("dilated", "dilated", "parallel")  # residual blocks (Bai), or filters side by side (Kim)
    width: int = tunable(32, 16, 128, log=True, ge=1)  # maps of a block, or filters of each length
    depth: int = tunable(4, 1, 8, ge=1)  # residual blocks
    kernel: int = tunable(3, 2, 7, ge=2)  # steps that a filter of a block reads
    causal: bool = choice(True, True, False)  # filters read no later step
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a number of a map
    pooling: str = choice("last", "last", "mean", "max")  # read by the output layer: last step, mean or largest of all


@final
class DilatedConvolution(nn.Module):
    """Convolution over time of a direction and a length per filter (weight normalisation); (B, F, T) -> (B, M, T).

    Source: Salimans & Kingma 2016, https://arxiv.org/abs/1602.07868.
    """

    def __init__(self, features: int, maps: int, kernel: int, dilation: int, causal: bool) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.randn(maps, features, kernel) * math.sqrt(2 / (features * kernel)))
        self.length = nn.Parameter(self.direction.detach().norm(dim=(1, 2), keepdim=True))
        self.bias = nn.Parameter(torch.zeros(maps))
        span = dilation * (kernel - 1)
        self.dilation = dilation
        self.padding = (span, 0) if causal else (span - span // 2, span // 2)  # steps before and after

    def forward(self, x: Tensor) -> Tensor:
        weight = self.length * self.direction / self.direction.norm(dim=(1, 2), keepdim=True)
        return F.conv1d(F.pad(x, self.padding), weight, self.bias, dilation=self.dilation)


@final
class ResidualBlock(nn.Module):
    """Two dilated convolutions, added to what they read; (B, F, T) -> (B, M, T)."""

    def __init__(self, config: Config, features: int, dilation: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            DilatedConvolution(fan_in, config.width, config.kernel, dilation, config.causal)
            for fan_in in (features, config.width)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.shortcut = nn.Conv1d(features, config.width, 1) if features != config.width else nn.Identity()

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        shortcut = self.shortcut(x)
        for convolution in self.convolutions:
            x = self.dropout(F.relu(convolution(x))) * present
        return F.relu(x + shortcut) * present


@final
class ParallelFilters(nn.Module):
    """Filters of several lengths side by side, the largest answer of each; (B, F, T) -> (B, 3 M)."""

    def __init__(self, features: int, maps: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv1d(features, maps, kernel) for kernel in PARALLEL_KERNELS)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        answers = [
            F.relu(convolution(F.pad(x, (kernel - 1, 0)))) * present
            for convolution, kernel in zip(self.convolutions, PARALLEL_KERNELS, strict=True)
        ]
        return torch.cat([answer.amax(2) for answer in answers], 1)


@final
class TCN(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        steps, features = input_shape
        self.blocks = nn.ModuleList()
        self.filters = ParallelFilters(features, config.width) if config.form == "parallel" else None
        if self.filters is None:
            depth = min(config.depth, 1 + int(math.log2(steps)))
            for block in range(depth):
                self.blocks.append(ResidualBlock(config, config.width if block else features, dilation=2**block))
        self.pooling = config.pooling
        self.dropout = nn.Dropout(config.dropout if self.filters is not None else 0.0)  # the blocks have their own
        self.head = nn.Linear(config.width * (len(PARALLEL_KERNELS) if self.filters is not None else 1), outputs)

    def forward(self, x: Tensor) -> Tensor:
        present = x[:, :, -1:]
        if self.filters is not None:
            answers = self.filters(x.transpose(1, 2), present.transpose(1, 2))
        elif self.pooling == "max":
            answers = self.states(x).amax(1)  # none is below 0, and padding is 0
        else:
            answers = POOLINGS[self.pooling](self.states(x), present)
        scores: Tensor = self.head(self.dropout(answers))
        return scores

    def states(self, x: Tensor) -> Tensor:
        """What the last block gives at every step, (B, T, F) -> (B, T, M)."""
        present = x[:, :, -1:].transpose(1, 2)  # (B, 1, T)
        x = x.transpose(1, 2)
        for block in self.blocks:
            x = block(x, present)
        return x.transpose(1, 2)

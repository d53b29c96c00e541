"""Bidirectional LSTM: long short-term memory from the beginning to the end, and from the end to the beginning.

Either direction keeps a cell state behind its gates (see `lstm`), so that at every step both the far past and the far
future can still be known. For years it was what read speech, handwriting and sentences best.

Graves & Schmidhuber, "Framewise Phoneme Classification with Bidirectional LSTM and Other Neural Network Architectures",
Neural Networks 18, 2005. https://doi.org/10.1016/j.neunet.2005.06.042
NOTE[DIFF] one output per sequence, read from the last state of either direction or from the mean; the paper has one per
    step.
NOTE[DIFF] no peephole weights from the cell state to the gates, which later work found to add little (Greff et al.
    2017, https://arxiv.org/abs/1503.04069).
NOTE[DIFF] the forget gate is open at the start (Jozefowicz, Zaremba & Sutskever 2015,
    https://proceedings.mlr.press/v37/jozefowicz15.html).
NOTE[DIFF] several layers, with dropout behind each, can be chosen.
NOTE[DIFF] no biases: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as biases.

When to choose it: texts and recordings that are there as a whole before anything is asked, and where both the past and
the future of a step tell what it means.

Initial weights: recurrent ones orthogonal (Saxe et al. 2014), the others uniform within 1 / sqrt(U), biases 0 but for
the forget gate's of 1.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units of a direction, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import BIDIRECTIONAL_POOLINGS, RecurrentStack, initialise_recurrent

FORGET_GATE = 1  # its place among PyTorch's gates: in, forget, cell, out


class Config(Hyperparameters):
    width: int = tunable(48, 16, 192, log=True, ge=1)  # units per layer and direction
    depth: int = tunable(1, 1, 3, ge=1)  # layers of either direction
    dropout: float = tunable(0.2, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit's output, behind every layer
    pooling: str = choice("last", "last", "mean")  # states read by the output layer: read last, or their mean


@final
class BiLSTM(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        layers = [
            nn.LSTM(fan_in, config.width, bias=False, batch_first=True, bidirectional=True)
            for fan_in in [features] + [2 * config.width + 1] * (config.depth - 1)
        ]
        for layer in layers:
            initialise_recurrent(layer, open_gate=FORGET_GATE)
        self.states = RecurrentStack(layers, config.dropout)  # (B, T, 2 U): of every step
        self.pool = BIDIRECTIONAL_POOLINGS[config.pooling]
        self.head = nn.Linear(2 * config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.pool(self.states(x), x[:, :, -1:]))
        return scores

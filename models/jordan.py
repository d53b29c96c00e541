"""Jordan network: a recurrent network whose memory is its own last outputs.

State units hold what was given out so far: at every step they fade by a factor and the new outputs are added. Hidden
units read the step and the state units. So the network can carry on a plan or a movement that its outputs show, and
can remember nothing that they do not: with few outputs its memory is narrow.

Jordan, "Serial Order: A Parallel Distributed Processing Approach", ICS Report 8604, UC San Diego, 1986; also in
Advances in Psychology 121, 1997. https://doi.org/10.1016/S0166-4115(97)80111-2
NOTE[DIFF] outputs are numbers without bounds, so what is fed back is their tanh; the paper's outputs are logistic.
NOTE[DIFF] tanh in the hidden units instead of the logistic function.
NOTE[DIFF] the exact gradient through all steps; the paper's goes no further back than a step.
NOTE[DIFF] what is learned is the output of the last step, or the mean over the steps; the paper's outputs each have a
    target.
NOTE[DIFF] dropout before the output layer.
NOTE[DIFF] no biases in the hidden units: the weights of the last feature, 1 if a step is present and 0 if it is
    padding, act as biases. A step that is not there gives no output and only lets the state fade.

When to choose it: to study feedback from the output, as in control and movement, and for history. A class from a long
sequence is not for it.

Initial weights: PyTorch's, uniform within 1 / sqrt(fan in); biases 0.

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.recurrence import POOLINGS


class Config(Hyperparameters):
    width: int = tunable(64, 16, 256, log=True, ge=1)  # hidden units
    memory: float = tunable(0.5, 0.0, 0.95, ge=0, lt=1)  # part of the state that is left after a step
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a hidden unit's output
    pooling: str = choice("last", "last", "mean")  # what is learned: the output of the last step, or the mean


@final
class Jordan(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        self.memory = config.memory
        self.from_step = nn.Linear(features, config.width, bias=False)
        self.from_state = nn.Linear(outputs, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, outputs)
        self.pool = POOLINGS[config.pooling]
        for biases in (self.from_step.weight[:, -1], self.head.bias):
            nn.init.zeros_(biases)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.unroll(x)
        return self.pool(outputs, x[:, :, -1:])

    def unroll(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs of every step, and the state that each step reads, (B, T, O) each."""
        present = x[:, :, -1:]
        driven = self.from_step(x)  # (B, T, U): does not depend on the state, so for all steps at once
        state = x.new_zeros(x.shape[0], self.head.out_features)
        outputs, states = [], []
        for step in range(x.shape[1]):
            hidden = torch.tanh(driven[:, step] + self.from_state(state))  # (B, U)
            output = self.head(self.dropout(hidden)) * present[:, step]  # (B, O)
            states.append(state)
            outputs.append(output)
            state = self.memory * state + torch.tanh(output)
        return torch.stack(outputs, 1), torch.stack(states, 1)

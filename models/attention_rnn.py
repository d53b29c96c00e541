"""Recurrent encoder and decoder with attention: each output looks back at the steps that it needs.

The encoder, a bidirectional GRU, leaves an annotation at every step. The decoder, a GRU, writes the outputs a few at a
time; before it writes, it compares its state with every annotation, turns the scores into weights that sum to 1, and
reads the weighted mean. So a long sequence need not pass through one state, and the weights show what was looked at.
With one decoder step it is attention pooling, which is what a class needs; a forecast is written step by step.

Bahdanau, Cho & Bengio, "Neural Machine Translation by Jointly Learning to Align and Translate", 2015.
https://arxiv.org/abs/1409.0473
NOTE[DIFF] outputs are numbers, `outputs / decoder_steps` of them per decoder step (rounded up), and what was written is
    fed back as it is; the paper's are words.
NOTE[DIFF] a linear output layer on state and context, where the paper has a maxout layer before it.
NOTE[DIFF] PyTorch's GRU, as in `gru`; the update gate of the encoder keeps at the start.
NOTE[DIFF] dropout of annotations.
NOTE[DIFF] no biases in the encoder: the weights of the last feature, 1 if a step is present and 0 if it is padding, act
    as biases. A step that is not there has no weight.

When to choose it: a forecast of many steps, or a class that hangs on a few steps of many, and where it should be seen
which: its weights show where it looked.

Initial weights: recurrent ones of the encoder orthogonal as in the paper, all others uniform within 1 / sqrt(fan in).

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), U units, S decoder steps, C outputs of each, O
outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.attention import presence_bias
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.recurrence import first_step, initialise_recurrent

UPDATE_GATE = 1  # its place among PyTorch's gates: reset, update, candidate


class Config(Hyperparameters):
    width: int = tunable(48, 16, 192, log=True, ge=1)  # units of either direction, the decoder and the scores
    decoder_steps: int = tunable(1, 1, 12, ge=1)  # times that the decoder looks and writes; no more than outputs
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a number of an annotation


@final
class AttentionRNN(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        width = config.width
        self.outputs = outputs
        self.chunk = -(-outputs // config.decoder_steps)  # C
        self.decoder_steps = -(-outputs // self.chunk)  # S
        self.encoder = nn.GRU(features, width, bias=False, batch_first=True, bidirectional=True)
        initialise_recurrent(self.encoder, open_gate=UPDATE_GATE)
        self.dropout = nn.Dropout(config.dropout)
        self.key = nn.Linear(2 * width, width)
        self.query = nn.Linear(width, width, bias=False)
        self.energy = nn.Linear(width, 1, bias=False)
        self.start = nn.Linear(width, width)  # from the encoder's state at the first step to the decoder's
        self.decoder = nn.GRUCell(2 * width + self.chunk, width)
        self.head = nn.Linear(width + 2 * width, self.chunk)

    def forward(self, x: Tensor) -> Tensor:
        outputs, _ = self.decode(x)
        return outputs

    def decode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs, (B, O), and how much each decoder step looked at every step of the sequence, (B, S, T)."""
        present = x[:, :, -1:]
        encoded, _ = self.encoder(x)
        annotations = self.dropout(encoded * present)  # (B, T, 2 U)
        keys, absent = self.key(annotations), presence_bias(present)
        state = torch.tanh(self.start(first_step(annotations, present)[:, self.start.in_features :]))  # (B, U)
        written = x.new_zeros(x.shape[0], self.chunk)
        chunks, weights = [], []
        for _ in range(self.decoder_steps):
            scores = self.energy(torch.tanh(self.query(state).unsqueeze(1) + keys)) + absent  # (B, T, 1)
            weights.append(scores.softmax(1))
            context = (weights[-1] * annotations).sum(1)  # (B, 2 U)
            state = self.decoder(torch.cat([context, written], 1), state)
            written = self.head(torch.cat([state, context], 1))  # (B, C)
            chunks.append(written)
        return torch.cat(chunks, 1)[:, : self.outputs], torch.cat(weights, 2).transpose(1, 2)

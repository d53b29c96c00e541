"""Hierarchical attention network: a network that reads steps into segments, and one that reads segments.

A document is sentences and a sentence is words. The lower reader, a bidirectional GRU with attention, turns every
sentence into a vector; the upper one, built alike, turns those into one for the document. Neither has to remember
further than a sentence is long or a document has sentences, segments are read side by side, and both say by their
attention which words and which sentences counted.

Yang et al., "Hierarchical Attention Networks for Document Classification", NAACL 2016.
https://aclanthology.org/N16-1174
NOTE[DIFF] segments are of equal length, counted from the end, since the network sees steps and no full stops: a text is
    cut after every `segment` words, a series after every `segment` steps. There are two or more: a segment is at
    most half the sequence. A segment of padding alone is padding above.
NOTE[DIFF] PyTorch's GRU, as in `gru`; update gates keep at the start.
NOTE[DIFF] dropout behind either reader.
NOTE[DIFF] no biases in the GRUs: the weights of the last feature, 1 if a step is present and 0 if it is padding, act as
    biases.

When to choose it: texts of many sentences and series of many segments, too long for one recurrent network to remember.
Of documents of up to 256 words it named the library of 0.51 where an `lstm` with as many weights did of 0.42, in the
mean of three seeds (`python -m benchmarks.sequences documents`). Short texts gain nothing.

Initial weights: recurrent ones orthogonal (Saxe et al. 2014), all others uniform within 1 / sqrt(fan in).

Shapes: B batch, T steps, F features (the last: 1 present, 0 padding), S segments of L steps, U units of a direction, O
outputs.
"""

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.attention import presence_bias
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.recurrence import initialise_recurrent

UPDATE_GATE = 1  # its place among PyTorch's gates: reset, update, candidate


class Config(Hyperparameters):
    width: int = tunable(32, 16, 128, log=True, ge=1)  # units of each direction of either reader
    segment: int = tunable(16, 4, 64, log=True, ge=1)  # steps of a segment
    dropout: float = tunable(0.1, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a number of a segment's vector


class AttentionWeights(NamedTuple):
    """What a hierarchical network looks at; either sums to 1 over its last axis."""

    steps: Tensor  # (B, S, L): within each segment
    segments: Tensor  # (B, S)


@final
class AttentiveReader(nn.Module):
    """Bidirectional GRU, and the mean of its states weighted by attention: (B, T, F) -> (B, 2 U) and weights (B, T)."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.states = nn.GRU(features, width, bias=False, batch_first=True, bidirectional=True)
        initialise_recurrent(self.states, open_gate=UPDATE_GATE)
        self.hidden = nn.Linear(2 * width, 2 * width)
        self.context = nn.Linear(2 * width, 1, bias=False)  # the paper's u_w: what a word that counts is like

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        present = x[:, :, -1:]
        states = self.states(x)[0] * present  # (B, T, 2 U)
        scores = self.context(torch.tanh(self.hidden(states))) + presence_bias(present)
        weights = scores.softmax(1)  # (B, T, 1)
        return (weights * states).sum(1), weights.squeeze(2)


@final
class HierarchicalRNN(nn.Module):
    """(B, T, F) -> (B, O)."""

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        steps, features = input_shape
        self.segment = min(config.segment, -(-steps // 2))  # L
        self.step_reader = AttentiveReader(features, config.width)
        self.segment_reader = AttentiveReader(2 * config.width + 1, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(2 * config.width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        document, _ = self.read(x)
        scores: Tensor = self.head(self.dropout(document))
        return scores

    def read(self, x: Tensor) -> tuple[Tensor, AttentionWeights]:
        """The vector of every document, (B, 2 U), and what was looked at."""
        segments = (x.shape[1] + self.segment - 1) // self.segment  # S; ONNX divides towards zero, not downwards
        x = F.pad(x, (0, 0, segments * self.segment - x.shape[1], 0))
        steps = x.reshape(-1, self.segment, x.shape[2])  # (B S, L, F)
        vectors, step_weights = self.step_reader(steps)
        present = steps[:, :, -1].amax(1, keepdim=True)  # (B S, 1)
        above = torch.cat([self.dropout(vectors), present], 1).reshape(-1, segments, vectors.shape[1] + 1)
        document, segment_weights = self.segment_reader(above)
        return document, AttentionWeights(step_weights.reshape(-1, segments, self.segment), segment_weights)

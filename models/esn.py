"""Echo state network: a fixed random recurrent reservoir, and a linear readout fitted by ridge regression.

The recurrent weights are drawn once, scaled to a chosen spectral radius so that the effect of an input fades, and never
trained. Only the readout is: from the reservoir's state after the last step and its mean over the steps, to the
outputs, in closed form. The picture: ripples in a pond, and somebody who learns to read them.

Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD Report 148, 2001.
https://www.ai.rug.nl/minds/uploads/EchoStatesTechRep.pdf
Lukosevicius, "A Practical Guide to Applying Echo State Networks", 2012.
https://doi.org/10.1007/978-3-642-35289-8_36
NOTE[DIFF] leaky units (the guide, equation 3): a unit's state moves only a part of the way at each step.
NOTE[DIFF] one output per sequence, read from the last state and the mean state; the paper has one per step.
NOTE[DIFF] there are no biases in the reservoir: the last feature of a step, 1 if the step is there and 0 if it is
    padding, takes their place. A reservoir that has seen nothing but padding is still at 0, and the outputs do not
    depend on how much padding stands in front.
NOTE[DIFF] classes: the regression on 0 and 1 is multiplied by one factor, so that a softmax gives calibrated
    probabilities: the factor with the smallest leave-one-out log loss on the training examples (PRESS; Allen 1974,
    https://doi.org/10.1080/00401706.1974.10489157).

When to choose it: forecasts of smooth or chaotic series, and sequences of a few hundred examples, in seconds and
without descending anything. Texts are not for it.

Initial weights: inputs uniform within `input_scale`; every unit of the reservoir reads a few others, with weights
uniform around 0 and scaled to the spectral radius. Neither is trained; the readout is solved for.

Shapes: B batch, N examples, T steps, F features (the last: 1 present, 0 padding), U units, D = 2 U, O outputs.
"""

from collections.abc import Iterator
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable

CONNECTIONS_PER_UNIT = 10  # units that feed a unit; the guide, section 3.2.3: few are as good as all
CHUNK_EXAMPLES = 1024  # examples in the reservoir at a time while fitting, which bounds the memory
LOGIT_SCALES = tuple(2 ** (step / 4) for step in range(-4, 33))  # factors tried: 0.5 to 256


class Config(Hyperparameters):
    units: int = tunable(300, 50, 600, log=True, ge=1)  # units of the reservoir
    spectral_radius: float = tunable(0.9, 0.1, 1.4, gt=0)  # of the reservoir's weights: larger remembers longer
    leak: float = tunable(0.5, 0.05, 1.0, log=True, gt=0, le=1)  # leaking rate: part of a step that a state moves
    input_scale: float = tunable(0.3, 0.01, 1.0, log=True, gt=0)  # largest weight between a feature and a unit
    penalty: float = tunable(1e-4, 1e-6, 1e-1, log=True, gt=0)  # ridge penalty of the readout, per example


@final
class ESN(nn.Module):
    """(B, T, F) -> (B, O).

    Attributes:
        weights_in: from features to units, (U, F).
        reservoir: from units to units, (U, U).
        readout: the fitted weights, (O, D).
        bias: (O,).
    """

    weights_in: Tensor
    reservoir: Tensor
    readout: Tensor
    bias: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        _, features = input_shape
        self.leak = config.leak
        self.penalty = config.penalty
        self.outputs = outputs
        self.register_buffer("weights_in", (2 * torch.rand(config.units, features) - 1) * config.input_scale)
        self.register_buffer("reservoir", _random_reservoir(config.units, config.spectral_radius))
        self.register_buffer("readout", torch.zeros(outputs, 2 * config.units))
        self.register_buffer("bias", torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = F.linear(self.reservoir_states(x), self.readout.double(), self.bias.double())
        return scores.to(x.dtype)

    def reservoir_states(self, x: Tensor) -> Tensor:
        """State after the last step, and mean state over the steps that are present, (B, D).

        In float64: a readout takes differences of states that are almost alike, which would magnify the last bits in
        which one runtime's float32 differs from another's.
        """
        x = x.double()
        present = x[:, :, -1:]  # (B, T, 1)
        weights = torch.cat([self.weights_in, self.reservoir], 1).double()  # (U, F + U)
        state = x.new_zeros(x.shape[0], self.reservoir.shape[0])  # (B, U)
        total = state
        for step in range(x.shape[1]):
            activations = torch.tanh(F.linear(torch.cat([x[:, step], state], 1), weights))
            state = state + self.leak * (activations - state)
            total = total + state * present[:, step]
        return torch.cat([state, total / present.sum(1).clamp(min=1)], 1)

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Fit the readout to all examples at once, in float64; memory does not grow with N.

        Minimises the mean of (readout states + bias - y)^2 plus penalty times readout^2.

        Args:
            x: sequences, (N, T, F).
            y: number of the right class, int64 (N,), or numbers, (N, O).
            seed: ignored; nothing is random.

        Raises:
            ValueError: if there are no examples, or y is neither.
        """
        refuse_sample_weight(sample_weight)
        classes = not y.is_floating_point()
        if not len(x) or y.shape != ((len(x),) if classes else (len(x), self.outputs)):
            found = f"{tuple(x.shape)} and {tuple(y.shape)}"
            raise ValueError(f"esn is fitted to y (N,) of classes or (N, {self.outputs}) of numbers, got {found}")
        target = (F.one_hot(y, self.outputs) if classes else y).double()  # (N, O)
        state_width = 2 * len(self.reservoir)
        state_mean, target_mean = self.readout.new_zeros(state_width).double(), target.mean(0)
        for states, _ in self._state_chunks(x, target):
            state_mean += states.sum(0) / len(x)
        gram = torch.diag(torch.full_like(state_mean, len(x) * self.penalty))  # (D, D)
        cross_moment = state_mean.new_zeros(state_width, self.outputs)
        for states, targets in self._state_chunks(x, target):
            gram += (states - state_mean).T @ (states - state_mean)
            cross_moment += (states - state_mean).T @ (targets - target_mean)
        cholesky_factor = torch.linalg.cholesky(gram)
        weights = torch.cholesky_solve(cross_moment, cholesky_factor)  # (D, O)
        if classes:
            logit_scale = self._best_logit_scale(x, target, (state_mean, target_mean), cholesky_factor, weights)
            weights, target_mean = weights * logit_scale, target_mean * logit_scale
        self.readout.copy_(weights.T)
        self.bias.copy_(target_mean - state_mean @ weights)

    def _state_chunks(self, x: Tensor, target: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(x), CHUNK_EXAMPLES):
            yield self.reservoir_states(x[start : start + CHUNK_EXAMPLES]), target[start : start + CHUNK_EXAMPLES]

    def _best_logit_scale(
        self, x: Tensor, target: Tensor, means: tuple[Tensor, Tensor], cholesky_factor: Tensor, weights: Tensor
    ) -> float:
        """The factor on the scores with the smallest leave-one-out log loss.

        Without example i, its prediction would be y_i - (y_i - p_i) / (1 - h_i), where p_i is the prediction with it
        and h_i the i-th number on the diagonal of the hat matrix: 1 / N + s_i G^-1 s_i for centred states s.
        """
        state_mean, target_mean = means
        scales = torch.tensor(LOGIT_SCALES, dtype=torch.float64, device=x.device)
        loss = torch.zeros_like(scales)
        for states, targets in self._state_chunks(x, target):
            states = states - state_mean  # (B, D)
            leverage = torch.linalg.solve_triangular(cholesky_factor, states.T, upper=False).square().sum(0)  # (B,)
            one_minus_leverage = (1 - 1 / len(x) - leverage).clamp(min=1e-6)  # above 0 but for rounding
            predicted = targets - (targets - target_mean - states @ weights) / one_minus_leverage[:, None]  # (B, O)
            log_probabilities = F.log_softmax(scales[:, None, None] * predicted, 2)  # (S, B, O): S scales
            loss -= (log_probabilities * targets).sum((1, 2))
        return float(scales[loss.argmin()])


def _random_reservoir(units: int, spectral_radius: float) -> Tensor:
    """Sparse random weights of that spectral radius, the largest absolute eigenvalue; (U, U)."""
    connected = torch.rand(units, units).argsort(1) < min(
        units, CONNECTIONS_PER_UNIT
    )  # argsort of noise: a permutation per row
    weights = (2 * torch.rand(units, units) - 1) * connected
    largest_eigenvalue = torch.linalg.eigvals(weights.double()).abs().max().clamp(min=1e-6)
    scaled: Tensor = weights * (spectral_radius / largest_eigenvalue).float()
    return scaled

"""Muon: momentum whose steps are orthogonal matrices.

A gradient of a matrix of weights is dominated by a few directions. Muon replaces its momentum by the nearest matrix all
of whose singular values are about 1, so that rare directions are learned as fast as common ones; an iteration that
multiplies matrices finds it without computing singular values.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024. https://kellerjordan.github.io/posts/muon/
Liu et al., "Muon is Scalable for LLM Training", 2025, https://arxiv.org/abs/2502.16982: a step is as large as AdamW's,
    so that AdamW's learning rates and weight decay serve, and AdamW takes the steps of what is no matrix.
NOTE[DIFF] the iteration is in float32, not bfloat16: the same bytes on every CPU.
NOTE[DIFF] output layers and embeddings are matrices like others; the authors leave them to AdamW.

Shapes: M rows, N columns.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, final

import torch
from torch import Tensor, nn, optim

MOMENTUM = 0.95  # part of the last step that the next one keeps
COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of x, x^3 and x^5: singular values from 0 to 1 go to about 1 in few steps
ITERATIONS = 5
ADAMW_STEP = 0.2  # root mean square of a usual step of AdamW, in units of the learning rate
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of AdamW


@final
class Muon(optim.Optimizer):
    """Orthogonal steps for matrices, AdamW's for the rest; decoupled weight decay for both.

    Filters of convolutions are matrices of one row per filter.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], learning_rate: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": learning_rate, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # no loss is returned
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    step = _matrix_step if parameter.ndim > 1 else _adamw_step
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.add_(step(parameter.grad, self.state[parameter]), alpha=-group["lr"])


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix (M, N) with its singular values moved to about 1, by Newton and Schulz's iteration.

    >>> matrix = torch.diag(torch.tensor([5.0, 1.0, 0.5]))
    >>> values = torch.linalg.svdvals(orthogonalise(matrix))
    >>> bool(values.min() > 0.6), bool(values.max() < 1.3)
    (True, True)
    """
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if is_tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if is_tall else x


def _matrix_step(gradient: Tensor, state: dict[str, Any]) -> Tensor:
    momentum: Tensor = state.setdefault("momentum", torch.zeros_like(gradient))
    momentum.lerp_(gradient, 1 - MOMENTUM)
    matrix = gradient.lerp(momentum, MOMENTUM).flatten(1)  # Nesterov's look ahead
    size = ADAMW_STEP * math.sqrt(max(matrix.shape))
    return size * orthogonalise(matrix).view_as(gradient)


def _adamw_step(gradient: Tensor, state: dict[str, Any]) -> Tensor:
    if not state:
        state.update(step=torch.zeros(()), mean=torch.zeros_like(gradient), square=torch.zeros_like(gradient))
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - BETAS[0])
    state["square"].lerp_(gradient.square(), 1 - BETAS[1])
    steps = state["step"].item()
    root = (state["square"] / (1 - BETAS[1] ** steps)).sqrt() + EPSILON
    step: Tensor = state["mean"] / (1 - BETAS[0] ** steps) / root
    return step

"""Output transform of a generation: from [-1, 1] to grey levels."""

from typing import final

from torch import Tensor, nn


@final
class UnscalePixels(nn.Module):
    """Inverse pixel scaling: from numbers of -1 to 1, (B, O), to pixels of 0 to 255, (B, H, W[, C])."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        return ((outputs + 1) * 127.5).reshape(-1, *self.shape)

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        return target.float().flatten(1) / 127.5 - 1

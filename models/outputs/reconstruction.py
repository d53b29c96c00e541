"""Output transforms of what reconstructs: from the network's units to the target's, with an anomaly score in front.

Shapes: B batch, D numbers of an example in the order they are stored, C channels, H height, W width, N rows.
"""

from typing import Any, cast, final

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.outputs.output_transform import OutputTransform

PIXEL_RANGE = 255.0  # grey levels from black to white


@final
class ImageReconstruction(nn.Module):
    """Outputs (B, C, H, W), or in a row, to (B, 1 + D): the score, then the pixels from 0 to 255 as they are stored.

    The score is the mean squared difference between the input image and its reconstruction, as a share of the full
    range.

    Args:
        shape: of one stored image, (H, W) or (H, W, C).
        logits: whether outputs are logits of a pixel's whiteness; else they are standardised grey levels, with one mean
            and one spread for the whole image.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, shape: tuple[int, ...], logits: bool) -> None:
        super().__init__()
        self.height, self.width, self.channels = (*shape, 1)[:3]
        self.logits = logits
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("spread", torch.full((), PIXEL_RANGE))

    def fit(self, mean: float, spread: float) -> "ImageReconstruction":
        """Take mean and spread of the grey levels of the train part's targets."""
        if not self.logits:
            self.mean.fill_(mean)
            self.spread.fill_(spread or 1.0)
        return self

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        (image,) = inputs
        x = outputs.reshape(-1, self.channels, self.height, self.width)
        pixels = (
            torch.sigmoid(x) * PIXEL_RANGE if self.logits else (x * self.spread + self.mean).clamp(0.0, PIXEL_RANGE)
        )
        reconstructed = pixels.permute(0, 2, 3, 1).flatten(1)  # (B, D)
        differences = (image.to(reconstructed.dtype).flatten(1) - reconstructed) / PIXEL_RANGE
        return torch.cat([differences.square().mean(dim=1, keepdim=True), reconstructed], dim=1)

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        image = target.to(self.mean.dtype).reshape(-1, self.height, self.width, self.channels)
        x = image.permute(0, 3, 1, 2)  # (B, C, H, W)
        return x / PIXEL_RANGE if self.logits else (x - self.mean) / self.spread


@final
class ScoreOfItsOwn(nn.Module):
    """Outputs (B, 1), an anomaly score, to (B, 1 + D): the score, then what outputs of 0 reconstruct, the mean.

    Args:
        transform: of a network that reconstructs, for D outputs.
        width: D.
    """

    def __init__(self, transform: OutputTransform, width: int) -> None:
        super().__init__()
        self.transform = cast(nn.Module, transform)
        self.width = width

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        reconstructed = self.transform(torch.zeros_like(outputs).expand(-1, self.width), *inputs)
        return torch.cat([outputs, reconstructed[:, 1:]], dim=1)

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        values: Tensor = self.transform.inverse(target, *inputs)  # type: ignore[operator]  # all have one
        return values


@final
class RowReconstruction(nn.Module):
    """Outputs (B, D), standardised, to (B, 1 + D): the score, then the numbers in their own units.

    The score is the mean squared difference between the input row and its reconstruction, in units of each column's
    spread; missing numbers (NaN) are left out of it. In `inverse`, a missing number counts as the mean.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("spread", torch.ones(columns))

    def fit(self, mean: NDArray[Any], spread: NDArray[Any]) -> "RowReconstruction":
        """Take mean and spread of every column of the train part, (D,) each."""
        self.mean.copy_(torch.from_numpy(mean))
        self.spread.copy_(torch.from_numpy(spread))
        return self

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        x = torch.stack([column.to(outputs.dtype) for column in inputs], dim=1)  # (B, D)
        known = ~torch.isnan(x)
        differences = torch.where(known, (x - self.mean) / self.spread - outputs, torch.zeros_like(outputs))
        score = differences.square().sum(dim=1, keepdim=True) / known.sum(dim=1, keepdim=True).clamp(min=1)
        return torch.cat([score, outputs * self.spread + self.mean], dim=1)

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        standardised = (target - self.mean) / self.spread
        return torch.where(torch.isnan(target), torch.zeros_like(standardised), standardised)

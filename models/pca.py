"""Principal components: the few straight directions along which the data varies most.

What is read is told by its place along those directions alone, and drawn from there with one matrix. It is the best
that anything straight can do through so narrow a bottleneck, so it is what an autoencoder has to beat.

Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
https://doi.org/10.1080/14786440109462720
Hotelling, "Analysis of a complex of statistical variables into principal components", 1933.
https://doi.org/10.1037/h0071325
NOTE[DIFF] what is drawn may be something else than what was read: the matrix is the least squares fit from the places
    to it (principal component regression; Jolliffe 1982, https://doi.org/10.2307/2348005). Where both are the same,
    the matrix is that of the directions themselves.

Shapes: B batch, N examples, F features, K numbers in the code, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.principal_components import principal_components


class Config(Hyperparameters):
    code: int = tunable(16, 2, 64, log=True, ge=1)  # directions kept; no more than F


@final
class PCA(nn.Module):
    """(B, F) -> (B, O).

    Attributes:
        code_size: K, numbers in the bottleneck.
        mean: of what is read, (F,).
        directions: the principal components, of length 1, the most important first, (K, F).
        decoder: from the code to what is drawn, (O, K).
        offset: mean of what is drawn, (O,).
    """

    mean: Tensor
    directions: Tensor
    decoder: Tensor
    offset: Tensor

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        self.outputs = outputs
        self.code_size = min(config.code, features)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("directions", torch.zeros(self.code_size, features))
        self.register_buffer("decoder", torch.zeros(outputs, self.code_size))
        self.register_buffer("offset", torch.zeros(outputs))

    def forward(self, x: Tensor) -> Tensor:
        code = nn.functional.linear(x - self.mean, self.directions)  # (B, K)
        return nn.functional.linear(code, self.decoder, self.offset)

    @torch.no_grad()
    def fit(self, x: Tensor, y: Tensor, seed: int, sample_weight: Tensor | None = None) -> None:
        """Find the directions of x, and the matrix from there to y, in float64.

        Args:
            x: what is read, (N, F).
            y: what is to be drawn, (N, O).
            seed: ignored; nothing is drawn at random.

        Raises:
            ValueError: if there are no examples, or y is not of that shape.
        """
        refuse_sample_weight(sample_weight)
        if not len(x) or not y.is_floating_point() or y.shape != (len(x), self.outputs):
            raise ValueError(f"pca draws numbers (N, {self.outputs}), got {y.dtype} {tuple(y.shape)} for {len(x)} rows")
        mean, offset = x.double().mean(0), y.double().mean(0)
        directions, variances = principal_components(x.double() - mean, self.code_size)
        code = (x.double() - mean) @ directions.T  # (N, K), its columns at right angles
        cross_moment = code.T @ (y.double() - offset) / len(x)  # (K, O)
        has_variance = variances > 1e-12 * variances.max()  # a direction without any variance tells nothing
        decoder = torch.where(has_variance[:, None], cross_moment / variances.clamp(min=1e-300)[:, None], 0.0)
        self.mean.copy_(mean)
        self.directions.copy_(directions)
        self.decoder.copy_(decoder.T)
        self.offset.copy_(offset)

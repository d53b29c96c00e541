"""Principal component analysis: projection on the directions of largest variance, and linear reconstruction.

It is the best linear autoencoder of its code size (in squared error), so it is the baseline that an autoencoder has to
beat.

Pearson, "On lines and planes of closest fit to systems of points in space", 1901.
https://doi.org/10.1080/14786440109462720
Hotelling, "Analysis of a complex of statistical variables into principal components", 1933.
https://doi.org/10.1037/h0071325
NOTE[DIFF] the target may differ from the input: the decoder is the least squares fit from the code to it (principal
    component regression; Jolliffe 1982, https://doi.org/10.2307/2348005). Where both are the same, the decoder is the
    transpose of the directions.

When to choose it: reconstruction, denoising and anomalies, and first of all: it is solved in a second, and no linear
code of its size is better.

Initial weights: none: the weights are solved for, and the same from every start.

Shapes: B batch, N examples, F features, K numbers in the code, O outputs.
"""

from typing import final

import torch
from torch import Tensor, nn

from models.blocks.closed_form import refuse_sample_weight
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.blocks.principal_components import principal_components


class Config(Hyperparameters):
    code: int = tunable(16, 2, 64, log=True, ge=1)  # principal components kept; no more than F


@final
class PCA(nn.Module):
    """(B, F) -> (B, O).

    Attributes:
        code_size: K, numbers in the bottleneck.
        mean: of the inputs, (F,).
        directions: the principal components, of length 1, largest variance first, (K, F).
        decoder: from the code to the outputs, (O, K).
        offset: mean of the targets, (O,).
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
        """Fit the principal components of x, and the decoder from there to y, in float64.

        Args:
            x: inputs, (N, F).
            y: targets, (N, O).
            seed: ignored; nothing is random.

        Raises:
            ValueError: if there are no examples, or y is not of that shape.
        """
        refuse_sample_weight(sample_weight)
        if not len(x) or not y.is_floating_point() or y.shape != (len(x), self.outputs):
            found = f"{y.dtype} {tuple(y.shape)} for {len(x)} rows"
            raise ValueError(f"pca is fitted to numbers (N, {self.outputs}), got {found}")
        mean, offset = x.double().mean(0), y.double().mean(0)
        directions, variances = principal_components(x.double() - mean, self.code_size)
        code = (x.double() - mean) @ directions.T  # (N, K), its columns orthogonal
        cross_moment = code.T @ (y.double() - offset) / len(x)  # (K, O)
        has_variance = variances > 1e-12 * variances.max()  # else the code number is always 0
        decoder = torch.where(has_variance[:, None], cross_moment / variances.clamp(min=1e-300)[:, None], 0.0)
        self.mean.copy_(mean)
        self.directions.copy_(directions)
        self.decoder.copy_(decoder.T)
        self.offset.copy_(offset)

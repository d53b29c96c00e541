"""Autoencoder: a dense encoder to a short code, and a dense decoder back from it.

What is common in the training data survives the bottleneck; noise does not, and an example unlike those of training is
reconstructed badly, which makes the reconstruction error an anomaly score.

Hinton & Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", Science 313, 2006.
https://doi.org/10.1126/science.1127647
NOTE[DIFF] trained at once from random weights; the paper first trains the layers one by one as Boltzmann machines,
    which later activations and optimizers made unnecessary.
NOTE[DIFF] all hidden layers are equally wide, where the paper's narrow towards the code.
NOTE[DIFF] GELU or a relative in place of the sigmoid; outputs without one, since they are not between 0 and 1 here.
NOTE[DIFF] the target may differ from the input: trained from noisy images to clean ones it is a denoising autoencoder
    (Vincent et al. 2008, https://doi.org/10.1145/1390156.1390294).

When to choose it: a table's or a small image's reconstruction, denoising and anomalies, where its columns depend on
each other in ways that are not linear; `pca` says whether they are.

Initial weights: uniform within 1 / sqrt(fan in), biases too, as PyTorch draws them.

Shapes: B batch, F features, O outputs.
"""

from typing import final

from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Hyperparameters, choice, tunable
from models.blocks.layers import dense_layers


class Config(Hyperparameters):
    code: int = tunable(16, 2, 64, log=True, ge=1)  # numbers in the bottleneck; no more than F
    width: int = tunable(128, 32, 512, log=True, ge=1)  # units in every hidden layer
    depth: int = tunable(1, 1, 3, ge=1)  # hidden layers before the code, and as many behind it
    dropout: float = tunable(0.0, 0.0, 0.3, ge=0, lt=1)  # probability of zeroing a unit of a hidden layer
    activation: str = choice("gelu", "relu", "gelu", "silu", "tanh", unsearched=ACTIVATIONS)  # activation function


@final
class Autoencoder(nn.Module):
    """(B, F) -> (B, O).

    Attributes:
        code_size: numbers in the bottleneck.
    """

    def __init__(self, config: Config, input_shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        (features,) = input_shape
        self.code_size = min(config.code, features)

        def hidden_layers(fan_in: int) -> nn.Sequential:
            return dense_layers(
                fan_in, config.width, config.depth, activation=config.activation, dropout=config.dropout
            )

        self.encoder = nn.Sequential(hidden_layers(features), nn.Linear(config.width, self.code_size))
        self.decoder = nn.Sequential(hidden_layers(self.code_size), nn.Linear(config.width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        reconstruction: Tensor = self.decoder(self.encoder(x))
        return reconstruction

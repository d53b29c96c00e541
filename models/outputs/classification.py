"""Outputs of a classification: logits under the true shares of the classes, and the softmax that is served.

Shapes: B batch, K classes.
"""

from typing import final

import torch
from torch import Tensor, nn


@final
class PriorShift(nn.Module):
    """Logits learned as if all classes were as frequent, put back to how frequent they are: outputs + log share.

    Weights that make every class count the same in the loss teach a network the probabilities of a world in which they
    are. By Bayes' rule those of this world are these times the classes' shares of the train part.

    Saerens, Latinne & Decaestecker, "Adjusting the Outputs of a Classifier to New a Priori Probabilities", Neural
    Computation 14(1), 2002. https://doi.org/10.1162/089976602753284446
    """

    log_shares: Tensor

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.register_buffer("log_shares", torch.zeros(classes))

    def fit(self, counts: Tensor) -> "PriorShift":
        """Take the number of train examples of every class, (K,); a class without any counts as one example."""
        filled = counts.double().clamp(min=1)
        self.log_shares.copy_((filled / filled.sum()).log())
        return self

    def forward(self, outputs: Tensor, *inputs: Tensor) -> Tensor:
        return outputs + self.log_shares

    def inverse(self, target: Tensor, *inputs: Tensor) -> Tensor:
        """Classes stay as they are: the loss compares them with what the network itself gives."""
        return target


@final
class TemperedSoftmax(nn.Module):
    """Probabilities along `dim`: softmax(outputs / temperature)."""

    def __init__(self, dim: int, temperature: float = 1.0) -> None:
        super().__init__()
        self.dim = dim
        self.temperature = temperature

    def forward(self, outputs: Tensor) -> Tensor:
        return torch.softmax(outputs / self.temperature, dim=self.dim)

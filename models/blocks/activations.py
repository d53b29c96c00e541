"""Activation functions by name."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x / 3), any shape: maps -1 and 1 to themselves, where its curvature is largest.

    Targets of -1 and 1 lie inside the range, and unit variance stays close to unit variance.

    Source: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998,
    Appendix A. http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf

    >>> ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])).round(decimals=3).tolist()
    [-1.0, 0.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,  # max(0, x): cheap, and its gradient does not vanish above 0; Nair & Hinton 2010
    "leaky_relu": nn.LeakyReLU,  # x above 0, 0.01 x below: no unit is ever without a gradient; Maas et al. 2013
    "elu": nn.ELU,  # x above 0, exp(x) - 1 below: its mean is closer to 0; Clevert et al. 2016
    "gelu": nn.GELU,  # x times the standard normal distribution function of x; Hendrycks & Gimpel 2016
    "silu": nn.SiLU,  # x sigmoid(x), also called swish; Elfwing et al. 2017
    "sigmoid": nn.Sigmoid,  # between 0 and 1; Rumelhart et al. 1986
    "tanh": nn.Tanh,  # between -1 and 1
    "scaled_tanh": ScaledTanh,  # LeNet-5's; LeCun et al. 1998
    "softmax": lambda: nn.Softmax(dim=1),  # units, or maps of a pixel, share out 1 between them; Bridle 1990
}

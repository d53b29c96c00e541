"""Starting weights that several architectures share."""

from torch import nn

HEAD_STD = 0.01  # of the output layer's weights, as in AlexNet and VGG: outputs start near 0


def init_he_normal(network: nn.Module, *heads: nn.Linear) -> None:
    """He initialisation: normal weights of variance 2 / fan in, biases 0; the output layers' are small.

    A layer followed by a ReLU then keeps the size of its inputs, however many layers there are.

    Source: He, Zhang, Ren & Sun, "Delving Deep into Rectifiers", 2015. https://arxiv.org/abs/1502.01852

    Args:
        network: whose convolutions and dense layers start anew, in place; a normalisation keeps its ones and zeros.
        heads: the output layers, inside the network or not.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for head in heads:
        nn.init.normal_(head.weight, std=HEAD_STD)

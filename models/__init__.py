"""The zoo: every architecture, one row each.

To add one, write its file beside the others and its row here; the tests find it by itself.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import nn

from models import (
    autoencoder,
    cnn,
    conv_autoencoder,
    decision_tree,
    esn,
    gan,
    gaussian,
    gradient_boosting,
    lenet5,
    linear_regression,
    logistic_regression,
    lstm,
    mlp,
    pca,
    periodic_mlp,
    pixel_logistic_regression,
    unet,
    vae,
)
from models.blocks.hyperparameters import Hyperparameters
from models.stems import InputType

# The shape of one example, by what is read: F features; C channels, H height, W width; T steps of F features
INPUT_SHAPES: dict[InputType, tuple[str, ...]] = {
    "vector": ("F",),
    "image": ("C", "H", "W"),
    "sequence": ("T", "F"),
}


OutputType = Literal["vector", "image"]  # (B, O): outputs; (B, O, H, W): outputs for every pixel


class Architecture(NamedTuple):
    """What there is to know about a kind of network before building one."""

    config: type[Hyperparameters]
    network_factory: Callable[[Any, tuple[int, ...], int], nn.Module]  # (its config, shape of one example, outputs)
    input_type: InputType
    learner: Literal["gradient", "adversarial", "closed_form"]
    output_type: OutputType = "vector"


ARCHITECTURES: dict[str, Architecture] = {
    # classical: what a network has to beat
    "logistic_regression": Architecture(
        logistic_regression.Config, logistic_regression.logistic_regression, "vector", "closed_form"
    ),  # one weight per input and class; Cox 1958
    "decision_tree": Architecture(
        decision_tree.Config, decision_tree.decision_tree, "vector", "closed_form"
    ),  # questions about single inputs; Breiman et al. 1984
    "gradient_boosting": Architecture(
        gradient_boosting.Config, gradient_boosting.gradient_boosting, "vector", "closed_form"
    ),  # small trees, each correcting the last; Friedman 2001
    "linear_regression": Architecture(
        linear_regression.Config, linear_regression.linear_regression, "vector", "closed_form"
    ),  # one weight per input and output; Hoerl & Kennard 1970
    "pixel_logistic_regression": Architecture(
        pixel_logistic_regression.Config,
        pixel_logistic_regression.PixelLogisticRegression,
        "image",
        "closed_form",
        "image",
    ),  # every pixel from its neighbourhood alone
    "pca": Architecture(pca.Config, pca.PCA, "vector", "closed_form"),  # the main directions; Pearson 1901
    "gaussian": Architecture(gaussian.Config, gaussian.Gaussian, "vector", "closed_form"),  # a cloud around the mean
    # dense
    "mlp": Architecture(mlp.Config, mlp.MLP, "vector", "gradient"),  # every unit sees every unit; Rumelhart et al. 1986
    "periodic_mlp": Architecture(
        periodic_mlp.Config, periodic_mlp.PeriodicMLP, "vector", "gradient"
    ),  # the same for tables, every number seen as waves; Gorishniy et al. 2022
    # convolutional
    "lenet5": Architecture(
        lenet5.Config, lenet5.LeNet5, "image", "gradient"
    ),  # strokes, then shapes; LeCun et al. 1998
    "cnn": Architecture(cnn.Config, cnn.CNN, "image", "gradient"),  # the same idea as it is built today
    "unet": Architecture(
        unet.Config, unet.UNet, "image", "gradient", "image"
    ),  # down to see far, up to see sharply; Ronneberger et al. 2015
    # recurrent
    "lstm": Architecture(lstm.Config, lstm.LSTM, "sequence", "gradient"),  # a memory; Hochreiter & Schmidhuber 1997
    "esn": Architecture(esn.Config, esn.ESN, "sequence", "closed_form"),  # a pond and its waves; Jaeger 2001
    # through a bottleneck
    "autoencoder": Architecture(
        autoencoder.Config, autoencoder.Autoencoder, "vector", "gradient"
    ),  # few numbers for many; Hinton & Salakhutdinov 2006
    "conv_autoencoder": Architecture(
        conv_autoencoder.Config, conv_autoencoder.ConvAutoencoder, "image", "gradient", "image"
    ),  # the same for images; Masci et al. 2011
    # generators
    "vae": Architecture(vae.Config, vae.VAE, "vector", "gradient"),  # places and drawings; Kingma & Welling 2014
    "gan": Architecture(gan.Config, gan.GAN, "vector", "adversarial"),  # forger and detective; Goodfellow et al. 2014
}


def build_network(name: str, config: Hyperparameters, input_shape: tuple[int, ...], head_width: int) -> nn.Module:
    """The network of that name, with starting weights drawn from PyTorch's own generator: seed it first.

    Args:
        name: a key of ARCHITECTURES.
        config: the settings, an instance of that architecture's Config.
        inputs: shape of one example, without the batch: (F,), (C, H, W) or (T, F).
        outputs: width of the head.

    Raises:
        ValueError: if the name is unknown, the config another architecture's, or the shape not one it can read.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}: use one of {', '.join(ARCHITECTURES)}")
    architecture = ARCHITECTURES[name]
    if not isinstance(config, architecture.config):
        found = f"{type(config).__module__}.{type(config).__name__}"
        raise ValueError(f"{name} needs its own settings, {architecture.config.__module__}.Config, got {found}")
    axes = INPUT_SHAPES[architecture.input_type]
    if len(input_shape) != len(axes) or min(input_shape) < 1:
        raise ValueError(
            f"{name} reads one {architecture.input_type} ({', '.join(axes)}) with all sizes 1 or more, got "
            f"{input_shape}"
        )
    if head_width < 1:
        raise ValueError(f"{name} needs 1 output or more, got {head_width}")
    return architecture.network_factory(config, input_shape, head_width)

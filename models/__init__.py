"""The zoo: every architecture, one row each.

To add one, write its file beside the others and its row here; the tests find it by itself.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from torch import nn

from models import decision_tree, gradient_boosting, lenet5, logistic_regression, mlp
from models.hyperparameters import Hyperparameters
from models.stems import Reads

# The shape of one example, by what is read: F features; C channels, H height, W width; T steps of F features
SHAPES: dict[Reads, tuple[str, ...]] = {
    "vector": ("F",),
    "image": ("C", "H", "W"),
    "sequence": ("T", "F"),
}


class Architecture(NamedTuple):
    """What there is to know about a kind of network before building one."""

    config: type[Hyperparameters]
    network: Callable[[Any, tuple[int, ...], int], nn.Module]  # (its config, shape of one example, outputs)
    reads: Reads
    learner: Literal["gradient", "closed_form"]


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
    # dense
    "mlp": Architecture(mlp.Config, mlp.MLP, "vector", "gradient"),  # every unit sees every unit; Rumelhart et al. 1986
    # convolutional
    "lenet5": Architecture(
        lenet5.Config, lenet5.LeNet5, "image", "gradient"
    ),  # strokes, then shapes; LeCun et al. 1998
}


def build(name: str, config: Hyperparameters, inputs: tuple[int, ...], outputs: int) -> nn.Module:
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
    letters = SHAPES[architecture.reads]
    if len(inputs) != len(letters) or min(inputs) < 1:
        raise ValueError(
            f"{name} reads one {architecture.reads} ({', '.join(letters)}) with all sizes 1 or more, got {inputs}"
        )
    if outputs < 1:
        raise ValueError(f"{name} needs 1 output or more, got {outputs}")
    return architecture.network(config, inputs, outputs)

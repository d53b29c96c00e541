"""What each architecture is given and made to learn, so that a new row of the table is tested by being one.

Shapes: B batch, O outputs.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from models import ARCHITECTURES, build_network
from models.blocks.auxiliary_heads import loss_of_all_heads
from models.blocks.class_losses import cross_entropy
from models.blocks.hyperparameters import Hyperparameters, SettingValue, make_config
from models.blocks.losses import pixel_cross_entropy, squared_error
from models.stems import InputType

HEAD_WIDTH = 4
HEAD_WIDTHS = {"dcgan": 64, "isolation_forest": 1}  # of those that cannot have that one: an image of 8x8, a score

# Settings at which a large network is quick; the whole of their ranges is built without numbers, on the meta device
SMALL_SETTINGS: dict[str, dict[str, SettingValue]] = {
    "alexnet": {"width": 0.0625},
    "vgg": {"depth": 11, "width": 0.0625},
    "googlenet": {"width": 0.0625},
    "resnet": {"depth": 10, "width": 0.0625},
    "densenet": {"depth": 21, "width": 0.125},
    "convnext": {"depth": 6, "width": 0.0625},
    "dcgan": {"width": 0.0625},
    "tabm": {"submodels": 4, "width": 32},
    "gradient_boosting": {"rounds": 60},
    "random_forest": {"trees": 8, "depth": 6},
    "isolation_forest": {"trees": 8, "draw": 64},
    "gaussian_mixture": {"components": 3},
}

# Shapes of one example, by what is read; the second is the one that most tests take
INPUT_SHAPES: dict[InputType, list[tuple[int, ...]]] = {
    "vector": [(1,), (64,), (784,)],
    "image": [(1, 8, 8), (3, 9, 17), (1, 16, 24), (1, 28, 28), (3, 32, 32)],
    "sequence": [(1, 1), (12, 4), (30, 2)],
}


class ToyProblem(NamedTuple):
    """What a network is made to predict."""

    make_target: Callable[[Tensor], Tensor]  # of examples (B, ...)
    loss: Callable[[Any, Tensor, Tensor], Tensor]  # (network, examples, target) -> scalar, which every weight changes


def random_tensor(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def make_examples(input_shape: tuple[int, ...], rows: int = 24) -> Tensor:
    """Random examples; sequences are of several lengths, padded in front, the last feature saying what is present."""
    x = random_tensor(rows, *input_shape)
    if len(input_shape) == 2:
        start = torch.arange(rows)[:, None] % input_shape[0]
        present = (torch.arange(input_shape[0]) >= start).float()[:, :, None]  # (B, T, 1)
        x = torch.cat([x[:, :, :-1] * present, present], 2)
    return x


def usual_shape(name: str) -> tuple[int, ...]:
    return INPUT_SHAPES[ARCHITECTURES[name].input_type][1]


def head_width_of(name: str) -> int:
    return HEAD_WIDTHS.get(name, HEAD_WIDTH)


def small_config(name: str) -> Hyperparameters:
    """The default settings, but for the size of large networks."""
    return make_config(ARCHITECTURES[name].config, SMALL_SETTINGS.get(name, {}))


def output_shape(name: str, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the prediction for one example."""
    return (head_width_of(name), *(input_shape[1:] if ARCHITECTURES[name].output_type == "image" else ()))


def new_network(
    name: str, input_shape: tuple[int, ...], seed: int = 0, config: Hyperparameters | None = None
) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(name, config or small_config(name), input_shape, head_width_of(name))


def ready_network(name: str, input_shape: tuple[int, ...], seed: int = 0, config: Hyperparameters | None = None) -> Any:
    """A network that can predict: fitted, if it is of a closed form."""
    network: Any = new_network(name, input_shape, seed, config)
    if ARCHITECTURES[name].learner == "closed_form":
        x = make_examples(input_shape, 48)
        network.fit(x, toy_problem_of(name).make_target(x), seed)
    return network.eval()


def loss_of(name: str, network: nn.Module, input_shape: tuple[int, ...]) -> Tensor:
    x = make_examples(input_shape)
    return toy_problem_of(name).loss(network, x, toy_problem_of(name).make_target(x))


def class_targets(x: Tensor) -> Tensor:
    return torch.arange(len(x)) % HEAD_WIDTH


def number_targets(x: Tensor) -> Tensor:
    return random_tensor(len(x), HEAD_WIDTH, seed=1).clamp(-1, 1)


def pixel_class_targets(x: Tensor) -> Tensor:
    """How bright a pixel is, in quarters: (B, H, W)."""
    return torch.bucketize(x[:, 0].contiguous(), torch.tensor([-0.67, 0.0, 0.67]))


def two_cluster_targets(x: Tensor) -> Tensor:
    """Examples for a generator, of two clusters: (B, O)."""
    return (torch.arange(len(x)) % 2 - 0.5)[:, None].expand(len(x), HEAD_WIDTH)


def two_tone_targets(x: Tensor) -> Tensor:
    """Images for a generator, of two tones: (B, O)."""
    return two_cluster_targets(x)[:, :1].expand(len(x), HEAD_WIDTHS["dcgan"])


def flat_image_targets(x: Tensor) -> Tensor:
    """Images of one tone, that of the example's mean: (B, O, H, W)."""
    tone = 8 * x.mean((1, 2, 3))
    return tone[:, None, None, None].expand(len(x), HEAD_WIDTH, *x.shape[2:])


def adversarial_loss(network: Any, z: Tensor, y: Tensor) -> Tensor:
    loss: Tensor = network.discriminator_loss(y, z) + network.generator_loss(z)
    return loss


CLASSIFICATION = ToyProblem(
    class_targets, lambda network, x, y: loss_of_all_heads(network, (x,), lambda logits: cross_entropy(logits, y))
)
SEGMENTATION = ToyProblem(pixel_class_targets, lambda network, x, y: pixel_cross_entropy(network(x), y))
REGRESSION = ToyProblem(number_targets, lambda network, x, y: squared_error(network(x), y))
IMAGE_REGRESSION = ToyProblem(flat_image_targets, lambda network, x, y: squared_error(network(x), y))
GENERATION = ToyProblem(two_cluster_targets, lambda network, z, y: network.elbo(y))
ADVERSARIAL = ToyProblem(two_cluster_targets, adversarial_loss)
ADVERSARIAL_IMAGES = ToyProblem(two_tone_targets, adversarial_loss)
TOY_PROBLEMS = {  # of those that are not for classes
    "linear_regression": REGRESSION,
    "pixel_logistic_regression": SEGMENTATION,
    "unet": SEGMENTATION,
    "pca": REGRESSION,
    "autoencoder": REGRESSION,
    "conv_autoencoder": IMAGE_REGRESSION,
    "gaussian": REGRESSION,
    "gaussian_mixture": REGRESSION,
    "vae": GENERATION,
    "gan": ADVERSARIAL,
    "dcgan": ADVERSARIAL_IMAGES,
}


def toy_problem_of(name: str) -> ToyProblem:
    return TOY_PROBLEMS.get(name, CLASSIFICATION)

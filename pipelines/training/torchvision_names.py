"""torchvision's names of weights, for the networks of models/ that are the same: ResNet-18 and VGG-16.

A file in these names is understood as it is; nothing of torchvision is needed. Its ResNet-18 and its VGG-16 without
normalisation have the papers' sizes, which are this project's with width 1.
https://github.com/pytorch/vision, torchvision/models/resnet.py and vgg.py
"""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from models.blocks.hyperparameters import SettingValue

CONVOLUTION = "convolution {}"  # stands for the network's convolution of that number, whatever lies between them


class NamedNetwork(NamedTuple):
    """A network of torchvision: what tells it from others, its settings here, and its layers' names."""

    marks: tuple[str, ...]  # names of weights that it has
    settings: Mapping[str, SettingValue]
    layers: Mapping[str, str]  # torchvision's -> ours


_RESNET_BLOCK = {
    "conv1": "layers.0",
    "bn1": "layers.1",
    "conv2": "layers.3",
    "bn2": "layers.4",
    "downsample.0": "shortcut.0",
    "downsample.1": "shortcut.1",
}
_VGG16_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)  # between them stand ReLUs and pools

NAMED_NETWORKS: dict[str, NamedNetwork] = {  # by architecture
    "resnet": NamedNetwork(
        ("conv1.weight", "layer1.0.conv1.weight", "layer4.1.bn2.weight"),
        {"depth": 18, "width": 1.0, "normalisation": "batch"},
        {
            "conv1": "stem.0",
            "bn1": "stem.1",
            "fc": "head",
            **{
                f"layer{stage + 1}.{block}.{theirs}": f"blocks.{2 * stage + block}.{ours}"
                for stage in range(4)
                for block in range(2)
                for theirs, ours in _RESNET_BLOCK.items()
            },
        },
    ),
    "vgg": NamedNetwork(
        ("features.0.weight", "features.28.weight", "classifier.6.weight"),
        {"depth": 16, "width": 1.0, "normalisation": "none"},
        {
            **{f"features.{place}": CONVOLUTION.format(number) for number, place in enumerate(_VGG16_CONVOLUTIONS)},
            "classifier.0": "dense.0",
            "classifier.3": "dense.3",
            "classifier.6": "head",
        },
    ),
}


def find_named_network(architecture: str, tensors: Mapping[str, Tensor]) -> NamedNetwork | None:
    """The row whose names these weights bear; None if they bear others."""
    row = NAMED_NETWORKS.get(architecture)
    return row if row is not None and all(mark in tensors for mark in row.marks) else None


def rename_tensors(row: NamedNetwork, tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """The weights by the names that the network has for them; what it has no name for is left out."""
    convolutions = [name for name, module in network.named_modules() if isinstance(module, nn.Conv2d)]
    places = {CONVOLUTION.format(number): name for number, name in enumerate(convolutions)}
    renamed = {}
    for name, tensor in tensors.items():
        layer, _, kind = name.rpartition(".")
        ours = row.layers.get(layer)
        if ours is not None and (ours := places.get(ours, ours)):
            renamed[f"{ours}.{kind}"] = tensor
    return renamed

"""torchvision's names of weights: understood for ResNet-18 and VGG-16, at the papers' sizes and below them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from models.resnet import Config as ResNetConfig
from models.resnet import ResNet
from models.vgg import VGG
from models.vgg import Config as VGGConfig
from pipelines.training.torchvision_names import find_named_network, rename_tensors
from pipelines.training.transfer import list_parts


def convolution(name: str, fan_out: int, fan_in: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (fan_out, fan_in, kernel, kernel)}


def normalisation(name: str, maps: int) -> dict[str, tuple[int, ...]]:
    kinds = ("weight", "bias", "running_mean", "running_var")
    return {**{f"{name}.{kind}": (maps,) for kind in kinds}, f"{name}.num_batches_tracked": ()}


def torchvision_resnet18() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision.models.resnet18().state_dict()."""
    shapes = {**convolution("conv1", 64, 3, 7), **normalisation("bn1", 64)}
    fan_in = 64
    for stage, maps in enumerate((64, 128, 256, 512), 1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            shapes |= convolution(f"{name}.conv1", maps, fan_in, 3) | normalisation(f"{name}.bn1", maps)
            shapes |= convolution(f"{name}.conv2", maps, maps, 3) | normalisation(f"{name}.bn2", maps)
            if fan_in != maps:
                shapes |= convolution(f"{name}.downsample.0", maps, fan_in, 1)
                shapes |= normalisation(f"{name}.downsample.1", maps)
            fan_in = maps
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


def torchvision_vgg16() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision.models.vgg16().state_dict()."""
    maps = (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0)  # 0: a pool
    shapes: dict[str, tuple[int, ...]] = {}
    place, fan_in = 0, 3
    for count in maps:
        if count:
            shapes |= convolution(f"features.{place}", count, fan_in, 3) | {f"features.{place}.bias": (count,)}
            fan_in = count
        place += 2 if count else 1
    for layer, fan_out, inputs in ((0, 4096, 25088), (3, 4096, 4096), (6, 1000, 4096)):
        shapes |= {f"classifier.{layer}.weight": (fan_out, inputs), f"classifier.{layer}.bias": (fan_out,)}
    return shapes


def meta_tensors(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


def fitting_names(network: nn.Module, renamed: dict[str, Tensor]) -> set[str]:
    own = network.state_dict()
    return {name for name, tensor in renamed.items() if own[name].shape == tensor.shape}


@pytest.mark.parametrize(
    ("architecture", "shapes", "network_type", "config", "count"),
    [
        ("resnet", torchvision_resnet18(), ResNet, ResNetConfig(depth=18, width=1.0), 11_689_512),
        ("vgg", torchvision_vgg16(), VGG, VGGConfig(depth=16, width=1.0, normalisation="none"), 138_357_544),
    ],
)
def test_torchvisions_names_are_understood_whole_at_the_papers_size_and_in_part_below_it(
    architecture: str, shapes: dict[str, tuple[int, ...]], network_type: Any, config: Any, count: int
) -> None:
    tensors = meta_tensors(shapes)
    learned = sum(one.numel() for name, one in tensors.items() if not name.endswith(("mean", "var", "tracked")))
    assert learned == count, "as published"
    row = find_named_network(architecture, tensors)
    assert row is not None
    assert all(getattr(config, name) == value for name, value in row.settings.items())
    with torch.device("meta"):
        whole, small = network_type(config, (3, 224, 224), 1000), network_type(config, (1, 32, 32), 10)
    assert fitting_names(whole, rename_tensors(row, tensors, whole)) == set(whole.state_dict())
    missing = set(small.state_dict()) - fitting_names(small, rename_tensors(row, tensors, small))
    first = {"resnet": {"stem.0.weight"}, "vgg": {"features.0.weight", "dense.0.weight"}}[architecture]
    assert missing == {*first, "head.weight", "head.bias"}


def test_other_networks_are_not_taken_for_torchvisions() -> None:
    assert find_named_network("cnn", meta_tensors(torchvision_resnet18())) is None
    assert find_named_network("resnet", meta_tensors(torchvision_vgg16())) is None


def test_parts_are_counted_from_the_input_and_hold_weights() -> None:
    with torch.device("meta"):
        network = ResNet(ResNetConfig(depth=10), (1, 8, 8), 3)
    assert list(list_parts(network)) == ["stem.0", "stem.1", *(f"blocks.{block}" for block in range(4)), "head"]

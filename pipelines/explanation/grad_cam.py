"""Grad-CAM: which places of a picture a convolutional network's last feature maps speak for the answer from.

Shapes: B rows, M maps, h x w their size, H x W that of what the network reads, P elements of a row.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES
from pipelines.explanation.attention import ATTENTION_READERS
from pipelines.explanation.elements import gather_elements, take_largest
from pipelines.explanation.explained_number import explain_no_number
from pipelines.explanation.feature_model import networks_of, prepare_scorer, stems_of
from pipelines.explanation.subject import Subject

MIN_PLACES = 16  # that a feature map must have: 4 x 4, or 16 steps of a series


def explain_no_maps(subject: Subject) -> str:
    """Why a contender has no feature maps that answer for places; empty if it has."""
    architecture = ARCHITECTURES[subject.architecture]
    is_convolutional = (architecture.input_type, architecture.output_type) == ("image", "vector")
    if is_convolutional and subject.architecture not in ATTENTION_READERS:
        return explain_no_number(subject.task)
    return f"{subject.architecture} has no feature maps of which an output layer reads the mean or all"


def grad_cam(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """Grad-CAM, (B, P...), 0 or above: the maps' mean gradients times the maps, where that is positive, enlarged.

    Taken at the last module with convolutions whose maps have at least 16 places, since on one place there is nothing
    to see; of an average, the mean over its networks.

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
    https://arxiv.org/abs/1610.02391

    Args:
        inputs: of the rows, (B, ...) each.
    """
    from captum.attr import LayerGradCam

    scorer, features, weights = prepare_scorer(subject.model, subject.task, inputs)
    stems = stems_of(subject.model) * (1 if len(features) > 1 else len(networks_of(subject.model)))
    read = features if len(features) > 1 else features * len(stems)
    found = []
    for network, stem, values in zip(networks_of(subject.model), stems, read, strict=True):
        layer = find_feature_maps(network, values)
        maps = LayerGradCam(scorer, layer).attribute(
            features, additional_forward_args=(weights, *inputs), relu_attributions=True
        )
        enlarged = F.interpolate(maps.detach(), values.shape[2:], mode="bilinear", align_corners=False)  # (B, 1, H, W)
        found.append(gather_elements(stem, enlarged.expand_as(values), inputs, take_largest))
    return torch.stack(found).mean(0)


@torch.no_grad()
def find_feature_maps(network: nn.Module, features: Tensor) -> nn.Module:
    """The last module with convolutions in it, and called once, that gives maps of at least 16 places.

    Of networks whose maps are all smaller, the one with the largest.

    Args:
        features: what the network reads, (B, C, H, W).
    """
    sizes: list[tuple[nn.Module, int]] = []

    def remember(module: nn.Module, _: object, maps: object) -> None:
        if isinstance(maps, Tensor) and maps.ndim == 4:
            sizes.append((module, math.prod(maps.shape[2:])))

    convolutional = [one for one in network.modules() if any(isinstance(part, nn.Conv2d) for part in one.modules())]
    hooks = [module.register_forward_hook(remember) for module in convolutional]
    network(features[:1])
    for hook in hooks:
        hook.remove()
    calls = [module for module, _ in sizes]
    once = [(module, places) for module, places in sizes if calls.count(module) == 1]
    large = [module for module, places in once if places >= MIN_PLACES]
    return large[-1] if large else max(once, key=lambda one: one[1])[0]

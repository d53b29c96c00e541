"""Network dissection: which units of a network that marks areas have come to stand for a class.

A unit (a map) is asked of pictures with known masks, enlarged to their size, and cut where as many pixels of all
pictures are above as the class has. How much that area and the class overlap (intersection over union) says whether the
unit stands for it; a unit that knows nothing reaches share / (2 - share) by chance.

Bau et al., "Network Dissection: Quantifying Interpretability of Deep Visual Representations", CVPR 2017.
https://arxiv.org/abs/1704.05796
NOTE[DIFF] the paper cuts every unit at its own top 0.5 % of pixels, whatever the class; for a class that covers a tenth
    of a picture no unit could then reach more than 0.05.
NOTE[DIFF] concepts are the classes of the masks that the network was trained on.

Shapes: N pictures, M maps of a layer, h x w their size, H x W that of the masks, K classes, n pictures that are shown.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.activations import ACTIVATIONS
from pipelines.data.parts import Part, select_rows
from pipelines.explanation.feature_model import networks_of, read_features
from pipelines.explanation.subject import Effort, Subject, choose_rows
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.job import to_tensors

MAX_PIXELS = 2**18  # of the pictures that units are asked of, the first of the part
OPERATIONS_OF_A_CUT = 30  # per pixel and unit, about: it is enlarged, cut and counted
UNIT_MODULES: tuple[type[nn.Module], ...] = (
    *(one for one in ACTIVATIONS.values() if isinstance(one, type)),
    nn.Softmax,
)  # of units


class ConceptUnit(NamedTuple):
    """How well a unit stands for a class."""

    layer: str  # the module's name in the network
    unit: int  # its place among the layer's maps
    concept: str
    overlap: float  # intersection over union, 0 to 1
    chance: float  # of a unit that knows nothing


class Dissection(NamedTuple):
    units: tuple[ConceptUnit, ...]  # every unit with the class it stands for best, the best first
    pictures: int  # that the units were asked of
    examples: Part  # the pictures that are shown
    rows: NDArray[np.int64]  # (n,), of the validation part
    areas: dict[ConceptUnit, NDArray[np.bool_]]  # of the best unit of each class, where it is on, (n, H, W)


def explain_no_units(subject: Subject) -> str:
    """Why units cannot be compared with classes; empty if they can."""
    if subject.task.name != "segmentation":
        return "it takes masks, which say where each class is, and only a segmentation has them"
    if not _unit_modules(networks_of(subject.model)[0]):
        return f"{subject.architecture} has no hidden units"
    return ""


@torch.no_grad()
def dissect_network(subject: Subject, effort: Effort) -> Dissection:
    """Compare every unit of the network, of an average the first, with every class that is scored.

    Args:
        effort: its rows are shown; within its operations, fewer pictures are asked.
    """
    network = networks_of(subject.model)[0]
    shown = choose_rows(subject.part, subject.schema, effort.rows)
    asked = np.union1d(shown, np.arange(_fit_pictures(subject, network, effort)))
    part = select_rows(subject.part, asked)
    (features, *_) = read_features(subject.model, to_tensors(model_inputs(subject.task, part)))
    masks = torch.from_numpy(part.target.astype(np.int64))  # (N, H, W)
    classes = _find_classes(subject, masks)
    best: dict[str, tuple[ConceptUnit, Tensor]] = {}
    units = []
    for layer, maps in _read_maps(network, features):
        for number in range(maps.shape[1] if classes else 0):
            activation = enlarge_maps(network, maps[:, number : number + 1], masks.shape[1:])
            found = [(score_unit(layer, number, name, activation, mask), name) for name, mask in classes.items()]
            (unit, _), name = max(found, key=lambda one: one[0][0].overlap - one[0][0].chance)
            units.append(unit)
            for pair, name in found:
                if name not in best or pair[0].overlap > best[name][0].overlap:
                    best[name] = pair
    places = np.searchsorted(asked, shown)
    units.sort(key=lambda one: one.chance - one.overlap)
    areas = {unit: area.numpy()[places] for unit, area in best.values()}
    return Dissection(tuple(units), len(asked), select_rows(subject.part, shown), shown, areas)


def _find_classes(subject: Subject, masks: Tensor) -> dict[str, Tensor]:
    """Where each scored class is that there is somewhere, (N, H, W) bool, by its name."""
    task: Any = subject.task  # a segmentation
    found = {subject.schema.target.categories[code]: masks == int(code) for code in task.scored_classes}
    return {name: mask for name, mask in found.items() if mask.any()}


def score_unit(layer: str, number: int, concept: str, activation: Tensor, mask: Tensor) -> tuple[ConceptUnit, Tensor]:
    """How well a unit stands for a class, and where it is on, (N, H, W).

    Args:
        activation: (N, H, W).
        mask: where the class is, somewhere, (N, H, W) bool.
    """
    pixels, own = mask.numel(), int(mask.sum())
    cut = activation.flatten().kthvalue(max(1, pixels - own)).values  # as many are above as the class has
    area = activation > cut
    overlap = float((area & mask).sum() / (area | mask).sum())
    share = own / pixels
    return ConceptUnit(layer, number, concept, overlap, share / (2 - share)), area


def enlarge_maps(network: Any, maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """A unit's maps (N, 1, h, w) at the size of the masks, (N, H, W), without what the network pads below and right."""
    below, right = getattr(network, "padding", (0, 0))
    height, width = size
    enlarged = F.interpolate(maps, (height + below, width + right), mode="bilinear", align_corners=False)
    return enlarged[:, 0, :height, :width]


def _unit_modules(network: nn.Module) -> dict[nn.Module, str]:
    """Modules whose outputs are units, with their names."""
    return {module: name for name, module in network.named_modules() if isinstance(module, UNIT_MODULES)}


def _read_maps(network: nn.Module, features: Tensor) -> list[tuple[str, Tensor]]:
    """The maps of every layer of units, (N, M, h, w), with its name."""
    found: list[tuple[str, Tensor]] = []
    modules = _unit_modules(network)

    def remember(module: nn.Module, _: object, maps: Tensor) -> None:
        if maps.ndim == 4:
            found.append((modules[module], maps))

    hooks = [module.register_forward_hook(remember) for module in modules]
    network(features)
    for hook in hooks:
        hook.remove()
    return found


def _fit_pictures(subject: Subject, network: nn.Module, effort: Effort) -> int:
    """How many pictures units are asked of."""
    (features, *_) = read_features(
        subject.model, to_tensors(model_inputs(subject.task, select_rows(subject.part, np.arange(1))))
    )
    maps = sum(values.shape[1] for _, values in _read_maps(network, features))
    pixels = int(np.prod(subject.schema.target.shape))
    cost = subject.flops + OPERATIONS_OF_A_CUT * pixels * maps
    return int(max(effort.rows, min(len(subject.part.target), MAX_PIXELS // pixels, effort.operations / cost)))


def table_rows(dissection: Dissection) -> Iterator[tuple[Any, ...]]:
    """Of every unit its layer, number, class, overlap, and what chance would give."""
    yield from dissection.units

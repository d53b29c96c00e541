"""Transfer learning: a network takes over the weights of a start, as far as they fit; some may stay as they are.

A layer is taken over whole or not at all: a module with weights of its own, all of which have the same names and shapes
in the start. What does not fit is drawn anew: the head for other classes, the first layer for other channels.

Yosinski et al., "How transferable are features in deep neural networks?", 2014. https://arxiv.org/abs/1411.1792
Howard & Ruder, "Universal Language Model Fine-tuning", 2018, https://arxiv.org/abs/1801.06146, for a learning rate of
its own for what was learned before.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

import models
from models.stems import Model
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task, build_task
from pipelines.training.contender_settings import ContenderSettings, GradientSettings
from pipelines.training.job import TrainingJob, build_model, read_job_schema
from pipelines.training.search_space import SearchSpace
from pipelines.training.starts import Start, read_tensors
from pipelines.training.torchvision_names import find_named_network, rename_tensors

NETWORK = "network."  # in front of the names of a network's weights in a model


class Transfer(NamedTuple):
    """What became of the layers of a model; by the names of modules."""

    kept: tuple[str, ...]  # taken over
    drawn: tuple[str, ...]  # drawn anew
    frozen: tuple[str, ...]  # parts of the network that stay as they are


def transfer_weights(
    model: Model, job: TrainingJob, task: Task, settings: ContenderSettings[GradientSettings]
) -> Transfer:
    """Take over the weights of the job's start, in place, and freeze the first parts of the network.

    Raises:
        UserError: the file cannot be read, nothing in it fits, or what is to stay as it is was drawn anew.
    """
    start = job.start
    assert start is not None, "a job without a start draws all weights"
    tensors = _name_tensors(read_tensors(start.file_for(job.fold)), job.architecture, model)
    head = frozenset() if start.keeps_head else find_head_names(model, job.architecture, task, settings)
    kept, drawn = _take_over(model, tensors, start, head)
    return Transfer(kept, drawn, _freeze_parts(model, settings.learner.freeze, kept, drawn))


def compare_start(job: TrainingJob, task: Task, settings: ContenderSettings[GradientSettings]) -> Transfer:
    """What a training of these settings takes over, without one."""
    rng_state = torch.get_rng_state()
    try:
        return transfer_weights(build_model(job.architecture, task, settings), job, task, settings)
    finally:
        torch.set_rng_state(rng_state)


def describe_first_transfer(job: TrainingJob, space: SearchSpace) -> str:
    """What the first trial of a search takes over, in a sentence; the others do unless the network is searched."""
    start = job.start
    assert start is not None, "a job without a start takes nothing over"
    settings = space.add_fixed(space.scale_drawn(space.first_values))
    job = job.read_with(settings.stem)
    return describe_transfer(
        compare_start(job, build_task(job.task_settings, read_job_schema(job), job.goal), settings), start
    )


def describe_transfer(transfer: Transfer, start: Start) -> str:
    """What was taken over, in a sentence."""
    count = len(transfer.kept) + len(transfer.drawn)
    drawn = f"drawn anew: {', '.join(transfer.drawn)}" if transfer.drawn else "none drawn anew"
    frozen = f"; as they are stay: {', '.join(transfer.frozen)}" if transfer.frozen else ""
    return f"starts from {start.origin}: {len(transfer.kept)} of {count} layers taken over, {drawn}{frozen}"


class ParameterGroup(NamedTuple):
    """Weights that an optimizer changes."""

    parameters: list[nn.Parameter]
    lr_ratio: float  # their learning rate, as a multiple of what the schedule says


def group_parameters(model: nn.Module, settings: GradientSettings, transfer: Transfer) -> list[ParameterGroup]:
    """What learns after a transfer: what was drawn anew, and what was taken over and is not frozen."""
    drawn, kept = ParameterGroup([], 1.0), ParameterGroup([], settings.start_lr_ratio)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            group = kept if _layer_of(name).removeprefix(NETWORK) in transfer.kept else drawn
            group.parameters.append(parameter)
    return [group for group in (drawn, kept) if group.parameters]


def hold_frozen_parts(model: nn.Module) -> None:
    """Have what is frozen compute as it does when it is served: no dropout, means of normalisations that stay."""
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def _name_tensors(tensors: Mapping[str, Tensor], architecture: str, model: Model) -> Mapping[str, Tensor]:
    """The tensors by the model's names: they may bear torchvision's, or be those of a network alone."""
    row = find_named_network(architecture, tensors)
    found = tensors if row is None else rename_tensors(row, tensors, model.network)
    if any(name.startswith(NETWORK) for name in found):
        return found
    return {f"{NETWORK}{name}": tensor for name, tensor in found.items()}


def find_head_names(
    model: Model, architecture: str, task: Task, settings: ContenderSettings[GradientSettings]
) -> frozenset[str]:
    """The weights that depend on what is predicted: those of another shape if there were one output more."""
    width = task.with_stem_settings(settings.stem).head_width(
        "image" if models.ARCHITECTURES[architecture].output_type == "image" else "vector"
    )
    with torch.random.fork_rng(devices=[]):
        try:
            wider = models.build_network(architecture, settings.network, model.input_shape, width + 1)
        except ValueError:  # it writes what it reads, and nothing else
            return frozenset()
    shapes = {name: tensor.shape for name, tensor in wider.state_dict().items()}
    own = model.network.state_dict()
    return frozenset(f"{NETWORK}{name}" for name, tensor in own.items() if shapes[name] != tensor.shape)


def _take_over(
    model: Model, tensors: Mapping[str, Tensor], start: Start, head: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The layers that are taken over, and those that are not."""
    state = model.state_dict()
    learned = {name for name, _ in model.named_parameters()}
    names = [name for name in state if name.startswith(NETWORK) or name in learned]  # a stem's own buffers are fitted
    layers: dict[str, list[str]] = {}
    for name in names:
        layers.setdefault(_layer_of(name), []).append(name)
    layers = {layer: inside for layer, inside in layers.items() if learned.intersection(inside)}

    def fits(name: str) -> bool:
        if name in head or (not name.startswith(NETWORK) and not start.keeps_stem):
            return False
        if name not in tensors:
            return not state[name].ndim  # a count of batches, which old files have none of
        return bool(tensors[name].shape == state[name].shape)

    kept = tuple(layer for layer, inside in layers.items() if all(map(fits, inside)))
    if not kept:
        raise UserError(
            f"start_from: nothing of {start.origin} fits this network, which has {_show(state, layers)} and finds "
            f"{_show(tensors, dict.fromkeys(map(_layer_of, tensors)))}; give weights of a network of the same "
            "settings, or fix these to theirs"
        )
    with torch.no_grad():
        for name in (name for layer in kept for name in layers[layer] if name in tensors):
            state[name].copy_(tensors[name])
    return _short(kept), _short(layer for layer in layers if layer not in kept)


def _freeze_parts(model: Model, count: int, kept: tuple[str, ...], drawn: tuple[str, ...]) -> tuple[str, ...]:
    """Freeze the first parts of the network, and the stem in front of them if it was taken over; their names."""
    if not count:
        return ()
    parts = list_parts(model.network)
    if count >= len(parts):
        raise UserError(
            f"freeze: must be below the number of the network's parts with weights, {len(parts)} "
            f"({', '.join(parts)}), of which the last learns; found {count}"
        )
    for name in list(parts)[:count]:
        anew = [layer for layer in drawn if f"{layer}.".startswith(f"{name}.")]
        if anew:
            raise UserError(
                f"freeze: {count} would leave {', '.join(anew)} as drawn at random, for the start has no weights that "
                "fit there; freeze fewer parts, or none"
            )
        parts[name].requires_grad_(False)
    for name, parameter in model.stem.named_parameters():
        if f"stem.{_layer_of(name)}" in kept:
            parameter.requires_grad_(False)
    return tuple(parts)[:count]


def list_parts(network: nn.Module) -> dict[str, nn.Module]:
    """The parts of a network that have weights, from its input on: its children, those of a sequence one by one."""
    parts: dict[str, nn.Module] = {}
    for name, child in network.named_children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            parts |= {f"{name}.{inner}": module for inner, module in child.named_children()}
        else:
            parts[name] = child
    return {name: part for name, part in parts.items() if any(True for _ in part.parameters())}


def _layer_of(name: str) -> str:
    """The module that a weight belongs to: network.head for network.head.weight."""
    return name.rpartition(".")[0]


def _short(layers: Iterable[str]) -> tuple[str, ...]:
    return tuple(layer.removeprefix(NETWORK) for layer in layers)


def _show(tensors: Mapping[str, Tensor], layers: Mapping[str, object]) -> str:
    """The first layers with the shapes of their weights."""
    shown = [
        f"{layer.removeprefix(NETWORK)} {tuple(tensors[f'{layer}.weight'].shape)}"
        for layer in layers
        if f"{layer}.weight" in tensors
    ]
    return ", ".join(shown[:3]) or "no layers by these names"

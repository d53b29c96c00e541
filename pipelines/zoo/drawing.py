"""Drawings: the layers of a network as it runs, in the order in which an input passes them, as text in boxes.

Nothing is drawn by hand: the network is built, an input of zeros passes through it, and every layer that it reaches
says what shape it gives. What follows one another and is alike is drawn once, with how often it stands there.
"""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from models.blocks.cost import TRAINING_COUNTERS

TRANSPARENT = (nn.Sequential, nn.ModuleList)  # what they hold is drawn, they are not
UNSEEN = (nn.Dropout, nn.Dropout2d, nn.Identity)  # which change nothing in what is served
TEXT_WIDTH = 72  # characters in a box at most


@dataclass
class Layer:
    """A layer that an input passes."""

    label: str
    shape: tuple[int, ...]  # of what it gives, with the batch of 1
    holds: str = ""  # the layers inside of it
    is_block: bool = False  # whether it changes more than each number by itself
    runs: int = 1  # how often it runs for one input: a recurrent layer at every step
    repeats: int = 1  # how many like it follow each other


def draw_network(network: nn.Module, input_shape: tuple[int, ...]) -> str:
    """The network as text, several lines.

    Args:
        input_shape: of one example, without the batch.
    """
    network = network.eval()
    layers, output_shape, ran = _trace_layers(network, input_shape)
    own = _describe_tensors(network.named_parameters(recurse=False), network.named_buffers(recurse=False))
    if not layers:
        layers = [Layer(type(network).__name__, output_shape, own)]
    elif own:
        layers.insert(0, Layer("weights of its own", (), own))
    idle = [name for name, child in network.named_children() if not any(one in ran for one in child.modules())]
    lines = [f"input   {_format_shape((1, *input_shape))}", *_draw_boxes(_merge_layers(layers))]
    lines.append(f"output  {_format_shape(output_shape)}")
    if idle := [name for name in idle if not isinstance(getattr(network, name), UNSEEN)]:
        lines.append(f"in training alone: {', '.join(name.replace('_', ' ') for name in idle)}")
    return "\n".join(lines)


def _trace_layers(
    network: nn.Module, input_shape: tuple[int, ...]
) -> tuple[list[Layer], tuple[int, ...], set[nn.Module]]:
    """The layers in the order in which they first run, the shape of the output, and every module that ran."""
    found: dict[nn.Module, Layer] = {}
    ran: set[nn.Module] = set()
    drawn = set(_drawn_modules(network))
    names = {child: f"{name.replace('_', ' ')}: " for name, child in network.named_children() if name.isidentifier()}

    def note(module: nn.Module, _: Any, output: Any) -> None:
        ran.add(module)
        if module in found:
            found[module].runs += 1
        elif module in drawn:
            shape = _first_tensor(output).shape
            children = [one for one in module.modules() if not list(one.children()) and one is not module]
            held = ", ".join(_count_runs(_label_layer(one) for one in children if not isinstance(one, UNSEEN)))
            is_block = bool(children) or any(weights.ndim > 1 for weights in module.parameters())
            found[module] = Layer(names.get(module, "") + _label_layer(module), tuple(shape), held, is_block)

    handles = [module.register_forward_hook(note) for module in network.modules() if module is not network]
    try:
        with torch.no_grad():
            output = _first_tensor(network(torch.zeros(1, *input_shape)))
    finally:
        for handle in handles:
            handle.remove()
    return list(found.values()), tuple(output.shape), ran


def _drawn_modules(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, TRANSPARENT):
            yield from _drawn_modules(child)
        elif not isinstance(child, UNSEEN):
            yield child


def _first_tensor(output: Any) -> Tensor:
    return output if isinstance(output, Tensor) else _first_tensor(output[0])


def _label_layer(module: nn.Module) -> str:
    """The name of its class; of a filter or a pool also its size, its stride and whether it sees one map each."""
    label = type(module).__name__
    kernel = getattr(module, "kernel_size", None)
    if kernel is None:
        return label
    stride, groups = getattr(module, "stride", 1), getattr(module, "groups", 1)
    sides = kernel if isinstance(kernel, tuple) else (kernel,) * (2 if label.endswith("2d") else 1)
    strides = set(stride) if isinstance(stride, tuple) else {stride}
    label += f" {'x'.join(map(str, sides))}"
    label += f" stride {max(strides)}" if strides != {1} else ""
    if groups > 1:
        label += " depthwise" if groups == module.in_channels else f" in {groups} groups"
    return label


def _count_runs(labels: Iterable[str]) -> list[str]:
    """Labels, each with how many of it follow one another."""
    counts = [(label, len(list(same))) for label, same in groupby(labels)]
    return [label if count == 1 else f"{count} x {label}" for label, count in counts]


def _describe_tensors(*named: Iterable[tuple[str, Tensor]]) -> str:
    """Names and shapes; those that are numbered, weights_0 and weights_1, by their count."""
    tensors = [
        (name, tensor)
        for group in named
        for name, tensor in group
        if tensor.ndim and tensor.numel() and not name.endswith(TRAINING_COUNTERS)
    ]
    numbered = [(name.rstrip("0123456789").rstrip("_"), tensor) for name, tensor in tensors]
    told = []
    for name in dict.fromkeys(name for name, _ in numbered):
        same = [tensor for other, tensor in numbered if other == name]
        told.append(f"{name} {' x '.join(map(str, same[0].shape))}" if len(same) == 1 else f"{len(same)} x {name}")
    return ", ".join(told)


def _merge_layers(layers: Iterable[Layer]) -> list[Layer]:
    """What changes each number by itself stands beside the layer before it; what repeats stands there once."""
    beside: list[Layer] = []
    for layer in layers:
        last = beside[-1] if beside else None
        alone = layer.is_block or ": " in layer.label or (last and last.holds)
        if last and not alone and (layer.shape, layer.runs) == (last.shape, last.runs):
            last.label += f", {layer.label}"
        else:
            beside.append(layer)
    merged: list[Layer] = []
    for layer in beside:
        last = merged[-1] if merged else None
        if last and (last.label, last.shape, last.holds) == (layer.label, layer.shape, layer.holds):
            last.repeats += 1
        else:
            merged.append(layer)
    seen: set[tuple[str, str]] = set()
    for layer in merged:  # what a block holds is said once
        block = (layer.label, layer.holds)
        layer.holds = "" if block in seen else layer.holds
        seen.add(block)
    return merged


def _draw_boxes(layers: Iterable[Layer]) -> Iterator[str]:
    texts = [(_box_lines(layer), _format_shape(layer.shape) if layer.shape else "") for layer in layers]
    width = max(len(line) for lines, _ in texts for line in lines)
    border = "─" * (width + 2)
    for place, (lines, shape) in enumerate(texts):
        yield f"├{border}┤" if place else f"┌{border}┐"
        yield f"│ {lines[0]:<{width}} │ {shape}".rstrip()
        yield from (f"│ {line:<{width}} │" for line in lines[1:])
    yield f"└{border}┘"


def _box_lines(layer: Layer) -> list[str]:
    head = f"{layer.repeats} x {layer.label}" if layer.repeats > 1 else layer.label
    head += f", run {layer.runs} times" if layer.runs > 1 else ""
    inside = textwrap.wrap(layer.holds, TEXT_WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return [*textwrap.wrap(head, TEXT_WIDTH, subsequent_indent="  ", break_on_hyphens=False), *inside]


def _format_shape(shape: tuple[int, ...]) -> str:
    """Without the batch, if it is that of the input."""
    return " x ".join(str(size) for size in (shape[1:] if shape[0] == 1 and len(shape) > 1 else shape))

"""Data augmentation of images: random shifts, rotations, noise and erasing, with the label kept.

One implementation serves the copies that are stored before training and the draws that are made on the
device while training. Outside an image lies its own background: the median of its border, which is the
paper of a drawing, the black of a scan or a tone of a photograph. Zeros would cut edges into white paper,
and repeating the border would lengthen every stroke that reaches it.

Shapes: N examples, H rows, W columns, C channels, K draws.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator
from torch import Tensor

from pipelines.data.large_arrays import allocate
from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError

CHUNK_PIXELS = 2**24  # pixels drawn at once; changes which random numbers an image gets, so it is fixed
WARP_BLOCK_PIXELS = 2**20  # pixels of these moved at once: where each comes from takes eight times their memory
PREVIEW_EXAMPLES_PER_CLASS, PREVIEW_DRAWS = 2, 5  # of a class, and of each of them, for a person to look at
SETTING_LIMITS = {  # setting: (largest value, its unit); the smallest is 0
    "shift": (math.inf, "pixels"),
    "rotate": (180, "degrees"),
    "scale": (0.9, "a share of the size"),
    "noise": (255, "grey levels"),
    "erase": (0.9, "a share of the side"),
}


class AugmentSettings(BaseModel):
    """`augment: {copies: 3, shift: 1, rotate: 10}`; what is not named is off."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    copies: int | Literal["live"] = 0  # draws stored per example, which epochs walk through; live: new ones every epoch
    shift: float = 0  # pixels, at most, to each side and up or down
    rotate: float = 0  # degrees, at most, either way
    scale: float = 0  # larger or smaller by at most this share: 0.1 is 90 % to 110 %
    noise: float = 0  # grey levels, standard deviation, for every pixel and channel on its own
    erase: float = 0  # a rectangle is hidden whose sides are at most this share of the image's
    flip_horizontal: bool = False  # left and right swapped in half of the draws; ruins letters and digits
    flip_vertical: bool = False  # up and down swapped in half of the draws

    @field_validator("copies", mode="before")
    @classmethod
    def _check_copies(cls, copies: object) -> object:
        if copies != "live" and (isinstance(copies, bool) or not isinstance(copies, int) or copies < 0):
            raise ValueError(f"must be a whole number from 0 up, or live, got {copies!r}")
        return copies

    @field_validator(*SETTING_LIMITS)
    @classmethod
    def _check_limits(cls, value: float, info: ValidationInfo) -> float:
        largest, unit = SETTING_LIMITS[str(info.field_name)]
        if not (0 <= value <= largest and math.isfinite(value)):
            bound = "0 or more" if math.isinf(largest) else f"from 0 to {largest:g}"
            raise ValueError(f"must be {bound}, in {unit}, got {value:g}")
        return value

    @model_validator(mode="after")
    def _check_transforms(self) -> "AugmentSettings":
        if self.copies and not _active_transforms(self):
            names = ", ".join(name for transform in TRANSFORMS for name in transform.setting_names)
            raise ValueError(f"copies is {self.copies}, but every draw would be the example itself; set one of {names}")
        return self


def apply_affine(images: Tensor, degrees: Tensor, factor: Tensor, shift: Tensor, flip: Tensor) -> Tensor:
    """Flip, resize and turn images about their centre, then move them.

    Args:
        images: (N, C, H, W) float.
        degrees: (N,), anticlockwise.
        factor: (N,), 2 is twice as large.
        shift: (N, 2), pixels to the right and down.
        flip: (N, 2), -1 to swap left and right, up and down; else 1.

    Returns:
        (N, C, H, W); between pixels the value is interpolated by cubics, which keep thin strokes that straight
        lines would blur; outside lies the background.
    """
    radians = torch.deg2rad(degrees)
    cos, sin = torch.cos(radians) / factor, torch.sin(radians) / factor
    # From a pixel of the result back to the image: undo the move, the turn and the size, then the flip.
    turned = torch.stack((torch.stack((cos, -sin), 1), torch.stack((sin, cos), 1)), 1)  # (N, 2, 2), x right, y down
    back = flip[:, :, None] * turned
    offset = -(back @ shift[:, :, None])  # (N, 2, 1), pixels
    half = images.new_tensor((images.shape[3] / 2, images.shape[2] / 2))  # affine_grid counts in half widths, heights
    theta = torch.cat((back * half[None, None, :] / half[None, :, None], offset / half[None, :, None]), 2)  # (N, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    outside = border_median(images)
    return F.grid_sample(images - outside, grid, mode="bicubic", padding_mode="zeros", align_corners=False) + outside


def border_median(images: Tensor) -> Tensor:
    """The median of every image's border, per channel; (N, C, H, W) -> (N, C, 1, 1)."""
    sides = (images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1])
    border = torch.cat(sides, 2).sort(2).values  # (N, C, pixels of the border)
    return border[:, :, border.shape[2] // 2, None, None]


def random_affine(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Shift, turn, resize and flip in one resampling, so that nothing is blurred twice."""
    u = torch.rand((len(images), 6), generator=generator, device=images.device)
    either = 2 * u - 1  # (N, 6), uniform in [-1, 1); every setting has its own column whether it is on or not
    flips = u.new_tensor((settings.flip_horizontal, settings.flip_vertical))
    degrees = either[:, 0] * settings.rotate
    factor = 1 + either[:, 1] * settings.scale
    shift = either[:, 2:4] * settings.shift
    flip = 1 - 2 * flips * (u[:, 4:6] < 0.5)
    blocks = [
        apply_affine(images[rows], degrees[rows], factor[rows], shift[rows], flip[rows])
        for rows in _row_slices(images.shape, WARP_BLOCK_PIXELS)
    ]
    return torch.cat(blocks)


def random_erasing(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Hide a rectangle of every image behind its background; Zhong et al., "Random Erasing", AAAI 2020.

    NOTE[DIFF] the paper hides half of the images behind random pixels; here sides start at 0 and all are drawn.
    """
    u = torch.rand((len(images), 4), generator=generator, device=images.device)
    hidden = None
    for axis, (side, place) in ((2, (u[:, 0], u[:, 1])), (3, (u[:, 2], u[:, 3]))):
        size = images.shape[axis]
        length = (side * settings.erase * size).round()
        start = (place * (size - length + 1)).floor()
        at = torch.arange(size, device=images.device)
        within = (at >= start[:, None]) & (at < (start + length)[:, None])  # (N, H), then (N, W)
        hidden = within if hidden is None else hidden[:, :, None] & within[:, None, :]
    assert hidden is not None
    return torch.where(hidden[:, None], border_median(images), images)  # (N, 1, H, W) chooses for every channel


def gaussian_noise(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Add normal noise, independent for every pixel and channel."""
    return images + settings.noise * torch.randn(images.shape, generator=generator, device=images.device)


class Transform(NamedTuple):
    """A step of a draw, and the settings of which at least one turns it on."""

    setting_names: tuple[str, ...]
    apply: Callable[[Tensor, AugmentSettings, torch.Generator], Tensor]  # (N, C, H, W) float -> the same


TRANSFORMS: tuple[Transform, ...] = (  # in the order of a camera: the thing moves, is partly hidden, is recorded
    Transform(("shift", "rotate", "scale", "flip_horizontal", "flip_vertical"), random_affine),
    Transform(("erase",), random_erasing),
    Transform(("noise",), gaussian_noise),
)


def _active_transforms(settings: AugmentSettings) -> list[Transform]:
    return [each for each in TRANSFORMS if any(getattr(settings, name) for name in each.setting_names)]


def augment_batch(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Draw every image once; the result depends on the images, the settings and the generator alone.

    Args:
        images: (N, H, W) or (N, H, W, C) uint8, on any device.
        generator: on the same device.

    Returns:
        uint8, of the same shape; of many images on the CPU, mapped from a file.
    """
    augmented = torch.empty_like(images) if images.is_cuda else torch.from_numpy(allocate(images.shape, np.uint8))
    for rows in _row_slices(images.shape, CHUNK_PIXELS):
        x = images[rows].float()
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)  # (n, C, H, W)
        for transform in _active_transforms(settings):
            x = transform.apply(x, settings, generator)
        x = x.round().clamp(0, 255).to(torch.uint8)
        augmented[rows] = x[:, 0] if images.ndim == 3 else x.permute(0, 2, 3, 1)
    return augmented


def augmented_copies(part: Part, schema: Schema, settings: AugmentSettings, seed: int, where: str = "augment") -> Part:
    """The examples as they are, then `settings.copies` draws of each; (N, ...) -> (1 + K, N, ...).

    Draw k depends on the seed and k, not on how many draws there are. Live draws are not stored: K is 0.

    Args:
        where: the settings' path in params.yaml, for failures.

    Raises:
        UserError: if a setting does not suit the data.
    """
    _check_settings(schema, settings, where)
    count = 0 if settings.copies == "live" else settings.copies
    inputs = []
    for field, values in zip(schema.inputs, part.inputs, strict=True):
        if field.kind == "image" and count:
            inputs.append(
                _stack_draws(values, settings, [derive_seed(seed, field.name, k) for k in range(1, count + 1)])
            )
        else:
            inputs.append(np.broadcast_to(values, (1 + count, *values.shape)))
    return Part(tuple(inputs), np.broadcast_to(part.target, (1 + count, *part.target.shape)))


def sample_for_preview(part: Part, schema: Schema, settings: AugmentSettings, seed: int) -> Part:
    """A few draws of a few examples of every class, for a person to see what live draws are like.

    Args:
        part: the examples, (N, ...).

    Returns:
        (1 + K, n, ...): n of the examples as they are, then K draws of them.
    """
    firsts = [np.flatnonzero(part.target == code)[:PREVIEW_EXAMPLES_PER_CLASS] for code in np.unique(part.target)]
    rows = np.sort(np.concatenate(firsts))
    few = Part(tuple(values[rows] for values in part.inputs), part.target[rows])
    return augmented_copies(few, schema, settings.model_copy(update={"copies": PREVIEW_DRAWS}), seed)


def describe_augmentation(settings: AugmentSettings) -> str:
    """The settings as a sentence for a person who has not read params.yaml."""
    phrases = {
        "shift": f"moved by up to {settings.shift:g} pixel{'' if settings.shift == 1 else 's'}",
        "rotate": f"turned by up to {settings.rotate:g}°",
        "scale": f"larger or smaller by up to {100 * settings.scale:g} %",
        "flip_horizontal": "half of them mirrored left to right",
        "flip_vertical": "half of them mirrored top to bottom",
        "erase": f"a rectangle of up to {100 * settings.erase:g} % of each side hidden",
        "noise": f"noise of {settings.noise:g} grey level{'' if settings.noise == 1 else 's'}",
    }
    how = ", ".join(phrase for name, phrase in phrases.items() if getattr(settings, name))
    if settings.copies == "live":
        return f"Augmented anew in every epoch: {how}"
    if settings.copies == 0:
        return "No augmentation: networks train on the original examples"
    return f"{settings.copies} augmented cop{'y' if settings.copies == 1 else 'ies'} per example: {how}"


def _stack_draws(values: Any, settings: AugmentSettings, seeds: list[int]) -> Any:
    """(N, H, W[, C]) -> (1 + K, N, H, W[, C]), one draw per seed; on disk if that is large."""
    result = allocate((1 + len(seeds), *values.shape), values.dtype)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    for rows in _row_slices(values.shape, CHUNK_PIXELS):
        result[0, rows] = values[rows]
        images = torch.from_numpy(result[0, rows])
        for number, generator in enumerate(generators, start=1):
            result[number, rows] = augment_batch(images, settings, generator).numpy()
    return result


def _row_slices(shape: tuple[int, ...], pixels: int) -> Iterator[slice]:
    step = max(1, pixels // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def _check_settings(schema: Schema, settings: AugmentSettings, where: str) -> None:
    images = [field for field in schema.inputs if field.kind == "image"]
    if settings.copies and not images:
        raise UserError(
            f"{where}.copies: only images can be augmented and there is none among the inputs; set copies to 0"
        )
    if settings.copies and schema.target.kind in ("mask", "image"):
        raise UserError(
            f"{where}.copies: the target is of kind {schema.target.kind} and would have to move with its image, "
            "which is not done here; set copies to 0"
        )
    for field in images:
        side = min(field.shape[:2])
        if settings.shift >= side:
            raise UserError(
                f"{where}.shift: {settings.shift:g} pixels would move images of {field.shape[1]} x {field.shape[0]} "
                f"pixels out of sight; it must be below {side}"
            )

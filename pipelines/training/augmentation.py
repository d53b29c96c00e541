"""Data augmentation of images: random shifts, rotations, crops, noise and erasing; a mask or clean image moves along.

One implementation serves the copies that are stored before training and the draws that are made on the
device while training. Outside an image lies its own background: the median of its border, which is the
paper of a drawing, the black of a scan or a tone of a photograph. Zeros would cut edges into white paper,
and repeating the border would lengthen every stroke that reaches it. Outside a mask lies the commonest class of its
border, so that a mask that was moved is the mask of the image that was moved.

Shapes: N examples, H rows, W columns, C channels, K draws.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipelines.data.large_arrays import allocate
from pipelines.training.augment_settings import AugmentSettings

CHUNK_PIXELS = 2**24  # pixels drawn at once; changes which random numbers an image gets, so it is fixed
WARP_BLOCK_PIXELS = 2**20  # pixels of these moved at once: where each comes from takes eight times their memory


def apply_affine(
    images: Tensor, degrees: Tensor, factor: Tensor, shift: Tensor, flip: Tensor, *, is_mask: bool = False
) -> Tensor:
    """Flip, resize and turn images about their centre, then move them.

    Args:
        images: (N, C, H, W) float.
        degrees: (N,), anticlockwise.
        factor: (N,), 2 is twice as large.
        shift: (N, 2), pixels to the right and down.
        flip: (N, 2), -1 to swap left and right, up and down; else 1.
        is_mask: whether the values are classes.

    Returns:
        (N, C, H, W); between pixels the value is interpolated by cubics, which keep thin strokes that straight
        lines would blur, and a class is that of the nearest pixel; outside lies the background.
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
    outside = border_class(images) if is_mask else border_median(images)
    mode = "nearest" if is_mask else "bicubic"
    return F.grid_sample(images - outside, grid, mode=mode, padding_mode="zeros", align_corners=False) + outside


def border_median(images: Tensor) -> Tensor:
    """The median of every image's border, per channel; (N, C, H, W) -> (N, C, 1, 1)."""
    border = _border_pixels(images).sort(2).values
    return border[:, :, border.shape[2] // 2, None, None]


def border_class(masks: Tensor) -> Tensor:
    """The commonest class of every mask's border, the lowest of equals; (N, C, H, W) -> (N, C, 1, 1)."""
    border = _border_pixels(masks)
    classes = torch.unique(border)
    counts = torch.stack([(border == one).sum(2) for one in classes])  # (classes, N, C)
    ranks = torch.arange(len(classes), 0, -1, device=masks.device)[:, None, None]
    commonest: Tensor = classes[(counts * len(classes) + ranks).argmax(0)]  # (N, C)
    return commonest[:, :, None, None]


def _border_pixels(images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, pixels of the border)."""
    return torch.cat((images[:, :, 0], images[:, :, -1], images[:, :, 1:-1, 0], images[:, :, 1:-1, -1]), 2)


def random_affine(
    images: Tensor, settings: AugmentSettings, generator: torch.Generator, *, is_mask: bool = False
) -> Tensor:
    """Crop, shift, turn, resize and flip in one resampling, so that nothing is blurred twice.

    Crops: Szegedy et al., "Going Deeper with Convolutions", 2015. https://arxiv.org/abs/1409.4842
    NOTE[DIFF] sides keep their ratio, so that nothing is stretched.
    """
    u = torch.rand((len(images), 6), generator=generator, device=images.device)
    either = 2 * u - 1  # (N, 6), uniform in [-1, 1); every setting has its own column whether it is on or not
    flips = u.new_tensor((settings.flip_horizontal, settings.flip_vertical))
    degrees = either[:, 0] * settings.rotate
    factor = 1 + either[:, 1] * settings.scale
    shift = either[:, 2:4] * settings.shift
    flip = 1 - 2 * flips * (u[:, 4:6] < 0.5)
    if settings.crop:
        v = torch.rand((len(images), 3), generator=generator, device=images.device)
        enlarged = 1 / (1 - settings.crop * v[:, :1])  # (N, 1): what is left of a side becomes all of it
        size = images.new_tensor((images.shape[3], images.shape[2]))
        factor = factor * enlarged[:, 0]
        shift = shift * enlarged + (v[:, 1:] - 0.5) * (enlarged - 1) * size
    blocks = [
        apply_affine(images[rows], degrees[rows], factor[rows], shift[rows], flip[rows], is_mask=is_mask)
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


MOVEMENT = Transform(("crop", "shift", "rotate", "scale", "flip_horizontal", "flip_vertical"), random_affine)
TRANSFORMS: tuple[Transform, ...] = (  # in the order of a camera: the thing moves, is partly hidden, is recorded
    MOVEMENT,
    Transform(("erase",), random_erasing),
    Transform(("noise",), gaussian_noise),
)


def _is_active(transform: Transform, settings: AugmentSettings) -> bool:
    return any(getattr(settings, name) for name in transform.setting_names)


def augment_batch(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    """Draw every image once; the result depends on the images, the settings and the generator alone.

    Args:
        images: (N, H, W) or (N, H, W, C) uint8, on any device.
        generator: on the same device.

    Returns:
        uint8, of the same shape; of many images on the CPU, mapped from a file.
    """
    augmented = _allocate_like(images)
    for rows in _row_slices(images.shape, CHUNK_PIXELS):
        augmented[rows] = _draw_chunk(images[rows], settings, generator)
    return augmented


def augment_with_target(
    images: Tensor, target: Tensor, settings: AugmentSettings, generator: torch.Generator, *, is_mask: bool
) -> tuple[Tensor, Tensor]:
    """Draw every image once, as `augment_batch` does, and move its target along; what hides or blurs leaves it alone.

    Args:
        images: (N, H, W) or (N, H, W, C) uint8, on any device.
        target: of the same height and width, uint8.
        is_mask: whether its values are classes, which are never averaged; else it is an image.
    """
    augmented, moved = _allocate_like(images), _allocate_like(target)
    for rows in _row_slices(images.shape, CHUNK_PIXELS):
        same = torch.Generator(images.device)
        same.set_state(generator.get_state())
        augmented[rows] = _draw_chunk(images[rows], settings, generator)
        x = _to_channels_first(target[rows])
        if _is_active(MOVEMENT, settings):
            x = random_affine(x, settings, same, is_mask=is_mask)
        moved[rows] = _to_pixels(x, target.ndim)
    return augmented, moved


def _draw_chunk(images: Tensor, settings: AugmentSettings, generator: torch.Generator) -> Tensor:
    x = _to_channels_first(images)
    for transform in TRANSFORMS:
        if _is_active(transform, settings):
            x = transform.apply(x, settings, generator)
    return _to_pixels(x, images.ndim)


def _to_channels_first(images: Tensor) -> Tensor:
    """(N, H, W) or (N, H, W, C) -> (N, C, H, W) float."""
    x = images.float()
    return x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)


def _to_pixels(x: Tensor, ndim: int) -> Tensor:
    x = x.round().clamp(0, 255).to(torch.uint8)
    return x[:, 0] if ndim == 3 else x.permute(0, 2, 3, 1)


def _allocate_like(images: Tensor) -> Tensor:
    return torch.empty_like(images) if images.is_cuda else torch.from_numpy(allocate(images.shape, np.uint8))


def stack_draws(values: Any, settings: AugmentSettings, seeds: list[int]) -> Any:
    """(N, H, W[, C]) -> (1 + K, N, H, W[, C]), one draw per seed; on disk if that is large."""
    (result,) = _stack((values,), seeds, lambda images, generator: (augment_batch(images, settings, generator),))
    return result


def stack_draws_with_target(
    values: Any, target: Any, settings: AugmentSettings, seeds: list[int], *, is_mask: bool
) -> tuple[Any, Any]:
    """The same of images and their targets, which move along: masks, or clean images."""

    def draw(images: Tensor, moved: Tensor, generator: torch.Generator) -> tuple[Tensor, ...]:
        return augment_with_target(images, moved, settings, generator, is_mask=is_mask)

    stacked_images, stacked_target = _stack((values, target), seeds, draw)
    return stacked_images, stacked_target


def _stack(columns: tuple[Any, ...], seeds: list[int], draw: Callable[..., tuple[Tensor, ...]]) -> tuple[Any, ...]:
    """Columns (N, ...) as they are, and then what each seed draws of their rows."""
    results = tuple(allocate((1 + len(seeds), *values.shape), values.dtype) for values in columns)
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    for rows in _row_slices(columns[0].shape, CHUNK_PIXELS):
        for result, values in zip(results, columns, strict=True):
            result[0, rows] = values[rows]
        originals = [torch.from_numpy(result[0, rows]) for result in results]
        for number, generator in enumerate(generators, start=1):
            for result, drawn in zip(results, draw(*originals, generator), strict=True):
                result[number, rows] = drawn.numpy()
    return results


def _row_slices(shape: tuple[int, ...], pixels: int) -> Iterator[slice]:
    step = max(1, pixels // math.prod(shape[1:]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))

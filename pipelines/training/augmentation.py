"""Data augmentation of images: random shifts, rotations, noise and erasing, with the label kept.

One implementation serves the copies that are stored before training and the draws that are made on the
device while training. Outside an image lies its own background: the median of its border, which is the
paper of a drawing, the black of a scan or a tone of a photograph. Zeros would cut edges into white paper,
and repeating the border would lengthen every stroke that reaches it.

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


def stack_draws(values: Any, settings: AugmentSettings, seeds: list[int]) -> Any:
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

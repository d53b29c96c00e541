"""Data augmentation of sequences: scaled, warped in time, or cropped; labels are kept.

All act on what a network reads, (B, T, F): standardised values, and a last feature that is 1 where a step is there. A
sequence begins at its first step that is there; what is in front of it is padding, and stays padding.

Sources: scaling and warping, Um et al., "Data Augmentation of Wearable Sensor Data for Parkinson's Disease Monitoring",
ICMI 2017, https://doi.org/10.1145/3136755.3136817; crops, Le Guennec et al., "Data Augmentation for Time Series
Classification using Convolutional Neural Networks", 2016, https://shs.hal.science/halshs-01357973.

Shapes: B batch, T steps, F features.
"""

import torch
from torch import Tensor

WARP_KNOTS = 4  # stretches of a sequence, each with a speed of its own


def scale_sequences(features: Tensor, deviation: float, generator: torch.Generator) -> Tensor:
    """Multiply every variable of a sequence by a factor of its own, 1 in the mean.

    Args:
        deviation: standard deviation of the factors.
    """
    shape = (len(features), 1, features.shape[2])
    factor = 1 + deviation * torch.randn(shape, generator=generator, device=features.device)
    factor[:, :, -1] = 1  # whether a step is there
    return features * factor


def warp_sequences(features: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Let time run faster and slower along a sequence, which begins and ends where it did.

    Between two steps that are there, values are interpolated by straight lines; next to one that is not, the nearer of
    the two is taken.

    NOTE[DIFF] speeds are constant on each of WARP_KNOTS stretches, where the paper draws a cubic spline.

    Args:
        strength: speeds are from 1 - strength to 1 + strength times the usual one, before they are made to fit.
    """
    batch, steps, _ = features.shape
    speed = 1 + strength * (2 * torch.rand((batch, WARP_KNOTS), generator=generator, device=features.device) - 1)
    reached = torch.cat([torch.zeros_like(speed[:, :1]), speed.cumsum(1)], 1)  # (B, K + 1)
    reached = reached / reached[:, -1:]  # the share of the sequence at every knot
    start = _first_steps(features)  # (B, 1)
    place = torch.arange(steps, device=features.device)
    share = ((place - start) / (steps - 1 - start).clamp(min=1)).clamp(0, 1) * WARP_KNOTS  # (B, T)
    knot = share.long().clamp(max=WARP_KNOTS - 1)
    low, high = reached.gather(1, knot), reached.gather(1, knot + 1)
    source = start + (low + (share - knot) * (high - low)) * (steps - 1 - start)
    source = torch.where(place < start, place.to(source.dtype), source).clamp(0, steps - 1)
    left = source.floor().long().clamp(max=max(0, steps - 2))
    right = (left + 1).clamp(max=steps - 1)
    weight = (source - left)[:, :, None]  # (B, T, 1)
    before, after = (features.gather(1, one[:, :, None].expand_as(features)) for one in (left, right))
    both = (before[:, :, -1:] > 0) & (after[:, :, -1:] > 0)
    nearer = torch.where(weight < 0.5, before, after)
    return torch.where(both, before + weight * (after - before), nearer)


def crop_sequences(features: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Keep a stretch of every sequence, with padding in front, as a shorter sequence has it.

    Args:
        share: of the steps, cut off at most.
    """
    batch, steps, _ = features.shape
    u = torch.rand((batch, 2), generator=generator, device=features.device)
    start = _first_steps(features)  # (B, 1)
    length = steps - start
    cut = (u[:, :1] * share * length).round().long().clamp(max=(length - 1).clamp(min=0))
    behind = (u[:, 1:] * (cut + 1)).floor().long()  # of the steps that are cut off, those at the end
    place = torch.arange(steps, device=features.device)
    source = (place - behind).clamp(min=0)  # (B, T): the stretch moves to the end
    moved = features.gather(1, source[:, :, None].expand_as(features))
    return moved * (place >= start + cut)[:, :, None]


def _first_steps(features: Tensor) -> Tensor:
    """The place of every sequence's first step that is there, (B, 1); T - 1 where none is."""
    steps = features.shape[1]
    place = torch.arange(steps, device=features.device)
    return torch.where(features[:, :, -1] > 0, place, steps - 1).amin(1, keepdim=True)

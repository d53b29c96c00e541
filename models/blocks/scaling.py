"""Scaling of a paper's image network: to smaller images and to fewer maps.

Networks of the ImageNet years halve an image of 224x224 pixels five times, to maps of 7x7. The rule by which they read
smaller ones is here alone: the earliest halvings are left out until the last maps keep 4 pixels on the shorter side.
From 128 pixels up nothing is left out; an image of 32x32 is halved three times, one of 8x8 once.
"""

from collections.abc import Collection, Sequence

MIN_IMAGE_SIDE = 8  # pixels on the shorter side
MIN_MAP_SIDE = 4  # pixels on the shorter side that the last maps keep
MAP_MULTIPLE = 4  # maps come in multiples of it, so that they can be halved and grouped


def kept_strides(name: str, height: int, width: int, strides: Sequence[int]) -> tuple[int, ...]:
    """The strides of a network, from the image on, that an image of this size allows.

    A stride that is left out is 1; one of 4, which halves twice, may become 2.

    Args:
        name: the architecture, for the message.
        height: of the image, in pixels; width likewise.
        strides: those of the paper, powers of 2.

    Raises:
        ValueError: if a side is under 8 pixels.

    >>> kept_strides("resnet", 32, 40, (2, 2, 2, 2, 2)), kept_strides("convnext", 64, 64, (4, 2, 2, 2))
    ((1, 1, 2, 2, 2), (2, 2, 2, 2))
    """
    shorter = min(height, width)
    if shorter < MIN_IMAGE_SIDE:
        raise ValueError(
            f"{name} reads images of {MIN_IMAGE_SIDE}x{MIN_IMAGE_SIDE} pixels or more, got {height}x{width}"
        )
    allowed = _halvings(shorter // MIN_MAP_SIDE)
    kept: list[int] = []
    for stride in reversed(strides):  # the latest halvings come first
        halvings = min(_halvings(stride), allowed)
        allowed -= halvings
        kept.append(2**halvings)
    return tuple(reversed(kept))


def scaled_maps(maps: int, factor: float) -> int:
    """So many maps or units times a factor, to the nearest multiple of 4; 4 at least.

    >>> scaled_maps(64, 1.0), scaled_maps(96, 0.25), scaled_maps(16, 0.1)
    (64, 24, 4)
    """
    return max(MAP_MULTIPLE, MAP_MULTIPLE * round(maps * factor / MAP_MULTIPLE))


def check_option(value: int, options: Collection[int]) -> int:
    """The value, if a table has a row for it.

    Raises:
        ValueError: with the rule; the caller names setting and value.
    """
    if value not in options:
        raise ValueError(f"must be one of {', '.join(map(str, options))}")
    return value


def _halvings(factor: int) -> int:
    """How often a factor can be halved before it is less than 1: the logarithm to base 2, rounded down."""
    return factor.bit_length() - 1

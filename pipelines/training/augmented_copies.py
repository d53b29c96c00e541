"""Stored copies of examples, as the augment stage draws them; the draws themselves are in augmentation.py.

Shapes: N examples, K draws.
"""

import numpy as np

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.training.augment_settings import AugmentSettings

MOVED_TARGETS = ("mask", "image")  # kinds of targets that move with their image
PREVIEW_EXAMPLES_PER_CLASS, PREVIEW_EXAMPLES = 2, 4  # for a person to look at: of a class, or without classes
PREVIEW_DRAWS = 5  # of each of them


def augmented_copies(part: Part, schema: Schema, settings: AugmentSettings, seed: int, where: str = "augment") -> Part:
    """The examples as they are, then `settings.copies` draws of each; (N, ...) -> (1 + K, N, ...).

    Draw k depends on the seed and k, not on how many draws there are. Live draws are not stored: K is 0. A target
    that is a mask or a clean image moves with its image.

    Args:
        where: the settings' path in params.yaml, for failures.

    Raises:
        UserError: if a setting does not suit the data.
    """
    _check_settings(schema, settings, where)
    count = 0 if settings.copies == "live" else settings.copies
    inputs = [np.broadcast_to(values, (1 + count, *values.shape)) for values in part.inputs]
    target = np.broadcast_to(part.target, (1 + count, *part.target.shape))
    places = [place for place, field in enumerate(schema.inputs) if field.kind == "image" and count]
    if not places:  # PyTorch takes two seconds to import, and most problems store no copies
        return Part(tuple(inputs), target)
    from pipelines.training.augmentation import stack_draws, stack_draws_with_target

    for place in places:
        values = part.inputs[place]
        seeds = [derive_seed(seed, schema.inputs[place].name, k) for k in range(1, count + 1)]
        if schema.target.kind in MOVED_TARGETS:
            is_mask = schema.target.kind == "mask"
            inputs[place], target = stack_draws_with_target(values, part.target, settings, seeds, is_mask=is_mask)
        else:
            inputs[place] = stack_draws(values, settings, seeds)
    return Part(tuple(inputs), target)


def sample_for_preview(part: Part, schema: Schema, settings: AugmentSettings, seed: int) -> Part:
    """A few draws of a few examples, of every class if there are classes, for a person to see what live draws are like.

    Args:
        part: the examples, (N, ...).

    Returns:
        (1 + K, n, ...): n of the examples as they are, then K draws of them.
    """
    if schema.target.kind in MOVED_TARGETS:
        rows = np.arange(min(len(part.target), PREVIEW_EXAMPLES))
    else:
        firsts = [np.flatnonzero(part.target == code)[:PREVIEW_EXAMPLES_PER_CLASS] for code in np.unique(part.target)]
        rows = np.sort(np.concatenate(firsts))
    few = Part(tuple(values[rows] for values in part.inputs), part.target[rows])
    return augmented_copies(few, schema, settings.model_copy(update={"copies": PREVIEW_DRAWS}), seed)


def _check_settings(schema: Schema, settings: AugmentSettings, where: str) -> None:
    images = [field for field in schema.inputs if field.kind == "image"]
    if settings.copies and not images:
        raise UserError(
            f"{where}.copies: only images can be augmented and there is none among the inputs; set copies to 0"
        )
    if settings.copies and schema.target.kind in MOVED_TARGETS and len(images) > 1:
        raise UserError(
            f"{where}.copies: the target is of kind {schema.target.kind} and moves with its image, but there are "
            f"{len(images)}: {', '.join(field.name for field in images)}; set copies to 0"
        )
    for field in images:
        side = min(field.shape[:2])
        if settings.shift >= side:
            raise UserError(
                f"{where}.shift: {settings.shift:g} pixels would move images of {field.shape[1]} x {field.shape[0]} "
                f"pixels out of sight; it must be below {side}"
            )

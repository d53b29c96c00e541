"""Stored copies of examples, as the augment stage draws them; the draws themselves are in augmentation.py.

Shapes: N examples, K draws.
"""

import numpy as np

from pipelines.data.parts import Part
from pipelines.data.schema import Schema
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.user_error import UserError
from pipelines.training.augment_settings import AugmentSettings

PREVIEW_EXAMPLES_PER_CLASS, PREVIEW_DRAWS = 2, 5  # of a class, and of each of them, for a person to look at


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
    if count:  # PyTorch takes two seconds to import, and most problems store no copies
        from pipelines.training.augmentation import stack_draws
    for field, values in zip(schema.inputs, part.inputs, strict=True):
        if field.kind == "image" and count:
            inputs.append(
                stack_draws(values, settings, [derive_seed(seed, field.name, k) for k in range(1, count + 1)])
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

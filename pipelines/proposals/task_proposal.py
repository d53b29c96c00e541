"""Task proposal: what is learned from data that was read, and what that asks of its source."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.data.wording import format_list
from pipelines.proposals.contenders import ENTRANTS, find_form, find_task
from pipelines.runtime.user_error import UserError

MAX_MASK_CLASSES = 64  # different numbers of pixels, beyond which they are levels of a picture and no classes
RARE_SHARE = 0.05  # share of the examples, below which the rarer of two classes may be taken for what is unusual
NUMBER_TASKS = ("anomaly_detection", "reconstruction")  # which read numbers alone, where they read no picture


class TaskProposal(NamedTuple):
    """What is learned."""

    kind: str
    settings: Mapping[str, Any] = {}  # of the task, besides its kind
    source: Mapping[str, Any] = {}  # further settings of the source, without which the data does not suit the task
    reasons: tuple[str, ...] = ()


def propose_task(data: Dataset, source: Mapping[str, Any], wished: str | None) -> TaskProposal:
    """What the user wishes to be learned, else what the target asks for.

    Args:
        data: as the source has read it.
        source: its settings.
        wished: a task; None where nothing was said.

    Raises:
        UserError: there is nothing to learn, or what is wished cannot be learned from such data.
    """
    if _has_image_target(data, source, wished):
        reason = "The target's numbers of pixels are levels of a picture, the clean form of its input."
        return TaskProposal("denoising", source={"target_kind": "image"}, reasons=(reason,))
    kind = find_task(data.schema, wished)
    if kind == "anomaly_detection":
        return _propose_anomaly_detection(data, source)
    if kind in NUMBER_TASKS:
        inputs, reasons = _numbers_alone(data, source, kind)
        return TaskProposal(kind, source=inputs, reasons=reasons)
    return TaskProposal(kind, reasons=_rare_class_hint(data) if wished is None and kind == "classification" else ())


def _has_image_target(data: Dataset, source: Mapping[str, Any], wished: str | None) -> bool:
    """Whether what was read as a mask is a picture."""
    target = data.schema.target
    is_open = source["kind"] == "arrays" and "target_kind" not in source and target.kind == "mask"
    return is_open and (wished == "denoising" or (wished is None and len(target.categories) > MAX_MASK_CLASSES))


def _propose_anomaly_detection(data: Dataset, source: Mapping[str, Any]) -> TaskProposal:
    target = data.schema.target
    if target.kind != "category" or len(target.categories) < 2:
        raise UserError(
            f"{data.schema.title}: --task anomaly_detection needs a target of classes, of which one is usual; name "
            f"another than {target.name} with --target"
        )
    normal = target.categories[int(np.argmax(np.bincount(data.part.target)))]
    inputs, reasons = _numbers_alone(data, source, "anomaly_detection")
    reason = f"Most examples are {normal}, so these are learned from as the usual ones."
    return TaskProposal("anomaly_detection", {"normal": normal}, inputs, (reason, *reasons))


def _numbers_alone(data: Dataset, source: Mapping[str, Any], task: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The setting by which a table's columns of numbers are its only inputs, and why; none where they are."""
    numbers = [field.name for field in data.schema.inputs if field.kind == "number"]
    others = [field.name for field in data.schema.inputs if field.kind != "number"]
    if source["kind"] != "table" or not numbers or not others:
        return {}, ()
    return {"inputs": numbers}, (f"{task} reads numbers alone, so these are left out: {format_list(others, 10)}.",)


def _rare_class_hint(data: Dataset) -> tuple[str, ...]:
    """That the rarer of two classes may be taken for what is unusual, where it can be learned so."""
    target, form = data.schema.target, find_form(data.schema)
    reads = form == "image" or any(field.kind == "number" for field in data.schema.inputs)
    if ("anomaly_detection", form) not in ENTRANTS or not reads or len(target.categories) != 2:
        return ()
    counts = np.bincount(data.part.target, minlength=2)
    rare = int(np.argmin(counts))
    share = counts[rare] / counts.sum()
    if share >= RARE_SHARE:
        return ()
    return (
        f"Only {share:.1%} of the examples are {target.categories[rare]}; --task anomaly_detection would learn from "
        "the others alone, and say what is unlike them.",
    )

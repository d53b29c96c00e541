"""Examples without a target among arrays: left out, or kept apart. N examples."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.large_arrays import take_rows
from pipelines.data.parts import Part
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.formats import NamedArray
from pipelines.sources.arrays.targets import TargetKind, squeeze_column
from pipelines.sources.files.unlabelled import find_missing_targets, report_left_out, report_unlabelled

ArraysUnlabelledPolicy = Literal["refuse", "skip", "keep"]  # stop, leave such examples out, or keep them apart


def fill_missing_targets(
    arrays: Sequence[NamedArray], kind: TargetKind | None, policy: ArraysUnlabelledPolicy
) -> tuple[list[NamedArray], NDArray[np.bool_]]:
    """The targets, and which of the N examples have one; one that is missing is that of another example.

    So neither the classes nor the range of the numbers change until such examples are taken out.

    Raises:
        UserError: there are no targets, none of one class or number each, or one of the arrays has none that is there.
    """
    if not arrays:
        raise UserError(
            f"source.unlabelled: {policy} is for examples of which some have a target, and no target is named; leave "
            "it out"
        )
    filled, labelled = [], []
    for one in arrays:
        values = squeeze_column(one.values)
        if values.ndim > 1 or kind == "image":
            raise UserError(
                f"{one.where}: source.unlabelled: {policy} is for one class or number of each example; nothing says of "
                f"a mask or an image that it is missing, found shape {values.shape}; leave it out"
            )
        present = ~find_missing_targets(values, kind, one.where)
        if not present.any():
            raise UserError(f"{one.where}: not one of {len(values)} examples has a target; add some")
        filled.append(one._replace(values=np.where(present, values, values[present.argmax()])))
        labelled.append(present)
    return filled, np.concatenate(labelled)


def set_unlabelled_apart(
    data: Dataset, labelled: NDArray[np.bool_], train_rows: int, policy: ArraysUnlabelledPolicy
) -> Dataset:
    """The examples that have a target, and beside them, if the policy is to keep them, the inputs of the others.

    Args:
        labelled: which examples have a target, (N,).
        train_rows: how many of the N examples, the first ones, were not published for testing; no others are kept.
    """
    missing = int((~labelled).sum())
    if not missing:
        return data
    kept = ~labelled & (np.arange(len(labelled)) < train_rows) if policy == "keep" else np.zeros(len(labelled), bool)
    return data._replace(
        part=Part(tuple(take_rows(values, labelled) for values in data.part.inputs), data.part.target[labelled]),
        findings=(
            *data.findings,
            *report_unlabelled(int(kept.sum()), "example"),
            *report_left_out(missing - int(kept.sum()), "example"),
        ),
        keys={name: values[labelled] for name, values in data.keys.items()},
        unlabelled=tuple(take_rows(values, kept) for values in data.part.inputs) if kept.any() else (),
    )

"""Split of a dataset into train, valid and test, and the parts on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset, chunks
from pipelines.data.dependence import write_dependence
from pipelines.data.folds import HELD_OUT, HOLDOUT, TRAINED, Folds, write_folds
from pipelines.data.parts import NO_PART, PARTS, PartName, read_part
from pipelines.data.schema import Schema, write_schema
from pipelines.data.unlabelled import write_unlabelled
from pipelines.runtime.files import atomic_write
from pipelines.runtime.user_error import UserError
from pipelines.splitting.clusters import cluster_examples, find_dependence
from pipelines.splitting.duplicates import alike_ids
from pipelines.splitting.folds import DEFAULT_FOLDS, FOLD_MAKERS, FOLDED_ROWS, make_folds, validation_share
from pipelines.splitting.request import PartNumbers, SplitRequest
from pipelines.splitting.settings import SplitSettings, SplitStrategy
from pipelines.splitting.strategies import (
    keep_duplicates_together,
    split_by_column,
    split_by_group,
    split_predefined,
    split_random,
    split_stratified,
)
from pipelines.splitting.time_strategies import sees_future, split_by_group_in_time, split_by_time

__all__ = ["STRATEGIES", "Split", "SplitRows", "SplitSettings", "split_dataset", "split_rows", "write_split"]

SplitRows: TypeAlias = dict[PartName, NDArray[np.int64]]  # sorted row numbers; no row twice, a row may be in no part

STRATEGIES: dict[SplitStrategy, Callable[[SplitRequest], PartNumbers]] = {
    "stratified": split_stratified,  # each class has the same shares; for examples independent of each other
    "random": split_random,  # the same for a target that has no classes
    "group": split_by_group,  # a person, site or machine is all in one part; the scores are a stranger's
    "time": split_by_time,  # trained on the past, tested on the future; for series, and whatever drifts
    "group_in_time": split_by_group_in_time,  # whole groups, the latest ones for the test
    "column": split_by_column,  # as the values of a column say
    "given": split_predefined,  # as the data came: a file or a folder for each part
}


class Split(NamedTuple):
    """The rows of every part, which examples belong together, and the folds."""

    rows: SplitRows
    clusters: NDArray[np.int64]  # (N,), of all examples
    folds: Folds


def split_rows(data: Dataset, settings: SplitSettings, seed: int, where: str = "split") -> SplitRows:
    """Choose the part of every example, or none, of a holdout: the rows of `split_dataset` without folds."""
    return split_dataset(data, settings, seed, where, can_fold=False).rows


def split_dataset(
    data: Dataset, settings: SplitSettings, seed: int, where: str = "split", *, can_fold: bool = True
) -> Split:
    """Choose the part of every example, or none, and say which examples belong together, and which fold holds them out.

    Identical examples, and those whose texts differ in white space or capitals alone, are in one part: if a
    strategy puts them in several, the last of these keeps its own and the earlier ones lose theirs. A window of a
    series that holds values made from its own future is in none.

    Below FOLDED_ROWS examples there are DEFAULT_FOLDS folds, unless the settings say otherwise, the strategy has none,
    or the examples are too few or too much alike for every fold to hold some out.

    Args:
        data: N examples.
        settings: the shares and the strategy.
        seed: another seed, another split.
        where: the settings' path in params.yaml, for failures.
        can_fold: whether the task's models can be compared on folds.

    Raises:
        UserError: if the data cannot be split this way, or a part or a fold would be empty.
    """
    count = len(data.part.target)
    if count < len(PARTS):
        raise UserError(f"{where}: {count} examples cannot fill the parts {', '.join(PARTS)}; add examples")
    if settings.folds and not can_fold:
        raise UserError(
            f"{where}.folds: what generators answer for different folds cannot be put together; set valid: 0.2 instead"
        )
    sets = alike_ids(data.schema, data.part.inputs, key=seed)
    request = SplitRequest(data, sets, settings, seed, where)
    clusters = cluster_examples(request)
    folds = settings.folds or (
        DEFAULT_FOLDS
        if settings.valid is None and count < FOLDED_ROWS and can_fold and settings.by in FOLD_MAKERS
        else 0
    )
    if folds:
        share = validation_share(settings.by, settings.test, folds)
        folded_request = request._replace(settings=settings.model_copy(update={"valid": share}))
        rows = _deal_parts(folded_request)
        roles = make_folds(folded_request, rows["train"], rows["valid"], clusters, folds)
        if all(len(rows[name]) for name in PARTS) and all({TRAINED, HELD_OUT} <= set(role.tolist()) for role in roles):
            pooled = np.concatenate([rows["train"], rows["valid"]])
            held_out = pooled[(roles == HELD_OUT).any(axis=0)]
            dependence = find_dependence(data, clusters, held_out)
            return Split(rows, clusters, Folds(roles, settings.by == "time", dependence))
        if settings.folds:
            raise UserError(
                f"{where}.folds: {folds} folds leave one without an example to train on or to hold out; set fewer"
            )
    rows = _deal_parts(request)
    _check_parts(rows, count, settings, where)
    return Split(rows, clusters, HOLDOUT)


def _deal_parts(request: SplitRequest) -> SplitRows:
    part_of = STRATEGIES[request.settings.by](request)
    part_of = keep_duplicates_together(request.sets, np.where(sees_future(request.data), NO_PART, part_of))
    return {name: np.flatnonzero(part_of == number) for number, name in enumerate(PARTS)}


def _check_parts(rows: SplitRows, count: int, settings: SplitSettings, where: str) -> None:
    """Refuse a split of which a part is empty."""
    empty = [name for name in PARTS if not len(rows[name])]
    if empty:
        left_out = count - sum(map(len, rows.values()))
        why = (
            "ones stay together and a class with one or two different examples goes to train first; add examples"
            if settings.by == "stratified"
            else f"ones stay in one part and by: {settings.by} leaves {left_out} in none; change the shares"
            f"{' or the embargo' if settings.embargo else ''}, or add examples"
        )
        raise UserError(f"{where}: no example is left for {' and '.join(empty)}: of {count} examples, identical {why}")


def write_split(
    folder: Path,
    data: Dataset,
    rows: SplitRows,
    clusters: NDArray[np.int64] | None = None,
    folds: Folds = HOLDOUT,
) -> None:
    """Write `<part>/<field>.npy`, `valid/folds.npz` and `schema.json`.

    Rows without a target are in `train/unlabelled/<field>.npy`, unless they are held out with one in another part.

    A chunk at a time, so the data may be larger than memory.

    Beside the fields is `<part>/dependence.npz`, where rows belong together. What a schema holds that must be learned,
    the vocabulary of a text, is learned from the train part.

    Args:
        data: N examples.
        rows: of every part.
        clusters: which examples belong together, (N,); None: each is alone.
    """
    fields = (*data.schema.inputs, data.schema.target)
    for name in PARTS:
        for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
            _write_rows(folder / name / f"{field.name}.npy", values, rows[name])
        write_dependence(
            folder / name,
            find_dependence(data, np.arange(len(data.part.target)) if clusters is None else clusters, rows[name]),
        )
    write_unlabelled(folder / "train", data.schema, _select_unlabelled(data, rows))
    write_folds(folder / "valid" / "folds.npz", folds)
    write_schema(folder / "schema.json", _fit_schema(data.schema, folder / "train"))


def _select_unlabelled(data: Dataset, rows: SplitRows) -> list[NDArray[Any]]:
    """The rows without a target, but for those that are held out with one: (U, ...) per input field."""
    if not data.unlabelled:
        return []
    held_out = np.concatenate([rows["valid"], rows["test"]])
    both = tuple(
        np.concatenate([values[held_out], others])
        for values, others in zip(data.part.inputs, data.unlabelled, strict=True)
    )
    ids = alike_ids(data.schema, both)
    kept = ~np.isin(ids[len(held_out) :], ids[: len(held_out)])
    return [others[kept] for others in data.unlabelled]


def _fit_schema(schema: Schema, train: Path) -> Schema:
    if not any(field.kind == "text" for field in schema.inputs):
        return schema
    from pipelines.data.text import fit_vocabulary

    return fit_vocabulary(schema, read_part(train, schema))


def _write_rows(path: Path, values: NDArray[Any], rows: NDArray[np.int64]) -> None:
    """One after the other, not through a memory map: on a full disk, a map ends the process without a word."""
    shape = (len(rows), *values.shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(values.dtype), "fortran_order": False, "shape": shape}
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for part in chunks(np.broadcast_to(values[:1], shape)):
            stream.write(np.ascontiguousarray(values[rows[part]]).tobytes())

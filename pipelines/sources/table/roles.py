"""What the columns of a table are for: the target, the inputs, the keys of a split, or nothing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import Failure
from pipelines.sources.table.columns import Column, compact
from pipelines.sources.table.conversion import Reading, Variable, variable
from pipelines.sources.table.type_inference import (
    FEW,
    MOST_CATEGORIES,
    STRAY,
    Guess,
    Type,
    as_dates,
    guess,
    is_code,
    numbers,
    texts,
)

MOST_CLASSES = 10  # different whole numbers, up to which a target is taken for a category


def target_of(reading: Reading, name: str, stated: Type | None) -> Variable:
    """Read the target of all rows, those without one too.

    Unless its type is stated, it is a category if it holds text, yes and no, or at most MOST_CLASSES whole numbers.

    Raises:
        Failure: no row has a value, it is of a type that cannot be predicted, or hardly any text repeats.
    """
    column = reading.table.columns[name]
    where = f"{reading.where}: target: {name}"
    if stated in ("text", "id", "ignore"):
        raise Failure(f"{where} is stated to be of type {stated}; a target is a number, category, boolean or date")
    if not len(column.distinct):
        raise Failure(f"{where} has no filled cell; name a column to be predicted that has values")
    found = Guess(stated) if stated else _guessed_target(column, reading.decimal)
    if found.type == "category" and not stated:
        column = _without_strays(column, reading.decimal)
        _check_classes(column, where)
    target = variable(column, found, reading)
    if target.missing.all():
        raise Failure(f"{where} holds no value that can be used, the first cell is {texts(column)[0]!r}")
    return target


def _guessed_target(column: Column, decimal: str) -> Guess:
    found = guess(column, decimal)
    if found.type == "number" or (found.type == "id" and _is_numeric(column, decimal)):
        values = np.unique(numbers(column, decimal))
        values = values[~np.isnan(values)]
        whole = bool(np.all(np.isfinite(values) & (values == np.rint(values))))
        return Guess("category") if whole and len(values) <= MOST_CLASSES else Guess("number")
    return Guess("category") if found.type in ("id", "text") else found


def _is_numeric(column: Column, decimal: str) -> bool:
    """Whether all but a few of its different values are numbers."""
    return not is_code(column) and float(np.isnan(numbers(column, decimal)).mean()) <= 0.5


def _without_strays(column: Column, decimal: str) -> Column:
    """The column less a few cells that are no numbers, where the others are: they would become classes."""
    if is_code(column):
        return column
    stray = np.isnan(numbers(column, decimal))[column.codes] & (column.codes >= 0)
    if not 0 < stray.sum() <= STRAY * (column.codes >= 0).sum():
        return column
    return compact(column, np.where(stray, -1, column.codes))


def _check_classes(column: Column, where: str) -> None:
    filled = int((column.codes >= 0).sum())
    if len(column.distinct) > min(MOST_CATEGORIES, max(FEW, filled / 2)):
        shown = ", ".join(repr(text[:40]) for text in texts(column)[:3])
        raise Failure(
            f"{where} holds {len(column.distinct)} different texts in {filled} rows ({shown}, ...), so no class can be "
            f"learned; name another column"
        )


def inputs_of(
    reading: Reading, candidates: list[str], stated: Mapping[str, Type], *, insist: bool
) -> tuple[list[Variable], dict[str, str]]:
    """Read the columns that a network may see.

    Args:
        reading: how the file is read; only rows with a target.
        candidates: names of columns, in the file's order.
        stated: the types that the user states.
        insist: the user named the candidates, so that one which looks like an id is used nevertheless.

    Returns:
        The inputs, and the columns that are set aside with the reason.

    Raises:
        Failure: no input is left, or a stated type does not fit.
    """
    inputs, set_aside = [], {}
    for name in candidates:
        if name in reading.table.unreadable:
            set_aside[name] = f"it holds {reading.table.unreadable[name]}, not one text, number or date per row"
            continue
        found = _guessed_input(reading.table.columns[name], reading.decimal, stated.get(name), insist)
        if found.type in ("id", "ignore"):
            set_aside[name] = found.reason
            continue
        read = variable(reading.table.columns[name], found, reading)
        if reason := _says_nothing(read):
            set_aside[name] = reason
        else:
            inputs.append(read)
    if not inputs:
        why = "; ".join(f"{name}: {reason}" for name, reason in set_aside.items()) or "it has no other column"
        raise Failure(f"{reading.where}: no input is left ({why[:500]}); name the columns to use under `inputs`")
    return inputs, set_aside


def _guessed_input(column: Column, decimal: str, stated: Type | None, insist: bool) -> Guess:
    if stated:
        return Guess(stated, f"it is stated to be of type {stated}")
    if not len(column.distinct):
        return Guess("ignore", "every cell is missing")
    found = guess(column, decimal)
    if found.type == "id" and insist:
        return Guess("number" if _is_numeric(column, decimal) else "text")
    return found


def _says_nothing(read: Variable) -> str:
    """Why a column is the same in every row; "" if it is not."""
    if read.missing.all():
        return "every cell is missing"
    if read.missing.any() or read.type == "text" or (read.values != read.values[0]).any():
        return ""
    return f"every cell is {texts(read.column)[0][:40]!r}"


def key_of(reading: Reading, name: str, stated: Type | None) -> NDArray[Any]:
    """A column that a split goes by: (N,) whole numbers, moments or strings.

    Raises:
        Failure: a cell is missing, or holds a number with a fraction.
    """
    column = reading.table.columns[name]
    _check_filled(reading, name, column.codes < 0)
    kind = stated or guess(column, reading.decimal).type
    if kind == "id" and _is_numeric(column, reading.decimal):
        kind = "number"
    if kind in ("number", "date"):
        read = variable(column, Guess(kind), reading)
        _check_filled(reading, name, read.missing)
        if kind == "date":
            return _moments(read)
        if (read.values != np.rint(read.values)).any():
            raise Failure(
                f"{reading.where}: keys: {name} holds numbers with fractions; a split goes by whole numbers, dates "
                f"or texts; state `types: {{{name}: category}}` to take them as texts"
            )
        return read.values.astype(np.int64)
    return np.array(texts(column))[column.codes]


def _moments(read: Variable) -> NDArray[np.datetime64]:
    return as_dates(read.column).moments[read.column.codes]


def _check_filled(reading: Reading, name: str, missing: NDArray[np.bool_]) -> None:
    if missing.any():
        raise Failure(
            f"{reading.where}, {reading.table.line(int(np.argmax(missing)))}: keys: {name} has no value here (nor in "
            f"{int(missing.sum()) - 1} other rows), so the split cannot place the row; fill the cell, or name "
            f"another column"
        )

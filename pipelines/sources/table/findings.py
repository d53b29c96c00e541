"""What was found wrong in the cells, rows and columns of a table, and what was done about it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.sources.files.parsing import number
from pipelines.sources.table.conversion import (
    LONGEST_TEXT,
    Odd,
    Reading,
    Variable,
)
from pipelines.sources.table.type_inference import as_dates

RARE = 10  # rows of a category, below which a network learns next to nothing about it
MANY = 0.05  # share of the rows without a target, from which those left may be no fair sample
FINE = 0.01  # share of the different numbers of a column that rounding may make equal, unsaid
SHOWN = 10  # columns or categories that a sentence names


class Treated(NamedTuple):
    """A table whose columns were told apart."""

    reading: Reading  # of the rows that have a target
    inputs: list[Variable]
    target: Variable
    set_aside: dict[str, str]  # the columns that are not used, and why
    unsure: dict[str, str]  # columns whose decimal mark is not certain, and one of their cells


def set_aside_rows(reading: Reading, target: Variable) -> Iterator[Finding]:
    """Rows without a value in the target; `target` and `reading` are of all rows."""
    name, count = target.column.name, int(target.missing.sum())
    if count:
        row = int(np.argmax(target.missing))
        level: Literal["notice", "warning"] = "warning" if count > MANY * len(target.missing) else "notice"
        sentence = (
            f"{_count(count, 'row')} of {len(target.missing)} had no usable value in the target {name} and "
            f"{'was' if count == 1 else 'were'} set aside, the first on {reading.table.line(row)}."
        )
        yield Finding("rows_without_target", level, count, sentence)
    yield from _strays(reading, [target])
    yield from _excess(reading, [target])


def treatments(treated: Treated) -> Iterator[Finding]:
    """Everything that was found in the columns, in the order of CHECKS."""
    for check in CHECKS:
        yield from check(treated)


def missing_cells(treated: Treated) -> Iterator[Finding]:
    said, total = [], 0
    for each in treated.inputs:
        count = int((each.column.codes < 0).sum())
        if count:
            total += count
            marks = ", ".join(f'"{mark}"' if mark else "empty" for mark in sorted(each.column.marks))
            said.append(f"{each.column.name} {count} ({marks})")
    if said:
        of = f"of {len(treated.target.missing)} rows"
        yield Finding("missing_cells", "notice", total, f"Cells without a value, {of}: {_list(said)}.")


def set_aside_columns(treated: Treated) -> Iterator[Finding]:
    if treated.set_aside:
        said = [f"{name} ({reason})" for name, reason in treated.set_aside.items()]
        yield Finding(
            "set_aside_columns",
            "notice",
            len(said),
            f"Columns that are not used: {_list(said)}. What `types` or `inputs` say of a column outranks this.",
        )


def strays(treated: Treated) -> Iterator[Finding]:
    yield from _strays(treated.reading, treated.inputs)


def excess(treated: Treated) -> Iterator[Finding]:
    yield from _excess(treated.reading, treated.inputs)


def rounded_numbers(treated: Treated) -> Iterator[Finding]:
    """Numbers that differ in the file and are equal as float32, which holds 7 digits."""
    said, total = [], 0
    for each in (*treated.inputs, treated.target):
        if each.type in ("number", "date"):
            exact = np.unique(each.values[~each.missing])
            lost = len(exact) - len(np.unique(exact.astype(np.float32)))
            if lost > FINE * len(exact):
                total += lost
                said.append(f"{each.column.name} {lost} of {len(exact)}")
    if said:
        sentence = f"Different values that are equal when rounded to the 7 digits that are kept: {_list(said)}."
        yield Finding("rounded_numbers", "notice", total, sentence)


def rare_categories(treated: Treated) -> Iterator[Finding]:
    said, total = [], 0
    for each in treated.inputs:
        if each.categories:
            counts = np.bincount(each.values[~each.missing], minlength=len(each.categories))
            rare = np.flatnonzero(counts < RARE)
            if len(rare):
                total += len(rare)
                shown = ", ".join(f"{_shown(each.categories[code])} {counts[code]}" for code in rare[:5])
                said.append(f"{each.column.name} ({len(rare)}: {shown}{', ...' if len(rare) > 5 else ''})")
    if said:
        sentence = f"Categories with fewer than {RARE} rows each, of which little can be learned: {_list(said)}."
        yield Finding("rare_categories", "notice", total, sentence)


def similar_categories(treated: Treated) -> Iterator[Finding]:
    """Categories that are the same word but for capitals."""
    said = []
    for each in (*treated.inputs, treated.target):
        groups: dict[str, list[str]] = {}
        for label in each.categories:
            groups.setdefault(" ".join(label.casefold().split()), []).append(label)
        said += [
            f"{each.column.name} ({', '.join(map(_shown, same[:5]))})" for same in groups.values() if len(same) > 1
        ]
    if said:
        sentence = f"Categories that differ in capitals or spaces alone and count as different: {_list(said)}."
        yield Finding("similar_categories", "warning", len(said), sentence)


def cut_texts(treated: Treated) -> Iterator[Finding]:
    said = [f"{each.column.name} {each.cut}" for each in treated.inputs if each.cut]
    if said:
        total = sum(each.cut for each in treated.inputs)
        yield Finding("cut_texts", "notice", total, f"Texts cut to their first {LONGEST_TEXT} bytes: {_list(said)}.")


def target_copies(treated: Treated) -> Iterator[Finding]:
    """Columns from which the target can be looked up, and the other way round."""
    said = [each.column.name for each in treated.inputs if _is_copy(each, treated.target)]
    if said:
        yield Finding(
            "leak",
            "warning",
            len(said),
            f"Each value of {_list(said)} goes with one value of the target {treated.target.column.name} and the other "
            f"way round. If it is not known when a prediction is asked for, state `types: {{{said[0]}: ignore}}`.",
        )


def constant_target(treated: Treated) -> Iterator[Finding]:
    """A number that is to be predicted and is always the same; of classes, the checks of every source say so."""
    target = treated.target
    if not target.categories and (target.values == target.values[0]).all():
        sentence = f"The target {target.column.name} is {target.values[0]:g} in every row: there is nothing to learn."
        yield Finding("constant_target", "warning", len(target.values), sentence)


def unsure_decimals(treated: Treated) -> Iterator[Finding]:
    used = {each.column.name for each in (*treated.inputs, treated.target) if each.type == "number"}
    said = []
    for name, cell in treated.unsure.items():
        if name in used:
            read = number(cell, treated.reading.decimal)
            said.append(f"{name} ({cell} is read as {read:g})")
    if said:
        sentence = f"Nothing in the file says which mark is the decimal one: {_list(said)}. State `decimal` if not so."
        yield Finding("unsure_decimals", "warning", len(said), sentence)


def unsure_dates(treated: Treated) -> Iterator[Finding]:
    said = []
    for each in treated.inputs:
        if each.type in ("category", "text") and (cell := as_dates(each.column).ambiguous):
            said.append(f"{each.column.name} ({cell})")
    for name in treated.set_aside:
        column = treated.reading.table.columns.get(name)
        if column is not None and len(column.distinct) and (cell := as_dates(column).ambiguous):
            said.append(f"{name} ({cell})")
    if said:
        sentence = f"Not read as dates, as nothing says whether the day or the month is first: {_list(said)}."
        yield Finding("unsure_dates", "warning", len(said), f"{sentence} Write dates as 2020-12-31.")


def numbers_as_names(treated: Treated) -> Iterator[Finding]:
    names = list(treated.reading.table.columns)
    numeric = [name for name in names if (read := number(name)) is not None and not np.isnan(read)]
    if len(numeric) > len(names) / 2:
        sentence = f"Most columns have a number for a name ({_list(numeric)}): if the first line is data, state "
        yield Finding("numbers_as_names", "warning", len(numeric), f"{sentence}`header: false`.")


CHECKS: tuple[Callable[[Treated], Iterator[Finding]], ...] = (
    target_copies,
    constant_target,
    numbers_as_names,
    unsure_decimals,
    unsure_dates,
    strays,
    excess,
    missing_cells,
    set_aside_columns,
    rare_categories,
    similar_categories,
    cut_texts,
    rounded_numbers,
)


def _strays(reading: Reading, variables: Iterable[Variable]) -> Iterator[Finding]:
    odd = [(each, each.strays) for each in variables if each.strays]
    said = [f"{each.column.name}: {_said(reading, stray)}" for each, stray in odd]
    if said:
        total = sum(stray.cells for _, stray in odd)
        sentence = f"Cells that are no numbers (or dates) where the others are, treated as missing: {_list(said)}."
        yield Finding("stray_cells", "warning", total, sentence)


def _excess(reading: Reading, variables: Iterable[Variable]) -> Iterator[Finding]:
    odd = [(each, each.excess) for each in variables if each.excess]
    said = [f"{each.column.name}: {_said(reading, stray)}" for each, stray in odd]
    if said:
        total = sum(stray.cells for _, stray in odd)
        sentence = f"Numbers that are infinite or beyond 3.4e38, treated as missing: {_list(said)}."
        yield Finding("excessive_numbers", "warning", total, sentence)


def _said(reading: Reading, odd: Odd) -> str:
    return f"{odd.cells}, the first {odd.text!r} on {reading.table.line(odd.row)}"


def _is_copy(one: Variable, target: Variable) -> bool:
    """Whether a column and the target (N,) are one-to-one, and repeat so often that this is no accident.

    Where hardly a number repeats, every two columns are one-to-one; then they must also rise, or fall, together.
    """
    if one.type == "text":
        return False
    filled = ~one.missing
    if _is_lookup(_coded(one), _coded(target)):  # a missing cell may be what tells
        return True
    if filled.sum() <= max(2, len(filled) / 2):
        return False
    left, right = (_coded(each._replace(values=each.values[filled])) for each in (one, target))
    if one.categories or target.categories:
        return _is_lookup(left, right)
    rising, falling = np.array_equal(left, right), np.array_equal(left.max() - left, right)
    return _is_lookup(left, right) or bool(right.max() > 0 and (rising or falling))


def _is_lookup(left: NDArray[np.int64], right: NDArray[np.int64]) -> bool:
    pairs = len(np.unique(left * (int(right.max()) + 1) + right))
    return len(np.unique(left)) == len(np.unique(right)) == pairs and 2 <= pairs <= len(left) / 2


def _coded(variable: Variable) -> NDArray[np.int64]:
    """The different values of a column as 0, 1, 2, ...; a missing one is a value too."""
    values = np.where(np.isnan(variable.values), np.inf, variable.values)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _shown(label: str) -> str:
    return repr(label[:40])


def _list(said: list[str]) -> str:
    return ", ".join(said[:SHOWN]) + (f" and {len(said) - SHOWN} more" if len(said) > SHOWN else "")


def _count(number_: int, noun: str) -> str:
    return f"{number_} {noun}{'' if number_ == 1 else 's'}"

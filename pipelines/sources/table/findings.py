"""Findings in the cells, rows and columns of a table, and what was done about them.

What may be wrong with examples of every source, such as a column that is a copy of the target, is in data_checks/.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding, chunks
from pipelines.data.wording import format_count, format_list
from pipelines.sources.files.parsing import MISSING_WORDS, parse_number
from pipelines.sources.table.columns import value_counts
from pipelines.sources.table.conversion import (
    MAX_TEXT_BYTES,
    BadCells,
    ReadContext,
    Variable,
)
from pipelines.sources.table.type_inference import distinct_dates, distinct_texts

MIN_CATEGORY_ROWS = 10  # rows of a category, below which a network learns next to nothing about it
MAX_WORDED_CATEGORIES = 50  # categories, above which "none" or "unknown" may well be a name among names
MIN_WORDED_SHARE, MIN_WORDED_CELLS = 0.01, 5  # of a column's cells that hold a word, from which it is no accident
MAX_MISSING_TARGET_SHARE = 0.05  # share of the rows without a target, from which those left may be no fair sample
MAX_ROUNDED_SHARE = 0.01  # share of the different numbers of a column that rounding may make equal, unsaid


class ConvertedTable(NamedTuple):
    """A table whose columns were told apart."""

    context: ReadContext  # of the rows that have a target
    inputs: list[Variable]
    target: Variable
    skipped_columns: dict[str, str]  # the columns that are not used, and why
    ambiguous_decimals: dict[str, str]  # columns whose decimal mark is not certain, and one of their cells


def report_skipped_rows(context: ReadContext, target: Variable) -> Iterator[Finding]:
    """Rows without a value in the target; `target` and `context` are of all rows."""
    name, count = target.column.name, int(target.missing_mask.sum())
    if count:
        row = int(np.argmax(target.missing_mask))
        level: Literal["notice", "warning"] = (
            "warning" if count > MAX_MISSING_TARGET_SHARE * len(target.missing_mask) else "notice"
        )
        sentence = (
            f"{format_count(count, 'row')} of {len(target.missing_mask)} had no usable value in the target {name} and "
            f"{'was' if count == 1 else 'were'} set aside, the first on {context.table.row_position(row)}."
        )
        yield Finding("rows_without_target", level, count, sentence)
    yield from _stray_findings(context, [target])
    yield from _overflow_findings(context, [target])


def check_table(converted: ConvertedTable) -> Iterator[Finding]:
    """Everything that was found in the columns, in the order of CHECKS."""
    for check in CHECKS:
        yield from check(converted)


def check_missing_cells(converted: ConvertedTable) -> Iterator[Finding]:
    listed, total = [], 0
    for each in converted.inputs:
        count = int((each.column.codes < 0).sum())
        if count:
            total += count
            marks = ", ".join(f'"{mark}"' if mark else "empty" for mark in sorted(each.column.missing_counts))
            listed.append(f"{each.column.name} {count} ({marks})")
    if listed:
        of = f"of {len(converted.target.missing_mask)} rows"
        yield Finding("missing_cells", "notice", total, f"Cells without a value, {of}: {format_list(listed)}.")


def check_missing_words(converted: ConvertedTable) -> Iterator[Finding]:
    """Words such as "unknown" that are frequent among few categories: they may mean that the cell is missing."""
    listed, words, total = [], set(), 0
    for each in converted.inputs:
        if each.type != "category" or len(each.column.distinct_values) > MAX_WORDED_CATEGORIES:
            continue
        counts = value_counts(each.column)
        for text, count in zip(distinct_texts(each.column), counts.tolist(), strict=True):
            if text.casefold() in MISSING_WORDS and count >= max(MIN_WORDED_CELLS, MIN_WORDED_SHARE * counts.sum()):
                total += count
                words.add(text)
                listed.append(f'{each.column.name} "{text}" {count} ({count / counts.sum():.0%} of its cells)')
    if listed:
        words.update(mark for each in converted.inputs for mark in each.column.missing_counts if mark)
        setting = ", ".join(json.dumps(word, ensure_ascii=False) for word in sorted(words))
        sentence = f"Categories that may mean a missing cell: {format_list(listed)}. If they do, state "
        yield Finding("missing_words", "notice", total, f"{sentence}`missing: [{setting}]`.")


def report_skipped_columns(converted: ConvertedTable) -> Iterator[Finding]:
    if converted.skipped_columns:
        listed = [f"{name} ({reason})" for name, reason in converted.skipped_columns.items()]
        yield Finding(
            "set_aside_columns",
            "notice",
            len(listed),
            f"Columns that are not used: {format_list(listed)}. What `types` or `inputs` say of a column outranks "
            "this.",
        )


def check_stray_cells(converted: ConvertedTable) -> Iterator[Finding]:
    yield from _stray_findings(converted.context, converted.inputs)


def check_overflow_cells(converted: ConvertedTable) -> Iterator[Finding]:
    yield from _overflow_findings(converted.context, converted.inputs)


def check_rounded_numbers(converted: ConvertedTable) -> Iterator[Finding]:
    """Numbers that differ in the file and are equal as float32, which holds 7 digits."""
    listed, total = [], 0
    for each in (*converted.inputs, converted.target):
        if each.type in ("number", "date"):
            exact = _distinct_values(each)
            lost = len(exact) - len(np.unique(exact.astype(np.float32)))
            if lost > MAX_ROUNDED_SHARE * len(exact):
                total += lost
                listed.append(f"{each.column.name} {lost} of {len(exact)}")
    if listed:
        sentence = f"Different values that are equal when rounded to the 7 digits that are kept: {format_list(listed)}."
        yield Finding("rounded_numbers", "notice", total, sentence)


def check_rare_categories(converted: ConvertedTable) -> Iterator[Finding]:
    listed, total = [], 0
    for each in converted.inputs:
        if each.categories:
            counts = np.bincount(each.values[~each.missing_mask], minlength=len(each.categories))
            rare = np.flatnonzero(counts < MIN_CATEGORY_ROWS)
            if len(rare):
                total += len(rare)
                shown = ", ".join(f"{_quote_label(each.categories[code])} {counts[code]}" for code in rare[:5])
                listed.append(f"{each.column.name} ({len(rare)}: {shown}{', ...' if len(rare) > 5 else ''})")
    if listed:
        sentence = (
            f"Categories with fewer than {MIN_CATEGORY_ROWS} rows each, of which little can be learned: "
            f"{format_list(listed)}."
        )
        yield Finding("rare_categories", "notice", total, sentence)


def check_similar_categories(converted: ConvertedTable) -> Iterator[Finding]:
    """Categories that are the same word but for capitals."""
    listed = []
    for each in (*converted.inputs, converted.target):
        groups: dict[str, list[str]] = {}
        for label in each.categories:
            groups.setdefault(" ".join(label.casefold().split()), []).append(label)
        listed += [
            f"{each.column.name} ({', '.join(map(_quote_label, same[:5]))})"
            for same in groups.values()
            if len(same) > 1
        ]
    if listed:
        sentence = f"Categories that differ in capitals or spaces alone and count as different: {format_list(listed)}."
        yield Finding("similar_categories", "warning", len(listed), sentence)


def check_truncated_texts(converted: ConvertedTable) -> Iterator[Finding]:
    listed = [f"{each.column.name} {each.truncated_texts}" for each in converted.inputs if each.truncated_texts]
    if listed:
        total = sum(each.truncated_texts for each in converted.inputs)
        yield Finding(
            "cut_texts", "notice", total, f"Texts cut to their first {MAX_TEXT_BYTES} bytes: {format_list(listed)}."
        )


def check_ambiguous_decimals(converted: ConvertedTable) -> Iterator[Finding]:
    used = {each.column.name for each in (*converted.inputs, converted.target) if each.type == "number"}
    listed = []
    for name, cell in converted.ambiguous_decimals.items():
        if name in used:
            read = parse_number(cell, converted.context.decimal)
            listed.append(f"{name} ({cell} is read as {read:g})")
    if listed:
        sentence = (
            f"Nothing in the file says which mark is the decimal one: {format_list(listed)}. State `decimal` if not so."
        )
        yield Finding("unsure_decimals", "warning", len(listed), sentence)


def check_ambiguous_dates(converted: ConvertedTable) -> Iterator[Finding]:
    listed = []
    for each in converted.inputs:
        if each.type in ("category", "text") and (cell := distinct_dates(each.column).ambiguous_text):
            listed.append(f"{each.column.name} ({cell})")
    for name in converted.skipped_columns:
        column = converted.context.table.columns.get(name)
        if column is not None and len(column.distinct_values) and (cell := distinct_dates(column).ambiguous_text):
            listed.append(f"{name} ({cell})")
    if listed:
        sentence = f"Not read as dates, as nothing says whether the day or the month is first: {format_list(listed)}."
        yield Finding("unsure_dates", "warning", len(listed), f"{sentence} Write dates as 2020-12-31.")


def check_numeric_names(converted: ConvertedTable) -> Iterator[Finding]:
    names = list(converted.context.table.columns)
    numeric = [name for name in names if (read := parse_number(name)) is not None and not np.isnan(read)]
    if len(numeric) > len(names) / 2:
        sentence = f"Most columns have a number for a name ({format_list(numeric)}): if the first line is data, state "
        yield Finding("numbers_as_names", "warning", len(numeric), f"{sentence}`header: false`.")


CHECKS: tuple[Callable[[ConvertedTable], Iterator[Finding]], ...] = (
    check_numeric_names,
    check_ambiguous_decimals,
    check_ambiguous_dates,
    check_stray_cells,
    check_overflow_cells,
    check_missing_cells,
    check_missing_words,
    report_skipped_columns,
    check_rare_categories,
    check_similar_categories,
    check_truncated_texts,
    check_rounded_numbers,
)


def _stray_findings(context: ReadContext, variables: Iterable[Variable]) -> Iterator[Finding]:
    bad_cells = [(each, each.stray_cells) for each in variables if each.stray_cells]
    listed = [f"{each.column.name}: {_describe_bad_cells(context, stray)}" for each, stray in bad_cells]
    if listed:
        total = sum(stray.cell_count for _, stray in bad_cells)
        sentence = (
            f"Cells that are no numbers (or dates) where the others are, treated as missing: {format_list(listed)}."
        )
        yield Finding("stray_cells", "warning", total, sentence)


def _overflow_findings(context: ReadContext, variables: Iterable[Variable]) -> Iterator[Finding]:
    bad_cells = [(each, each.overflow_cells) for each in variables if each.overflow_cells]
    listed = [f"{each.column.name}: {_describe_bad_cells(context, stray)}" for each, stray in bad_cells]
    if listed:
        total = sum(stray.cell_count for _, stray in bad_cells)
        sentence = f"Numbers that are infinite or beyond 3.4e38, treated as missing: {format_list(listed)}."
        yield Finding("excessive_numbers", "warning", total, sentence)


def _describe_bad_cells(context: ReadContext, bad_cells: BadCells) -> str:
    return (
        f"{bad_cells.cell_count}, the first {bad_cells.first_text!r} on "
        f"{context.table.row_position(bad_cells.first_row)}"
    )


def _distinct_values(variable: Variable) -> NDArray[np.float64]:
    """The different values of a column of numbers, sorted."""
    codes = variable.column.codes
    values = np.full(len(variable.column.distinct_values) + 1, np.nan)  # the last is of missing cells, whose code is -1
    for rows in chunks(variable.values):
        values[codes[rows]] = variable.values[rows]
    return np.unique(values[~np.isnan(values)])


def _quote_label(label: str) -> str:
    return repr(label[:40])

"""Roles of columns: target, input, key of a split, or unused."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.runtime.user_error import UserError
from pipelines.sources.table.columns import CodedColumn, Table, replace_codes
from pipelines.sources.table.conversion import ReadContext, Variable, convert_column
from pipelines.sources.table.type_inference import (
    MAX_CATEGORIES,
    MAX_STRAY_SHARE,
    MAX_UNREPEATED_CATEGORIES,
    ColumnType,
    InferredType,
    distinct_dates,
    distinct_numbers,
    distinct_texts,
    infer_type,
    is_textual,
)

MAX_NUMERIC_CLASSES = 10  # different whole numbers, up to which a target is taken for a category


def read_target(context: ReadContext, name: str, stated_type: ColumnType | None) -> Variable:
    """Read the target of all rows, those without one too.

    Unless its type is stated, it is a category if it holds text, yes and no, or at most
    MAX_NUMERIC_CLASSES whole numbers.

    Raises:
        UserError: no row has a value, it is of a type that cannot be predicted, or hardly any text repeats.
    """
    column = context.table.columns[name]
    where = f"{context.path}: target: {name}"
    if stated_type in ("text", "id", "ignore"):
        raise UserError(
            f"{where} is stated to be of type {stated_type}; a target is a number, category, boolean or date: "
            "state one of these under `types`, or name another column as `target`"
        )
    if not len(column.distinct_values):
        raise UserError(f"{where} has no filled cell; name a column that has values as `target`")
    inferred = InferredType(stated_type) if stated_type else _infer_target_type(column, context.decimal)
    if inferred.type == "category" and not stated_type:
        column = _drop_stray_cells(column, context.decimal)
        _check_classes(column, where)
    target = convert_column(column, inferred, context)
    if target.missing_mask.all():
        raise UserError(
            f"{where} holds no value that can be used, the first cell is {distinct_texts(column, slice(1))[0]!r}; "
            "state what it holds under `types`, or name another column as `target`"
        )
    return target


def _infer_target_type(column: CodedColumn, decimal: str) -> InferredType:
    inferred = infer_type(column, decimal)
    if inferred.type == "number" or (inferred.type == "id" and _is_mostly_numeric(column, decimal)):
        values = np.unique(distinct_numbers(column, decimal))
        values = values[~np.isnan(values)]
        whole = bool(np.all(np.isfinite(values) & (values == np.rint(values))))
        return InferredType("category") if whole and len(values) <= MAX_NUMERIC_CLASSES else InferredType("number")
    return InferredType("category") if inferred.type in ("id", "text") else inferred


def _is_mostly_numeric(column: CodedColumn, decimal: str) -> bool:
    """Whether all but a few of its different values are numbers."""
    return not is_textual(column) and float(np.isnan(distinct_numbers(column, decimal)).mean()) <= 0.5


def _drop_stray_cells(column: CodedColumn, decimal: str) -> CodedColumn:
    """The column less a few cells that are no numbers, where the others are: they would become classes."""
    if is_textual(column):
        return column
    stray = np.isnan(distinct_numbers(column, decimal))[column.codes] & (column.codes >= 0)
    if not 0 < stray.sum() <= MAX_STRAY_SHARE * (column.codes >= 0).sum():
        return column
    return replace_codes(column, np.where(stray, -1, column.codes))


def _check_classes(column: CodedColumn, where: str) -> None:
    filled = int((column.codes >= 0).sum())
    if len(column.distinct_values) > min(MAX_CATEGORIES, max(MAX_UNREPEATED_CATEGORIES, filled / 2)):
        shown = ", ".join(repr(text[:40]) for text in distinct_texts(column, slice(3)))
        raise UserError(
            f"{where} holds {len(column.distinct_values)} different texts in {filled} rows ({shown}, ...), so no class "
            "can be learned; name another column as `target`, or state it under `types` as a category"
        )


def read_inputs(
    context: ReadContext, candidates: list[str], stated_types: Mapping[str, ColumnType], *, named_by_user: bool
) -> tuple[list[Variable], dict[str, str]]:
    """Read the columns that a network may see.

    Args:
        context: how the file is read; only rows with a target.
        candidates: names of columns, in the file's order.
        stated_types: the types that the user states.
        named_by_user: the user named the candidates, so that one which looks like an id is used nevertheless.

    Returns:
        The inputs, and the columns that are set aside with the reason.

    Raises:
        UserError: no input is left, or a stated type does not fit.
    """
    inputs, skipped = [], {}
    for name in candidates:
        if name in context.table.unsupported_columns:
            skipped[name] = f"it holds {context.table.unsupported_columns[name]}, not one text, number or date per row"
            continue
        inferred = _infer_input_type(
            context.table.columns[name], context.decimal, stated_types.get(name), named_by_user
        )
        if inferred.type in ("id", "ignore"):
            skipped[name] = inferred.reason
            continue
        converted = convert_column(context.table.columns[name], inferred, context)
        if reason := _constant_reason(converted, context.table):
            skipped[name] = reason
        else:
            inputs.append(converted)
    if not inputs:
        why = "; ".join(f"{name}: {reason}" for name, reason in skipped.items()) or "it has no other column"
        raise UserError(f"{context.path}: no input is left ({why[:500]}); name the columns to use under `inputs`")
    return inputs, skipped


def _infer_input_type(
    column: CodedColumn, decimal: str, stated_type: ColumnType | None, named_by_user: bool
) -> InferredType:
    if stated_type:
        return InferredType(stated_type, f"it is stated to be of type {stated_type}")
    if not len(column.distinct_values):
        return InferredType("ignore", "every cell is missing")
    inferred = infer_type(column, decimal)
    if inferred.type == "id" and named_by_user:
        return InferredType("number" if _is_mostly_numeric(column, decimal) else "text")
    return inferred


def _constant_reason(converted: Variable, table: Table) -> str:
    """Why a column is the same in every row; "" if it is not."""
    if converted.missing_mask.all():
        return "every cell is missing"
    if converted.missing_mask.any() or converted.type == "text" or (converted.values != converted.values[0]).any():
        return ""
    return f"every cell is {_first_text(converted.column, table)[:40]!r}"


def _first_text(column: CodedColumn, table: Table) -> str:
    """The first cell as it stands in the file; it is not missing."""
    if column.holds_texts or table.read_cell is None:
        return distinct_texts(column, slice(1))[0]
    return table.read_cell(column.name, int(table.row_numbers[0]))


def read_split_key(context: ReadContext, name: str, stated_type: ColumnType | None) -> NDArray[Any]:
    """A column that a split goes by: (N,) whole numbers, moments or strings.

    Raises:
        UserError: a cell is missing, or holds a number with a fraction.
    """
    column = context.table.columns[name]
    _check_none_missing(context, name, column.codes < 0)
    kind = stated_type or infer_type(column, context.decimal).type
    if kind == "id" and _is_mostly_numeric(column, context.decimal):
        kind = "number"
    if kind in ("number", "date"):
        converted = convert_column(column, InferredType(kind), context)
        _check_none_missing(context, name, converted.missing_mask)
        if kind == "date":
            return _key_datetimes(converted)
        if (converted.values != np.rint(converted.values)).any():
            raise UserError(
                f"{context.path}: keys: {name} holds numbers with fractions; a split goes by whole numbers, dates "
                f"or texts; state `types: {{{name}: category}}` to take them as texts"
            )
        return converted.values.astype(np.int64)
    return np.array(distinct_texts(column))[column.codes]


def _key_datetimes(converted: Variable) -> NDArray[np.datetime64]:
    return distinct_dates(converted.column).datetimes[converted.column.codes]


def _check_none_missing(context: ReadContext, name: str, missing: NDArray[np.bool_]) -> None:
    if missing.any():
        raise UserError(
            f"{context.path}, {context.table.row_position(int(np.argmax(missing)))}: keys: {name} has no value here "
            f"(nor in {int(missing.sum()) - 1} other rows), so the split cannot place the row; fill the cell, or name "
            f"another column"
        )

"""File formats of labelled sequences: .ts of the UCR and UEA archives, and .npz."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count
from pipelines.runtime.user_error import UserError
from pipelines.sources.files.encoding import read_text
from pipelines.sources.files.parsing import MAX_FLOAT32, MISSING_MARKS, parse_number, parse_value
from pipelines.sources.files.unlabelled import find_missing_targets


class Sequences(NamedTuple):
    """What one file holds; N sequences of F variables."""

    values: list[NDArray[np.float64]]  # (t, F) each, t its own number of steps; NaN where a value is missing
    labels: list[str]  # N; empty where it is missing
    has_number_labels: bool | None  # whether the label is a number; None if the file does not say
    columns: tuple[str, ...]  # F names
    positions: list[str]  # N, where each stands, for a reader: "line 12"
    keys: dict[str, NDArray[Any]] = {}  # noqa: RUF012  never changed
    findings: tuple[Finding, ...] = ()


def read_ts(path: Path, encoding: str | None = None) -> Sequences:
    """Read the .ts form: lines of `@name value`, then `@data`, then a sequence a line, `1,2,3:4,5,6:label`.

    The variables are separated by colons and their steps by commas; `?` is a missing value.
    https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html

    Raises:
        UserError: if the header or a line breaks the form, with its number.
    """
    tags: dict[str, list[str]] = {}
    values: list[NDArray[np.float64]] = []
    labels, positions = [], []
    in_data = False
    for line, text in enumerate(read_text(path, encoding).splitlines(), start=1):
        text = text.strip()
        if not text or text.startswith(("#", "%")):
            continue
        if in_data:
            rows, label = _parse_ts_line(path, line, text, tags)
            if values and rows.shape[1] != values[0].shape[1]:
                raise UserError(
                    f"{path}, line {line}: {format_count(rows.shape[1], 'variable')}, but the first sequence has "
                    f"{values[0].shape[1]}; every sequence must have the same"
                )
            values.append(rows)
            labels.append(label)
            positions.append(f"{path.name}, line {line}")
        elif text.lower() == "@data":
            in_data = True
            _check_tags(path, tags)
        elif text.startswith("@"):
            name, *words = text[1:].split()
            tags[name.lower()] = words
        else:
            raise UserError(f"{path}, line {line}: found {text[:40]!r} before @data, where lines begin with @ or #")
    if not in_data:
        raise UserError(f"{path}: there is no line @data, so this is no .ts file; check the file")
    if not values:
        raise UserError(f"{path}: there is no sequence after @data; check the file")
    columns = tuple(f"variable {place}" for place in range(1, values[0].shape[1] + 1))
    return Sequences(
        values, labels, "targetlabel" in tags, columns, positions, findings=_unused_class_findings(tags, labels)
    )


def _check_tags(path: Path, tags: dict[str, list[str]]) -> None:
    if _is_true(tags, "timestamps"):
        raise UserError(f"{path}: @timeStamps true is not read: write the values alone, one for each equal step")
    if not _is_true(tags, "classlabel") and not _is_true(tags, "targetlabel"):
        raise UserError(f"{path}: neither @classLabel true nor @targetLabel true: nothing says what is to be learned")


def _is_true(tags: dict[str, list[str]], name: str) -> bool:
    return tags.get(name, ["false"])[:1] == ["true"]


def _parse_ts_line(path: Path, line: int, text: str, tags: dict[str, list[str]]) -> tuple[NDArray[np.float64], str]:
    *variables, label = text.split(":")
    if not variables:
        raise UserError(f"{path}, line {line}: there is no ':' before the label; the line may be cut off")
    columns = [_parse_ts_values(path, line, each) for each in variables]
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise UserError(
            f"{path}, line {line}: the variables have {min(lengths)} to {max(lengths)} steps; "
            "all variables of a sequence must have the same"
        )
    stated = {"dimensions": len(columns)} | ({"serieslength": len(columns[0])} if _is_true(tags, "equallength") else {})
    for name, found in stated.items():
        wanted = tags.get(name, [str(found)])[0]
        if wanted != str(found):
            raise UserError(f"{path}, line {line}: found {found}, but the header says @{name} {wanted}; correct one")
    label, classes = label.strip(), tags.get("classlabel", [])[1:]
    if label in MISSING_MARKS and label not in classes:
        return np.stack(columns, axis=1), ""
    if classes and label not in classes:
        raise UserError(
            f"{path}, line {line}: the label {label[:40]!r} is not one of @classLabel: {', '.join(classes)}"
        )
    if _is_true(tags, "targetlabel") and parse_number(label) is None:
        raise UserError(f"{path}, line {line}: the target must be a number, found {label[:40]!r}")
    return np.stack(columns, axis=1), label  # F of (t,) -> (t, F)


def _parse_ts_values(path: Path, line: int, text: str) -> NDArray[np.float64]:
    if not text.strip():
        return np.empty(0)
    return np.array([parse_value(path, line, "a value", cell, ".") for cell in text.split(",")])


def _unused_class_findings(tags: dict[str, list[str]], labels: list[str]) -> tuple[Finding, ...]:
    unused = [name for name in tags.get("classlabel", [])[1:] if name not in labels]
    if not unused:
        return ()
    sentence = f"No sequence has a label that the header declares: {', '.join(unused)}. It cannot be learned."
    return (Finding("declared_labels", "notice", len(unused), sentence),)


def read_npz(path: Path, target_kind: str | None = None, *, keeps_unlabelled: bool = False) -> Sequences:
    """Read `x`, `y` and maybe `lengths` of an .npz file; other arrays of N entries become keys.

    x is (N, t) or (N, t, F), where with `lengths` (N,) only the first steps of each count; or all sequences one
    after the other, (sum of lengths, F). y is (N,): whole numbers and texts are classes, floats are numbers.

    Args:
        target_kind: as in the settings.
        keeps_unlabelled: whether -1 says that a sequence has no class.

    Raises:
        UserError: if the file is damaged, holds pickled objects, or the arrays do not fit each other.
    """
    arrays = _read_npz_arrays(path)
    for name in ("x", "y"):
        if name not in arrays:
            raise UserError(f"{path}: there is no array {name!r}; found: {', '.join(arrays) or 'none'}")
    x, y, lengths = arrays.pop("x"), arrays.pop("y"), arrays.pop("lengths", None)
    y = y.reshape(len(y)) if y.ndim == 2 and y.shape[1] == 1 else y
    if y.ndim != 1 or y.dtype.kind not in "biufUS":
        raise UserError(f"{path}: y must be one label or number for each sequence, found {y.dtype} of shape {y.shape}")
    values = _split_sequences(path, x, len(y), lengths)
    columns = tuple(f"variable {place}" for place in range(1, values[0].shape[1] + 1))
    keys = {name: each for name, each in arrays.items() if each.shape == y.shape and each.dtype.kind in "biuUSM"}
    others = sorted(set(arrays) - set(keys))
    sentence = f"{', '.join(others)} of {path.name} do not hold one entry for each sequence and were not read."
    findings = (Finding("other_arrays", "notice", len(others), sentence),) if others else ()
    missing = find_missing_targets(y, target_kind, f"{path}, array y") if keeps_unlabelled else y != y
    texts = np.char.decode(y) if y.dtype.kind == "S" else y
    labels = ["" if gone else str(each) for gone, each in zip(missing.tolist(), texts.tolist(), strict=True)]
    positions = [f"{path.name}, sequence {row} counted from 0" for row in range(len(y))]
    return Sequences(values, labels, y.dtype.kind == "f", columns, positions, keys, findings)


def _read_npz_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file by their names in lower case."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as content:  # NumPy's own reading leaves a bad file open
            names = content.namelist()
            file.seek(0)
            with np.load(file, allow_pickle=False) as arrays:
                return {name.removesuffix(".npy").lower(): arrays[name] for name in names}
    except (ValueError, EOFError, OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        what = " ".join(str(error).split())[:100]
        raise UserError(
            f"{path} is no readable .npz file of plain arrays ({what}); ragged sequences are written one after the "
            "other as x, with lengths, not as an array of objects"
        ) from None


def _split_sequences(
    path: Path, x: NDArray[Any], count: int, lengths: NDArray[Any] | None
) -> list[NDArray[np.float64]]:
    if x.dtype.kind not in "biuf" or x.ndim not in (1, 2, 3):
        raise UserError(f"{path}: x must hold numbers, (N, steps, variables), found {x.dtype} of shape {x.shape}")
    if not count or not x.size:
        raise UserError(f"{path}: x of shape {x.shape} with {count} labels holds nothing; check the file")
    if np.isinf(x).any() or np.fmax.reduce(np.abs(x), axis=None) > MAX_FLOAT32:
        raise UserError(
            f"{path}: x holds infinite or too large values; make them finite, or NaN where they are missing"
        )
    if lengths is not None:
        if lengths.shape != (count,) or lengths.dtype.kind not in "iu" or lengths.min() < 0:
            raise UserError(
                f"{path}: lengths must be a whole number for each of {count} labels, found {lengths.dtype} of shape "
                f"{lengths.shape}"
            )
        if x.ndim < 3 and len(x) == lengths.sum():
            concatenated = x.reshape(len(x), -1).astype(np.float64)
            return np.split(concatenated, np.cumsum(lengths)[:-1])
    if len(x) != count or x.ndim == 1:
        raise UserError(f"{path}: x of shape {x.shape} does not go with {count} labels in y; both must have as many")
    x = x[..., None] if x.ndim == 2 else x  # (N, t) -> (N, t, F)
    if lengths is None:
        return list(x.astype(np.float64))
    if lengths.max() > x.shape[1]:
        raise UserError(f"{path}: lengths says {lengths.max()} steps, but x has {x.shape[1]}")
    return [each[:length].astype(np.float64) for each, length in zip(x, lengths, strict=True)]

"""What is wrong with texts and their classes, and what was done about it, in words."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding

LISTED = 5  # texts that a finding names
NAMES = 10  # classes that a finding names
# Controls that nobody types, and what stands for a byte that could not be read. U+0080 to U+009F are the curly quotes
# and dashes of Windows, read as Latin-1: https://www.unicode.org/charts/PDF/U0080.pdf
ODD = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def empty_rows(
    texts: Sequence[str], classes: Sequence[str], places: Sequence[str]
) -> tuple[list[int], tuple[Finding, ...]]:
    """Tell the rows that have a text and a class, and say which have not."""
    wordless = [row for row, text in enumerate(texts) if not text.strip()]
    unnamed = [row for row, name in enumerate(classes) if not name.strip()]
    kept = sorted(set(range(len(texts))) - {*wordless, *unnamed})
    findings = []
    if wordless:
        sentence = f"{_texts(len(wordless), 'is', 'are')} empty and set aside: {_listed(wordless, places)}."
        findings.append(Finding("empty_texts", "notice", len(wordless), sentence))
    if unnamed:
        sentence = f"{_texts(len(unnamed), 'has', 'have')} no class and set aside: {_listed(unnamed, places)}."
        findings.append(Finding("missing_classes", "notice", len(unnamed), sentence))
    return kept, tuple(findings)


def about_texts(
    texts: Sequence[str], codes: NDArray[np.int64], places: Sequence[str], limit: int
) -> tuple[Finding, ...]:
    """Say which texts are cut, hold odd characters, or differ from others in nothing but case and space."""
    checks = (long_texts(texts, places, limit), odd_characters(texts, places), near_twins(texts, codes, places))
    return tuple(found for found in checks if found is not None)


def long_texts(texts: Sequence[str], places: Sequence[str], limit: int) -> Finding | None:
    rows = [
        row for row, text in enumerate(texts) if len(text) > limit // 4 and len(text.encode(errors="replace")) > limit
    ]
    if not rows:
        return None
    sentence = f"{_texts(len(rows), 'is', 'are')} longer than {limit} bytes and cut there: {_listed(rows, places)}."
    return Finding("long_texts", "notice", len(rows), sentence)


def odd_characters(texts: Sequence[str], places: Sequence[str]) -> Finding | None:
    found = {row: match[0] for row, text in enumerate(texts) if (match := ODD.search(text))}
    if not found:
        return None
    rows = list(found)
    sentence = (
        f"{_texts(len(rows), 'holds', 'hold')} characters that nobody types, such as U+{ord(found[rows[0]]):04X} in "
        f"{places[rows[0]]}: some program has probably read them in another encoding than they were written in."
    )
    return Finding("odd_characters", "notice", len(rows), sentence)


def near_twins(texts: Sequence[str], codes: NDArray[np.int64], places: Sequence[str]) -> Finding | None:
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(_wording(text), []).append(row)
    near = [rows for rows in groups.values() if len({texts[row] for row in rows}) > 1]
    if not near:
        return None
    count = sum(map(len, near))
    astray = [rows for rows in near if len({int(codes[row]) for row in rows}) > 1]
    sentence = (
        f"{_texts(count, 'is', 'are')} like another but for upper case and spaces (for instance "
        f"{_listed(near[0], places)}). A network takes them for the same; "
        f"`split: {{by: group, group: wording}}` keeps them in one part."
    )
    if astray:
        sentence += (
            f" {len(astray)} of {len(near)} such sets have different classes: check {_listed(astray[0], places)}."
        )
    return Finding("near_twins", "warning" if astray else "notice", count, sentence)


def about_classes(names: Sequence[str], codes: NDArray[np.int64]) -> tuple[Finding, ...]:
    """Say which classes have one text, and which may be the same but for how they are written."""
    findings = []
    counts = np.bincount(codes, minlength=len(names))
    if single := [name for name, count in zip(names, counts, strict=True) if count == 1]:
        sentence = f"Classes with one text, so that what is learned about them cannot be tested: {_names(single)}."
        findings.append(Finding("single_texts", "warning", len(single), sentence))
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(_wording(name), []).append(name)
    if alike := [same for same in spellings.values() if len(same) > 1]:
        said = "; ".join(", ".join(repr(name) for name in same) for same in alike[:NAMES])
        sentence = f"Some classes differ in nothing but upper case or spaces, and count as different: {said}."
        findings.append(Finding("alike_classes", "warning", len(alike), sentence))
    return tuple(findings)


def wordings(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number the texts so that those which differ in nothing but case and space have the same number; (N,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(_wording(text), len(numbers)) for text in texts], dtype=np.int64)


def _wording(text: str) -> str:
    return " ".join(text.lower().split())


def _texts(count: int, one: str, many: str) -> str:
    return f"{count} text {one}" if count == 1 else f"{count} texts {many}"


def _listed(rows: Sequence[int], places: Sequence[Any]) -> str:
    more = f" and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
    return ", ".join(str(places[row]) for row in rows[:LISTED]) + more


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES]) + (f" and {len(names) - NAMES} more" if len(names) > NAMES else "")

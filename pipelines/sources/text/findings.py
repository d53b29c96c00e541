"""Findings in texts and their classes, and what was done about them."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_list

MAX_LISTED_TEXTS = 5  # texts that a finding names
MAX_LISTED_CLASSES = 10  # classes that a finding names
# Controls that nobody types, and what stands for a byte that could not be read. U+0080 to U+009F are the curly quotes
# and dashes of Windows, read as Latin-1: https://www.unicode.org/charts/PDF/U0080.pdf
SUSPICIOUS_CHARACTERS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f\ufffd]")


def drop_empty_rows(
    texts: Sequence[str], classes: Sequence[str], positions: Sequence[str]
) -> tuple[list[int], tuple[Finding, ...]]:
    """Tell the rows that have a text and a class, and say which have not."""
    wordless = [row for row, text in enumerate(texts) if not text.strip()]
    classless = [row for row, name in enumerate(classes) if not name.strip()]
    kept = sorted(set(range(len(texts))) - {*wordless, *classless})
    findings = []
    if wordless:
        sentence = (
            f"{_format_text_count(len(wordless), 'is', 'are')} empty and set aside: "
            f"{_format_positions(wordless, positions)}."
        )
        findings.append(Finding("empty_texts", "notice", len(wordless), sentence))
    if classless:
        sentence = (
            f"{_format_text_count(len(classless), 'has', 'have')} no class and set aside: "
            f"{_format_positions(classless, positions)}."
        )
        findings.append(Finding("missing_classes", "notice", len(classless), sentence))
    return kept, tuple(findings)


def select_classless(texts: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The texts that have words and no class."""
    return [text for text, name in zip(texts, classes, strict=True) if text.strip() and not name.strip()]


def check_texts(
    texts: Sequence[str], codes: NDArray[np.int64], positions: Sequence[str], max_bytes: int
) -> tuple[Finding, ...]:
    """Say which texts are cut, hold odd characters, or differ from others in nothing but case and space."""
    checks = (
        check_long_texts(texts, positions, max_bytes),
        check_odd_characters(texts, positions),
        check_near_duplicates(texts, codes, positions),
    )
    return tuple(found for found in checks if found is not None)


def check_long_texts(texts: Sequence[str], positions: Sequence[str], max_bytes: int) -> Finding | None:
    rows = [
        row
        for row, text in enumerate(texts)
        if len(text) > max_bytes // 4 and len(text.encode(errors="replace")) > max_bytes
    ]
    if not rows:
        return None
    sentence = (
        f"{_format_text_count(len(rows), 'is', 'are')} longer than {max_bytes} bytes and cut there: "
        f"{_format_positions(rows, positions)}."
    )
    return Finding("long_texts", "notice", len(rows), sentence)


def check_odd_characters(texts: Sequence[str], positions: Sequence[str]) -> Finding | None:
    found = {row: match[0] for row, text in enumerate(texts) if (match := SUSPICIOUS_CHARACTERS.search(text))}
    if not found:
        return None
    rows = list(found)
    sentence = (
        f"{_format_text_count(len(rows), 'holds', 'hold')} characters that nobody types, such as "
        f"U+{ord(found[rows[0]]):04X} in {positions[rows[0]]}: some program has probably read them in another encoding "
        "than they were written in."
    )
    return Finding("odd_characters", "notice", len(rows), sentence)


def check_near_duplicates(texts: Sequence[str], codes: NDArray[np.int64], positions: Sequence[str]) -> Finding | None:
    groups: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        groups.setdefault(_normalise_text(text), []).append(row)
    near_duplicates = [rows for rows in groups.values() if len({texts[row] for row in rows}) > 1]
    if not near_duplicates:
        return None
    count = sum(map(len, near_duplicates))
    conflicting = [rows for rows in near_duplicates if len({int(codes[row]) for row in rows}) > 1]
    sentence = (
        f"{_format_text_count(count, 'is', 'are')} like another but for upper case and spaces (for instance "
        f"{_format_positions(near_duplicates[0], positions)}). A network takes them for the same; "
        f"`split: {{by: group, group: wording}}` keeps them in one part."
    )
    if conflicting:
        sentence += (
            f" {len(conflicting)} of {len(near_duplicates)} such sets have different classes: check "
            f"{_format_positions(conflicting[0], positions)}."
        )
    return Finding("near_twins", "warning" if conflicting else "notice", count, sentence)


def check_class_names(names: Sequence[str], codes: NDArray[np.int64]) -> tuple[Finding, ...]:
    """Say which classes have one text, and which may be the same but for how they are written."""
    findings = []
    counts = np.bincount(codes, minlength=len(names))
    if single := [name for name, count in zip(names, counts, strict=True) if count == 1]:
        sentence = (
            "Classes with one text, so that what is learned about them cannot be tested: "
            f"{format_list(single, MAX_LISTED_CLASSES)}."
        )
        findings.append(Finding("single_texts", "warning", len(single), sentence))
    spellings: dict[str, list[str]] = {}
    for name in names:
        spellings.setdefault(_normalise_text(name), []).append(name)
    if similar_names := [same for same in spellings.values() if len(same) > 1]:
        listed = "; ".join(", ".join(repr(name) for name in same) for same in similar_names[:MAX_LISTED_CLASSES])
        sentence = f"Some classes differ in nothing but upper case or spaces, and count as different: {listed}."
        findings.append(Finding("alike_classes", "warning", len(similar_names), sentence))
    return tuple(findings)


def normalised_text_ids(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number the texts so that those which differ in nothing but case and space have the same number; (N,)."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(_normalise_text(text), len(numbers)) for text in texts], dtype=np.int64)


def _normalise_text(text: str) -> str:
    return " ".join(text.lower().split())


def _format_text_count(count: int, one: str, many: str) -> str:
    return f"{count} text {one}" if count == 1 else f"{count} texts {many}"


def _format_positions(rows: Sequence[int], positions: Sequence[str]) -> str:
    return format_list([positions[row] for row in rows], MAX_LISTED_TEXTS)

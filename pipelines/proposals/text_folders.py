"""Proposals for folders of texts: a folder per class, with files of any ending and in old encodings."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.data.wording import format_count
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.sources.files import folders
from pipelines.sources.files.skipped import UnreadableFile
from pipelines.sources.text.load import MAX_TEXT_BYTES, TextSettings
from pipelines.sources.text.text_file import find_text_files, read_text_prefix, text_files_noun

MAX_SAMPLED_FILES = 2000  # files that are looked at, evenly over all
OLD_ENCODINGS = ("cp1252", "latin-1")  # which write a sign in a byte; the second fits any bytes
MIN_TEXT_SHARE = 0.5  # share of a folder's files that are texts, from which it is a folder of texts


def holds_texts(root: Path, names: Sequence[str]) -> bool:
    """Whether files without a telling ending are texts in folders of classes.

    Args:
        root: the folder.
        names: its files, relative to it.
    """
    files = [root / name for name in _sample(find_text_files(names))]
    return bool(files) and sum(_is_text(file, OLD_ENCODINGS[-1]) for file in files) >= MIN_TEXT_SHARE * len(files)


def propose_text_folder(place: str, root: Path, names: Sequence[str], wishes: Wishes) -> SourceProposal:
    """A source of kind text for a folder's files, with the encoding of those that are not UTF-8."""
    texts = find_text_files(names)
    has_parts = folders.parts_from_folders(texts) is not None
    source: dict[str, Any] = {"kind": "text", "path": place}
    reasons = []
    encoding, count = _find_encoding([root / name for name in _sample(texts)])
    if encoding is not None:
        source["encoding"] = encoding
        reasons.append(
            f"{format_count(count, 'file')} of those looked at {'is' if count == 1 else 'are'} no UTF-8, "
            f"so texts are read as {encoding}; state another encoding if signs look wrong."
        )
    if has_parts:
        reasons.append("The folders name the parts, and the split keeps to them.")
    source |= {name: value for name, value in wishes.settings.items() if name in TextSettings.model_fields}
    return SourceProposal(
        source,
        f"{len(texts):,} texts in folders of classes, {text_files_noun(texts)}",
        split={"by": "given"} if has_parts else {},
        reasons=tuple(reasons),
        repairs=({"unusable": "skip"},),
    )


def _sample(names: Sequence[str]) -> Sequence[str]:
    return names[:: max(1, len(names) // MAX_SAMPLED_FILES)]


def _find_encoding(files: Sequence[Path]) -> tuple[str | None, int]:
    """The encoding that reads files which are not UTF-8, None if none is needed, and how many it reads.

    None also where more files have signs that UTF-8 alone writes so: those would be garbled.
    """
    others = [file for file in files if not _is_text(file, None)]
    if not others:
        return None, 0
    counts = {encoding: sum(_is_text(file, encoding) for file in others) for encoding in OLD_ENCODINGS}
    best = max(counts, key=counts.__getitem__)
    needed = 1 + sum(_has_wide_signs(file) for file in files)
    return (best, counts[best]) if counts[best] >= needed else (None, 0)


def _is_text(file: Path, encoding: str | None) -> bool:
    try:
        read_text_prefix(file, encoding, MAX_TEXT_BYTES)
    except UnreadableFile:
        return False
    return True


def _has_wide_signs(file: Path) -> bool:
    """Whether a file is UTF-8 and holds more than ASCII."""
    try:
        return not read_text_prefix(file, None, MAX_TEXT_BYTES).isascii()
    except UnreadableFile:
        return False

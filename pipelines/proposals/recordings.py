"""Proposals for folders of recordings: a folder per class or names that say it, and who speaks in each."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from pipelines.data.wording import format_count
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.audio.decode import RECORDINGS
from pipelines.sources.audio.load import AudioSettings
from pipelines.sources.files import folders

SEPARATORS = "_-"  # between the words of a name, in this order
MIN_SPEAKERS = 5  # fewer cannot be dealt to three parts
MIN_SPEAKER_FILES = 3  # recordings of a speaker, on average
MIN_CLASS_FILES = 5  # recordings of a class that names say, on average
REPAIRS: tuple[Mapping[str, Any], ...] = ({"unusable": "skip"},)


def propose_recordings(place: str, root: Path, wishes: Wishes) -> SourceProposal:
    """A source of kind audio for a folder, with the patterns by which names say classes and speakers.

    Raises:
        UserError: nothing says the classes.
    """
    names = [name for name in folders.list_files(root) if name.lower().endswith(RECORDINGS.extensions)]
    source: dict[str, Any] = {"kind": "audio", "path": place}
    reasons = []
    parts = folders.parts_from_folders(names)
    inner = [name.split("/", 1)[1] for name in names] if parts else names
    if any("/" in name for name in inner):
        classes = [name.split("/")[0] if "/" in name else "" for name in inner]
    else:
        label = _find_label(inner)
        if label is None and "label" not in wishes.settings:
            raise UserError(
                f"{place}: the recordings lie in no folders of classes, and their names do not say them; put each into "
                "a folder named after its class, or state --set 'label=PATTERN' with a group that finds it in a name"
            )
        if label is not None:
            source["label"], classes = label, [_find(label, name) for name in inner]
            reasons.append(f"The classes stand in the names of the files: {', '.join(sorted(set(classes))[:5])} ...")
    split: dict[str, Any] = {"by": "given"} if parts else {}
    speaker = None if parts or "label" in wishes.settings else _find_speaker(inner, classes)
    if parts:
        reasons.append("The folders name the parts, and the split keeps to them.")
    if speaker is not None and "speaker" not in wishes.settings:
        source["speaker"] = speaker
        count = len({_find(speaker, name) for name in inner})
        reasons.append(f"The names say who of {count} speaks, as it seems: nobody is in two parts.")
    source |= {name: value for name, value in wishes.settings.items() if name in AudioSettings.model_fields}
    if "speaker" in source and not parts:
        split = {"by": "group", "group": "speaker"}
    return SourceProposal(
        source,
        format_count(len(names), "recording"),
        split=split,
        reasons=tuple(reasons),
        repairs=REPAIRS,
    )


def _find_label(names: Sequence[str]) -> str | None:
    """The pattern of the first word of the names that repeats as classes do; None if there is none."""
    for pattern in _word_patterns(names):
        words = Counter(_find(pattern, name) for name in names)
        if 2 <= len(words) <= len(names) / MIN_CLASS_FILES:
            return pattern
    return None


def _find_speaker(names: Sequence[str], classes: Sequence[str]) -> str | None:
    """The pattern of a folder or of a word of the names that several classes share, as speakers are; None if none is.

    A number is the count of a recording and no speaker, unless letters stand with it.
    """
    for pattern in _word_patterns(names):
        words = [_find(pattern, name) for name in names]
        classes_of: Mapping[str, set[str]] = defaultdict(set)
        for word, name in zip(words, classes, strict=True):
            classes_of[word].add(name)
        with_letters = sum(any(sign.isalpha() for sign in word) for word in classes_of)
        shared = sum(len(found) > 1 for found in classes_of.values())
        if (
            MIN_SPEAKERS <= len(classes_of) <= len(names) / MIN_SPEAKER_FILES
            and 2 * with_letters > len(classes_of)
            and 2 * shared > len(classes_of)
        ):
            return pattern
    return None


def _word_patterns(names: Sequence[str]) -> list[str]:
    """Patterns that find something in every name: the folder inside that of the class, then each word of the file."""
    patterns = [r"^[^/]+/([^/]+)/"]
    for sign in SEPARATORS:
        fewest = min((PurePosixPath(name).stem.count(sign) for name in names), default=0)
        patterns += [_word_pattern(sign, place) for place in range(fewest + 1) if fewest]
    return [pattern for pattern in patterns if all(_find(pattern, name) for name in names)]


def _word_pattern(sign: str, place: int) -> str:
    """What finds a word of a file's name, counted from 0, in the name with its folders."""
    before = f"(?:[^/{sign}]*{sign}){{{place}}}" if place else ""
    return f"(?:^|/){before}([^/{sign}]+)[^/]*$"


def _find(pattern: str, name: str) -> str:
    found = re.search(pattern, name.rpartition(".")[0])
    return found[1] if found else ""

"""Skipped files: tolerated up to a share or, where the settings say so, however many; and reported."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from pipelines.data.dataset import Finding
from pipelines.runtime.user_error import UserError

UnusablePolicy = Literal["refuse", "skip"]  # what cannot be used, beyond a share: stop, or leave it out

MAX_SKIPPED_SHARE = 0.1  # share of the files that may be set aside
MAX_LISTED_FILES = 20  # files that a finding names


class UnreadableFile(Exception):
    """Why a file cannot be used."""


class Skipped(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str


def report_skipped(
    skipped: Sequence[Skipped], total: int, where: str, noun: str = "files", policy: UnusablePolicy = "refuse"
) -> Finding:
    """Say which files are not used.

    Raises:
        UserError: they are more than a tenth of `total` and the policy is not to skip them, or there is nothing left.
    """
    count = len(skipped)
    if count == total:
        raise UserError(
            f"{where}: {count} of {total} {noun} cannot be used, so nothing is left: {_format_skipped(skipped, 5)}. "
            "Repair them"
        )
    if count > MAX_SKIPPED_SHARE * total and policy == "refuse":
        raise UserError(
            f"{where}: {count} of {total} {noun} cannot be used, and at most {MAX_SKIPPED_SHARE:.0%} may be set aside: "
            f"{_format_skipped(skipped, 5)}. Repair or remove them, or state `unusable: skip`, which leaves them out"
        )
    if not count:
        return Finding("skipped_files", "fine", 0, f"All {total} {noun} could be used.")
    sentence = f"{count} of {total} {noun} cannot be used and {'was' if count == 1 else 'were'} set aside: "
    return Finding("skipped_files", "notice", count, f"{sentence}{_format_skipped(skipped, MAX_LISTED_FILES)}.")


def _format_skipped(skipped: Sequence[Skipped], max_listed: int) -> str:
    more = f"; and {len(skipped) - max_listed} more" if len(skipped) > max_listed else ""
    return "; ".join(f"{name} ({reason})" for name, reason in skipped[:max_listed]) + more

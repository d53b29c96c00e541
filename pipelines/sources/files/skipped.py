"""Files and rows that could not be read: skipped up to a share, and reported."""

from collections.abc import Sequence
from typing import NamedTuple

from pipelines.data.dataset import Finding
from pipelines.runtime.user_error import Failure

TOLERATED = 0.1  # share of the files that may be set aside


LISTED = 20  # files that a finding names


class Aside(NamedTuple):
    """A file that is not used, and why."""

    name: str
    reason: str


def set_aside(aside: Sequence[Aside], total: int, where: str, what: str = "files") -> Finding:
    """Say which files are not used.

    Raises:
        Failure: they are more than a tenth of `total`, or there is nothing left.
    """
    count = len(aside)
    if count > TOLERATED * total or count == total:
        raise Failure(
            f"{where}: {count} of {total} {what} cannot be used, and at most {TOLERATED:.0%} may be set aside: "
            f"{_listed(aside, 5)}. Repair or remove them"
        )
    if not count:
        return Finding("unusable_files", "fine", 0, f"All {total} {what} could be used.")
    said = f"{count} of {total} {what} cannot be used and {'was' if count == 1 else 'were'} set aside: "
    return Finding("unusable_files", "notice", count, f"{said}{_listed(aside, LISTED)}.")


def _listed(aside: Sequence[Aside], most: int) -> str:
    more = f"; and {len(aside) - most} more" if len(aside) > most else ""
    return "; ".join(f"{name} ({reason})" for name, reason in aside[:most]) + more

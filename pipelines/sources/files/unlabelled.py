"""Rows without a target: left out, or kept apart for contenders that learn from inputs alone."""

from typing import Literal

from pipelines.data.dataset import Finding
from pipelines.data.wording import format_count

UnlabelledPolicy = Literal["skip", "keep"]  # rows without a target: leave them out, or keep them apart


def report_unlabelled(count: int, noun: str) -> tuple[Finding, ...]:
    """Say how many rows were kept without a target; nothing where there are none."""
    if not count:
        return ()
    sentence = (
        f"{format_count(count, noun)} without a target {'was' if count == 1 else 'were'} kept apart; contenders with "
        "`semi` learn from them in training."
    )
    return (Finding("unlabelled_rows", "notice", count, sentence),)

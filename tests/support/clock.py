"""A clock that runs fast, so that what is shown of long work is seen in short."""

import itertools

import pytest

from pipelines.runtime import progress


def pass_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a minute pass between any two looks at the clock."""
    minutes = itertools.count()
    monkeypatch.setattr(progress.time, "monotonic", lambda: 60.0 * next(minutes))

"""Search in limited time: how many trials the clock lets it come to.

The clock decides that number and nothing else. What a search finds is afterwards read by a search that stops after so
many trials, from their files, so that it is the same whenever it is repeated with that number.
"""

import time
from pathlib import Path

from pipelines.training.search import ProgressCallback, SearchConfig, run_search


def count_trials_in_time(
    config: SearchConfig, folder: Path, workers: int, on_progress: ProgressCallback, seconds: float
) -> int:
    """Search for so long, or until all trials are over; one that has a score there is in any case.

    Args:
        folder: scratch, in which the trials are kept.
        seconds: from now on, by the clock.

    Returns:
        The number of trials that are over, from the first one on.

    Raises:
        UserError: if every trial fails; the reasons are named.
    """
    ends_at = time.monotonic() + seconds
    _, trials = run_search(config, folder, workers, on_progress, lambda: time.monotonic() >= ends_at)
    return len(trials)

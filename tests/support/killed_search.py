"""A search in a process that can be killed with all that it started.

It is forked from the fork server of the tests, which has imported PyTorch already, and so are its workers from it: a
fork server of its own would import everything anew, for seconds.
"""

import multiprocessing
import os
from pathlib import Path

from pipelines.runtime import workers
from pipelines.training.search import SearchConfig, run_search


def search_in_a_group(config: SearchConfig, folder: Path, count: int) -> None:
    """Search with so many workers, as the leader of a group of processes."""
    os.setsid()
    workers.FORKSERVER = multiprocessing.get_context("fork")  # type: ignore[assignment]  # the other kind, as said above
    run_search(config, folder, count, lambda *_: None)

"""A trial on a cluster of two nodes of which one is killed; apart from other tasks, as it imports PyTorch."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from pipelines.training.learners import TrainingResult
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.cluster_tasks import NODE_VARIABLE


@dataclass(frozen=True)
class TrialWithoutAnswer:
    """`run_trial`, but a node never tells what it trained, and the others begin when it has trained something."""

    doomed: int  # what NODE_VARIABLE is on that node
    trained: Path  # made there when something is trained

    def __call__(self, spec: TrialSpec) -> TrainingResult:
        if os.environ[NODE_VARIABLE] != str(self.doomed):
            while not self.trained.exists():
                time.sleep(0.05)
            return run_trial(spec)
        run_trial(spec)
        next(spec.folder.glob("until-*.json")).unlink()  # the last that a trial writes: it was killed before
        self.trained.touch()
        while True:
            time.sleep(1)

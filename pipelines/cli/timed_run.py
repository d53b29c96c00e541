"""A run of limited time: the data, limits for every contender by the clock, then the competition within them.

Each contender gets the same share (pipelines/proposals/time_plan.py). Its search ends by the clock, and what it came to
is written into its input records before DVC hashes them: what dvc.lock holds is true, and another input than that of a
run without limits, which goes on from the trials that are there.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipelines.cli.competition import Competition, likely_device, only_run, run_parts
from pipelines.cli.names import BEFORE_CONTENDERS, OF_CONTENDERS, ProjectNames
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.limits import LIMITS_VARIABLE, write_limits
from pipelines.settings.origins import list_origins

RESOLVE = "pipelines/dvc.yaml:resolve"


def contenders_of(project: ProjectNames, targets: Sequence[str]) -> list[str]:
    """The contenders that some stages, or all stages if there are none, train, with those that they start from.

    Raises:
        UserError: they train nothing, so that there is nothing to limit.
    """
    found: set[str] = set()
    for target in targets or project.stages:
        verb, _, name = target.partition("@")
        if verb in OF_CONTENDERS:
            found.add(name)
        elif verb not in BEFORE_CONTENDERS:
            found |= {one for one, problem in project.contenders.items() if problem == project.stages.get(target)}
    if not found:
        raise UserError(f"--minutes limits searches and trainings, and {', '.join(targets)} has none: leave it out")
    found.update(*map(list_origins, found))
    return [name for name in project.contenders if name in found]


def run_in_time(targets: Sequence[str], contenders: Sequence[str], minutes: float) -> Competition:
    """Bring stages, and what they need, up to date, with as much training as about so many minutes allow.

    Args:
        targets: addresses of stages; all stages if there are none.
        contenders: those that these stages train.

    Raises:
        UserError: another run is under way here, or DVC cannot read the project.
    """
    from pipelines.proposals.time_plan import plan_limits
    from pipelines.runtime.cluster import cluster_cpu_count
    from pipelines.runtime.workers import worker_count
    from pipelines.settings.params import load_params

    ends_at = time.monotonic() + 60 * minutes
    with only_run(), _limits_in_force():
        params = load_params()
        problems = dict.fromkeys(params.contenders[name].problem for name in contenders)
        prepared = run_parts([f"augment@{problem}" for problem in problems])
        if prepared.status:
            return prepared
        workers = cluster_cpu_count() or worker_count(likely_device())
        for name, limits in plan_limits(params, contenders, ends_at - time.monotonic(), workers).items():
            write_limits(name, limits)
        competition = run_parts(targets)
        run_parts([RESOLVE])  # its own lock has the records' hashes, which changed with what searches came to
        return competition


@contextmanager
def _limits_in_force() -> Iterator[None]:
    """Have stages read limits, of which there are none yet; the lock of runs puts the environment back."""
    for path in paths.LIMITS_FOLDER.glob("*.json"):
        path.unlink()
    os.environ[LIMITS_VARIABLE] = "1"
    yield


def print_limits(project: ProjectNames, contenders: Sequence[str]) -> None:
    """Say what each contender got of what params.yaml asks for."""
    from pipelines.reporting.page.contents import LIMIT_TEXTS

    print("In the time that was given:")
    for name in contenders:
        best = read_json(paths.tune_folder(project.contenders[name], name) / "best.json")
        stated = [LIMIT_TEXTS[key].format(**limit) for key, limit in best.get("limits", {}).items()]
        print(f"  {name}: {', '.join(stated) or 'all that params.yaml asks for'}")
    print("`bakeoff run` without --minutes does all that params.yaml asks for.")

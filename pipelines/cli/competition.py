"""The stages of a run, side by side, with one run at a time in a project."""

import fcntl
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

from pipelines.cli.processes import own_environment, run_module
from pipelines.runtime.locks import RUN_VARIABLE
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.tracking.background import (
    BY_THE_RUN,
    NOBODY,
    TRACKING_VARIABLE,
    QueueProcess,
    add_to_queue,
    read_queue,
    wait_for_background,
)

if TYPE_CHECKING:
    from pipelines.cli.screen import Screen
    from pipelines.runtime.scheduler import Run, StageEnd

SHOWN_BY_MLFLOW = {"evaluate": (), "package": ("--registry",)}  # stages, and what is said before their names
DATA_VERBS = ("split", "augment")
LEARNING_VERBS = ("tune", "train", "evaluate", "compare", "export", "package")
LIBRARIES = (  # that only learning stages use: seconds to import
    *("captum.attr", "sklearn.linear_model", "sklearn.ensemble", "onnxruntime"),
    *("torch.onnx", "torch._dynamo", "scipy.stats", "matplotlib.backends.backend_agg", "jinja2"),
)


class Competition(NamedTuple):
    """How a run ended."""

    status: int  # 0, or 1 if a stage failed
    ends: "Sequence[StageEnd]"  # of all stages, in the order in which they ended; none where DVC ran them itself


def run_side_by_side(targets: Sequence[str]) -> Competition:
    """Bring stages, and what they need, up to date.

    Args:
        targets: addresses of stages; all stages if there are none.

    Raises:
        UserError: another run is under way here, or DVC cannot read the project.
    """
    with only_run():
        return run_parts(targets)


def run_parts(targets: Sequence[str]) -> Competition:
    """The same for the holder of the lock of runs."""
    from pipelines.runtime.dvc_project import DVC_VERSION, is_supported
    from pipelines.settings.origin_graph import write_origin_graph

    write_origin_graph()
    if not is_supported():
        print(f"DVC is not version {DVC_VERSION}, so stages run one after the other, by `dvc repro`", file=sys.stderr)
        competition = Competition(int(run_module("dvc", "repro", *targets, stdout=sys.stderr) != 0), ())
    else:
        competition = _run_stages(targets)
    if os.environ.get(TRACKING_VARIABLE) != NOBODY:
        complete_tracking()
    return competition


def _run_stages(targets: Sequence[str]) -> Competition:
    from pipelines.cli.screen import Screen, print_failures
    from pipelines.runtime.cluster import cluster_cpu_count
    from pipelines.runtime.dvc_project import DvcProject
    from pipelines.runtime.scheduler import Run, RunSettings
    from pipelines.runtime.stage_processes import start_fork_server
    from pipelines.runtime.workers import import_in_fork_server, worker_count

    tracked = os.environ.setdefault(TRACKING_VARIABLE, BY_THE_RUN) == BY_THE_RUN
    import_in_fork_server(modules_of(targets))
    if not Path("dvc.lock").exists():
        start_fork_server()  # it imports while DVC reads the project
    project = DvcProject()
    plan = project.plan(targets)
    settings = RunSettings(worker_count(likely_device()), paths.STATE_FOLDER, cluster_cpu_count())
    with Screen(len(plan), _evaluated_row) as screen, closing(QueueProcess()) as queue:
        ends = Run(plan, project, settings, TrackedScreen(screen, queue) if tracked else screen).run()
    print_failures(ends)
    return Competition(int(any(end.end == "failed" for end in ends)), ends)


def modules_of(targets: Sequence[str]) -> tuple[str, ...]:
    """What the server that stages are forked from imports, once for all of them.

    Args:
        targets: addresses of stages; all stages if there are none.
    """
    verbs = {target.partition("@")[0] for target in targets}
    if verbs and verbs <= set(DATA_VERBS):
        return _stage_modules(DATA_VERBS)
    return *_stage_modules(DATA_VERBS), *_stage_modules(LEARNING_VERBS), *LIBRARIES


def _stage_modules(verbs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"pipelines.{verb}" for verb in verbs)


def likely_device() -> str:
    """What stages will compute on, found out without PyTorch, which takes two seconds to import."""
    has_gpu = any(Path("/proc/driver/nvidia/gpus").glob("*"))
    return os.environ.get("BAKEOFF_DEVICE") or ("cuda" if has_gpu else "cpu")


@final
class TrackedScreen:
    """A screen that also has MLflow show what is done: by one process, which gives way to the stages."""

    def __init__(self, screen: "Screen", queue: QueueProcess) -> None:
        self._screen = screen
        self._queue = queue

    def on_end(self, end: "StageEnd") -> None:
        self._screen.on_end(end)
        verb, _, name = end.address.partition("@")
        if end.end in ("done", "restored") and verb in SHOWN_BY_MLFLOW:
            add_to_queue(*SHOWN_BY_MLFLOW[verb], name)
            self._queue.ensure_running()

    def on_tick(self, run: "Run") -> None:
        self._screen.on_tick(run)


def complete_tracking() -> None:
    """Wait until MLflow shows what is queued, or has said why it cannot."""
    wait_for_background()
    if read_queue():  # by a run that was killed with its process
        with closing(QueueProcess()) as queue:
            queue.ensure_running()
        wait_for_background()


def _evaluated_row(contender: str) -> str | None:
    from pipelines.cli.board import read_scores
    from pipelines.cli.project import read_project
    from pipelines.reporting.contender_row import format_row

    scores = read_scores(read_project().contenders[contender], contender)
    return None if scores is None else format_row(scores)


@contextmanager
def only_run() -> Iterator[None]:
    """Hold the lock of runs; stages see by the environment that they belong to one.

    Raises:
        UserError: another run holds it.
    """
    paths.RUN_LOCK_FILE.parent.mkdir(parents=True, exist_ok=True)
    with paths.RUN_LOCK_FILE.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise UserError(
                f"a run is under way in this folder (process {lock.read().strip() or 'unknown'}); wait for it, or stop "
                "it with Ctrl-C there; `bakeoff board` shows what is finished"
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        before = dict(os.environ)
        os.environ.update(own_environment(), **{RUN_VARIABLE: str(os.getpid())})
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

"""What was run, in MLflow: a view of the artifacts, made again at any time by one command.

    python -m pipelines.tracking                       every contender and champion there is
    python -m pipelines.tracking digits-lenet5         these contenders
    python -m pipelines.tracking --registry digits     this problem's champion
    python -m pipelines.tracking --wait                nothing new: wait for what the stages started

A run that already shows the artifacts as they are is left alone, so the command may be repeated freely.
Without names it also tags the runs whose contender is no longer in params.yaml, or has no artifacts any
more, with `bakeoff.current = false`; nothing is removed but what is replaced or was left half made.

MLflow is never allowed to fail a stage or to make it wait: stages start this as a process of its own.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.runtime.dvc_yaml import stages
from pipelines.runtime.user_error import Failure
from pipelines.settings import paths
from pipelines.tracking.background import SCRATCH, wait
from pipelines.tracking.contender_run import COMPLETE, CONTENDER, CURRENT, Evidence, runs_of, show
from pipelines.tracking.registry import register as register_champion
from pipelines.tracking.store import DATABASE, Store, opened

LOCK = SCRATCH / "lock"
PATIENCE = 3  # how often a contender whose files are on the move is read anew


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.tracking",
        description="Bring MLflow in line with the artifacts.",
    )
    parser.add_argument("contender", nargs="*", help="show only these; all there are, and the champions, if none")
    parser.add_argument("--registry", metavar="PROBLEM", help="register this problem's champion")
    parser.add_argument("--wait", action="store_true", help="only wait for what the stages started in the background")
    wanted = parser.parse_args(arguments)
    if wanted.wait:
        wait()
        return 0
    if wanted.registry is not None:
        contenders, problems = _contenders(wanted.contender), [wanted.registry]
    elif wanted.contender:
        contenders, problems = _contenders(wanted.contender), []
    else:
        contenders = _present(paths.evaluated("*", "*") / "metrics.json")
        problems = [problem for (problem,) in _present(paths.exported("*") / "signature.json")]
    return 0 if _bring_in_line(contenders, problems, everything=not arguments) else 1


def _bring_in_line(contenders: list[tuple[str, ...]], problems: list[str], *, everything: bool) -> bool:
    """Show and register one after the other; one that fails is named and does not keep the others back."""
    well = True
    try:
        with opened(LOCK) as store:
            for problem, contender in contenders:
                well &= _shown(store, problem, contender)
            for problem in problems:
                well &= _registered(store, problem)
            if everything:
                _tag_current(store, contenders)
    except Exception as error:
        print(_notice("the results", error), file=sys.stderr)
        return False
    return well


def _shown(store: Store, problem: str, contender: str) -> bool:
    started = time.monotonic()
    for attempt in range(1, PATIENCE + 1):
        try:
            new = show(store, _evidence(problem, contender))
            break
        except (Failure, FileNotFoundError) as error:  # DVC moves a stage's files when the stage has ended
            if attempt == PATIENCE:
                print(_notice(contender, error), file=sys.stderr)
                return False
            time.sleep(attempt)
        except Exception as error:
            print(_notice(contender, error), file=sys.stderr)
            return False
    print(f"{contender}: {f'shown in {time.monotonic() - started:.1f} s' if new else 'as it was'}", flush=True)
    return True


def _registered(store: Store, problem: str) -> bool:
    try:
        new = register_champion(store, problem, paths.exported(problem))
    except Exception as error:
        print(_notice(problem, error), file=sys.stderr)
        return False
    print(f"models:/{problem}@champion: {'registered' if new else 'as it was'}", flush=True)
    return True


def _notice(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:400] or type(error).__name__
    if isinstance(error, Failure):
        return f"note: MLflow does not show {what} yet: {reason}"
    where = os.environ.get("MLFLOW_TRACKING_URI") or str(DATABASE)
    return (
        f"note: MLflow ({where}) does not show {what} yet ({type(error).__name__}: {reason}); "
        "the artifacts are complete, and `make track` tries again"
    )


def _present(pattern: Path) -> list[tuple[str, ...]]:
    """What each `*` of a path stands for, in every file that the path matches."""
    stars = [index for index, part in enumerate(pattern.parts) if part == "*"]
    return [tuple(path.parts[index] for index in stars) for path in sorted(Path().glob(str(pattern)))]


def _contenders(names: Sequence[str]) -> list[tuple[str, ...]]:
    """(problem, contender) of every name, wherever it has been evaluated."""
    found: list[tuple[str, ...]] = []
    for name in names:
        problems = _present(paths.evaluated("*", name) / "metrics.json")
        if not problems:
            print(f"note: {name} has not been evaluated yet; run `dvc repro evaluate@{name}`", file=sys.stderr)
        found += [(problem, name) for (problem,) in problems]
    return found


def _evidence(problem: str, contender: str) -> Evidence:
    return Evidence(
        problem,
        contender,
        paths.split(problem),
        paths.tuned(problem, contender),
        paths.trained(problem, contender),
        paths.evaluated(problem, contender),
        {stage: paths.STATE / "durations" / f"{stage}-{contender}.json" for stage in ("tune", "train", "evaluate")},
        _commit(),
    )


def _commit() -> dict[str, str]:
    """The commit that is checked out, and whether the files are as it has them; nothing where there is no git."""
    try:
        commit, changed = (
            subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            for words in (
                ["rev-parse", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)dvc.lock"],
            )
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": commit, "bakeoff.uncommitted_changes": "true" if changed else "false"}


def _tag_current(store: Store, present: list[tuple[str, ...]]) -> None:
    """Tell the runs of contenders that are entered and have artifacts from those that once were."""
    story = stages()
    entered = {stage.name for stage in story if stage.verb == "evaluate"}
    for problem in sorted({stage.name for stage in story if stage.verb == "split"} | {one for one, _ in present}):
        if store.client.get_experiment_by_name(problem) is None:
            continue
        for run in runs_of(store, store.experiment(problem)):
            name = run.data.tags[CONTENDER]
            current = "true" if name in entered and (problem, name) in present else "false"
            if COMPLETE in run.data.tags and run.data.tags.get(CURRENT) != current:
                store.client.set_tag(run.info.run_id, CURRENT, current)

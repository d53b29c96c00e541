"""Synchronisation of MLflow with the artifacts: a view of them, made again at any time by one command.

    python -m pipelines.tracking                       every contender and champion there is
    python -m pipelines.tracking digits-lenet5         these contenders
    python -m pipelines.tracking --registry digits     this problem's champion
    python -m pipelines.tracking --wait                nothing new: wait for what the stages started
    python -m pipelines.tracking --queued              what the stages of a run queue, until its input ends

A run that already shows the artifacts as they are is left alone, so the command may be repeated freely.
Without names it also tags the runs whose contender is no longer in params.yaml, or has no artifacts any
more, with `bakeoff.current = false`; nothing is removed but what is replaced or was left half made.

MLflow is never allowed to fail a stage or to make it wait: stages start this as a process of its own.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pipelines.runtime.dvc_yaml import read_stages
from pipelines.runtime.files import read_json
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.tracking.background import (
    POLL_SECONDS,
    TRACKING_STATE,
    leave_queue,
    read_queue,
    wait_for_background,
    wait_for_end_of_input,
)
from pipelines.tracking.contender_run import (
    COMPLETE_TAG,
    CONTENDER_TAG,
    CURRENT_TAG,
    ContenderArtifacts,
    find_runs,
    log_contender,
)
from pipelines.tracking.registry import register_champion
from pipelines.tracking.store import DATABASE, TrackingStore, open_store

STORE_LOCK = TRACKING_STATE / "lock"
MAX_ATTEMPTS = 3  # how often a contender whose files are on the move is read anew


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.tracking",
        description="Bring MLflow in line with the artifacts.",
    )
    parser.add_argument("contender", nargs="*", help="show only these; all there are, and the champions, if none")
    parser.add_argument("--registry", metavar="PROBLEM", help="register this problem's champion")
    parser.add_argument("--wait", action="store_true", help="only wait for what the stages started in the background")
    parser.add_argument(
        "--queued", action="store_true", help="show what the stages of a run queue, until standard input ends"
    )
    options = parser.parse_args(arguments)
    if options.wait:
        wait_for_background()
        return 0
    if options.queued:
        return _sync_queue()
    if options.registry is not None:
        contenders, problems = _find_evaluated(options.contender), [options.registry]
    elif options.contender:
        contenders, problems = _find_evaluated(options.contender), []
    else:
        contenders = _match_wildcards(paths.evaluate_folder("*", "*") / "metrics.json")
        problems = [problem for (problem,) in _match_wildcards(paths.export_folder("*") / "signature.json")]
    return 0 if _sync_store(contenders, problems, everything=not arguments) else 1


def _sync_store(contenders: list[tuple[str, ...]], problems: list[str], *, everything: bool) -> bool:
    """Show and register one after the other; one that fails is named and does not keep the others back."""
    succeeded = True
    try:
        with open_store(STORE_LOCK) as store:
            for problem, contender in contenders:
                succeeded &= _sync_contender(store, problem, contender)
            for problem in problems:
                succeeded &= _sync_champion(store, problem)
            if everything:
                _tag_current_runs(store, contenders)
    except Exception as error:  # whatever an MLflow server, a database or a network raises: the run itself is whole
        print(_failure_notice("the results", error), file=sys.stderr)
        return False
    return succeeded


def _sync_queue() -> int:
    """Show what is queued until standard input ends and nothing is left; what fails stays, for the next run."""
    while True:
        is_last_look = wait_for_end_of_input(0)  # asked before the queue is read: nothing is queued afterwards
        queued = read_queue()
        if not queued:
            if is_last_look:
                return 0
            wait_for_end_of_input(POLL_SECONDS)
            continue
        entries = [json.loads(content)["arguments"] for content in queued.values()]
        contenders = _find_evaluated([entry[0] for entry in entries if len(entry) == 1])
        problems = [entry[1] for entry in entries if len(entry) == 2]
        if not _sync_store(contenders, problems, everything=False):
            return 1
        for path, content in queued.items():
            leave_queue(path, content)


def _sync_contender(store: TrackingStore, problem: str, contender: str) -> bool:
    started = time.monotonic()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        try:
            changed = log_contender(store, _contender_artifacts(problem, contender))
            break
        except (UserError, FileNotFoundError) as error:  # DVC moves a stage's files when the stage has ended
            if attempt == MAX_ATTEMPTS:
                print(_failure_notice(contender, error), file=sys.stderr)
                return False
            time.sleep(attempt)
        except Exception as error:  # the same; the other contenders are still shown
            print(_failure_notice(contender, error), file=sys.stderr)
            return False
    print(f"{contender}: {f'shown in {time.monotonic() - started:.1f} s' if changed else 'as it was'}", flush=True)
    return True


def _sync_champion(store: TrackingStore, problem: str) -> bool:
    try:
        changed = register_champion(store, problem, paths.export_folder(problem), _read_stability(problem))
    except Exception as error:  # the same; the other champions are still registered
        print(_failure_notice(problem, error), file=sys.stderr)
        return False
    print(f"models:/{problem}@champion: {'registered' if changed else 'as it was'}", flush=True)
    return True


def _read_stability(problem: str) -> float | None:
    """What champion.json says of it; None where it says nothing."""
    file = paths.compare_folder(problem) / "champion.json"
    share = read_json(file).get("stability") if file.exists() else None
    return None if share is None else float(share)


def _failure_notice(what: str, error: Exception) -> str:
    reason = " ".join(str(error).split())[:400] or type(error).__name__
    if isinstance(error, UserError):
        return f"note: MLflow does not show {what} yet: {reason}"
    where = os.environ.get("MLFLOW_TRACKING_URI") or str(DATABASE)
    return (
        f"note: MLflow ({where}) does not show {what} yet ({type(error).__name__}: {reason}); "
        "the artifacts are complete, and `make track` tries again"
    )


def _match_wildcards(pattern: Path) -> list[tuple[str, ...]]:
    """What each `*` of a path stands for, in every file that the path matches."""
    stars = [index for index, part in enumerate(pattern.parts) if part == "*"]
    return [tuple(path.parts[index] for index in stars) for path in sorted(Path().glob(str(pattern)))]


def _find_evaluated(names: Sequence[str]) -> list[tuple[str, ...]]:
    """(problem, contender) of every name, wherever it has been evaluated."""
    found: list[tuple[str, ...]] = []
    for name in names:
        problems = _match_wildcards(paths.evaluate_folder("*", name) / "metrics.json")
        if not problems:
            print(f"note: {name} has not been evaluated yet; run `dvc repro evaluate@{name}`", file=sys.stderr)
        found += [(problem, name) for (problem,) in problems]
    return found


def _contender_artifacts(problem: str, contender: str) -> ContenderArtifacts:
    return ContenderArtifacts(
        problem,
        contender,
        paths.split_folder(problem),
        paths.tune_folder(problem, contender),
        paths.train_folder(problem, contender),
        paths.evaluate_folder(problem, contender),
        {
            stage: paths.STATE_FOLDER / "durations" / f"{stage}-{contender}.json"
            for stage in ("tune", "train", "evaluate")
        },
        _git_tags(),
    )


def _git_tags() -> dict[str, str]:
    """The commit that is checked out, and whether the files are as it has them; nothing where there is no git."""
    try:
        commit, changed = (
            subprocess.run(["git", *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            for words in (
                ["rev-parse", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)*dvc.lock"],
            )
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": commit, "bakeoff.uncommitted_changes": "true" if changed else "false"}


def _tag_current_runs(store: TrackingStore, present: list[tuple[str, ...]]) -> None:
    """Tell the runs of contenders that are entered and have artifacts from those that once were."""
    dvc_stages = read_stages()
    declared = {stage.name for stage in dvc_stages if stage.verb == "evaluate"}
    for problem in sorted({stage.name for stage in dvc_stages if stage.verb == "split"} | {one for one, _ in present}):
        if store.client.get_experiment_by_name(problem) is None:
            continue
        for run in find_runs(store, store.get_or_create_experiment(problem)):
            name = run.data.tags[CONTENDER_TAG]
            current = "true" if name in declared and (problem, name) in present else "false"
            if COMPLETE_TAG in run.data.tags and run.data.tags.get(CURRENT_TAG) != current:
                store.client.set_tag(run.info.run_id, CURRENT_TAG, current)

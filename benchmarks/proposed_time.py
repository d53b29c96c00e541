"""How near is the time that `bakeoff add` says? Beside the processor time that the stages then take.

    python -m benchmarks.proposed_time ../shared/data                   every set
    python -m benchmarks.proposed_time ../shared/data titanic vowels    two of them
    python -m benchmarks.proposed_time ../shared/data --short           fewer and shorter trainings, proposed and done

The sets are those of benchmarks.automl, and Japanese vowels. Each is added in a copy of this project that was never
run, and then run with one worker, so that one stage computes after the other. What is compared is processor time, which
other programs on the machine change less than the clock: the seconds that are proposed, times the cores that they are
proposed for, and the seconds that all processes of a stage used.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

import psutil

from benchmarks.automl import EMPTY_PARAMS, SETS, DataSet
from benchmarks.pipeline import project_copy
from pipelines.cli.processes import own_environment

SAMPLE_SECONDS = 0.1
SHORT = {
    "tune": {"trials": 4, "generation": 4},
    "train": {"seeds": 1},
    "budget": {"epochs": 6, "min_steps": 200, "max_steps": 2000},
}
CORES = 2  # that times are proposed for
VOWELS = DataSet(lambda data, _: data / "japanese_vowels", (), (), ())
ALL_SETS = {**SETS, "vowels": VOWELS}
STAGE_END = re.compile(r"\[\d+ of \d+\] (\w+)(?: (\S+))?  ")  # a line that says that a stage is over
VERBS = ("tune", "train", "evaluate")  # of a contender


class Proposed(NamedTuple):
    seconds: float
    contenders: dict[str, float]  # seconds of each


def propose(project: Path, name: str, data: Path) -> Proposed:
    """Add a set, as `bakeoff add` proposes it for CORES cores."""
    place = ALL_SETS[name].write(data.absolute(), project.parent)
    command = ["add", name, str(place), *ALL_SETS[name].options, "--yes", "--json"]
    environment = {**own_environment(), "PYTHONPATH": str(project), "BAKEOFF_WORKERS": str(CORES)}
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *command], cwd=project, env=environment, capture_output=True, text=True
    )
    if ended.returncode:
        raise SystemExit(f"bakeoff add {name}: {ended.stderr[-3000:]}")
    record = json.loads(ended.stdout)
    return Proposed(record["seconds"], {one["name"]: one["seconds"] for one in record["contenders"]})


def run_stages(project: Path, name: str) -> dict[tuple[str, str], float]:
    """Run a problem with one worker; the seconds of the processor that each stage used, by its verb and name.

    What stands between the ends of two stages is the second's; what MLflow needs is counted apart.
    """
    environment = {**own_environment(), "PYTHONPATH": str(project), "BAKEOFF_WORKERS": "1"}
    with tempfile.TemporaryFile("w+") as output:
        command = [sys.executable, "-u", "-m", "pipelines.cli", "run", name]
        child = subprocess.Popen(command, cwd=project, env=environment, stdout=output, stderr=output)
        used: dict[tuple[str, str], float] = defaultdict(float)
        times: dict[int, float] = {}  # by process, as it was looked at last
        shown_at = 0
        since = 0.0  # seconds that belong to the stage that ends next
        while child.poll() is None:
            own, tracking = _count_new_seconds(child.pid, times)
            since += own
            used["MLflow", ""] += tracking
            shown_at, ended = _read_ends(output, shown_at)
            for stage in ended:
                used[stage] += since
                since = 0.0
            time.sleep(SAMPLE_SECONDS)
        if child.returncode:
            output.seek(0)
            raise SystemExit(f"bakeoff run {name}: {output.read()[-3000:]}")
        for stage in _read_ends(output, shown_at)[1]:
            used[stage] += since
            since = 0.0
        used["the end", ""] += since
    return dict(used)


def _count_new_seconds(pid: int, times: dict[int, float]) -> tuple[float, float]:
    """Processor time of a process and of those below it since the last look, and that of MLflow's."""
    own = tracking = 0.0
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    for process in processes:
        try:
            used, is_tracking = sum(process.cpu_times()[:2]), "pipelines.tracking" in process.cmdline()
        except psutil.Error:  # it has ended since
            continue
        new = used - times.get(process.pid, 0.0)
        times[process.pid] = used
        own, tracking = (own, tracking + new) if is_tracking else (own + new, tracking)
    return own, tracking


def _read_ends(output: IO[str], start: int) -> tuple[int, list[tuple[str, str]]]:
    """The stages that ended since a place in the output, and its end."""
    text = os.pread(output.fileno(), 1_000_000, start).decode(errors="replace")
    whole = text[: text.rfind("\n") + 1]
    return start + len(whole.encode()), [(verb, name or "") for verb, name in STAGE_END.findall(whole)]


def print_times(name: str, proposed: Proposed, used: dict[tuple[str, str], float]) -> None:
    print(f"\n{name}: seconds of the processor\n  {'':34}{'proposed':>10}{'taken':>8}{'ratio':>8}", end="")
    print("".join(f"{verb:>10}" for verb in VERBS))
    for contender, seconds in proposed.contenders.items():
        taken = [used.get((verb, contender), 0.0) for verb in VERBS]
        _print_line(contender, CORES * seconds, sum(taken), taken)
    others = sum(seconds for (verb, _), seconds in used.items() if verb not in VERBS)
    _print_line(
        "the problem's other stages", CORES * (proposed.seconds - sum(proposed.contenders.values())), others, ()
    )
    _print_line("all", CORES * proposed.seconds, sum(used.values()), ())
    named = ", ".join(f"{verb} {seconds:.1f}" for (verb, _), seconds in used.items() if verb not in VERBS)
    print(f"  of the others: {named}", flush=True)


def _print_line(title: str, proposed: float, taken: float, parts: Sequence[float]) -> None:
    ratio = taken / proposed if proposed else float("nan")
    print(f"  {title:34}{proposed:10.1f}{taken:8.1f}{ratio:8.2f}{''.join(f'{part:10.1f}' for part in parts)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the sets that are named, and print a table of each as it is ready."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder with the data sets")
    parser.add_argument(
        "sets", nargs="*", metavar="SET", help=f"of {', '.join(ALL_SETS)}; all of them if none is named"
    )
    parser.add_argument("--short", action="store_true", help="with defaults that ask for little")
    asked = parser.parse_intermixed_args(arguments)
    if unknown := set(asked.sets) - set(ALL_SETS):
        parser.error(f"no set is called {min(unknown)!r}; there are {', '.join(ALL_SETS)}")
    for name in asked.sets or ALL_SETS:
        with project_copy() as project:
            defaults = f"defaults: {json.dumps(SHORT)}\n" if asked.short else ""  # JSON is YAML
            (project / "params.yaml").write_text(defaults + EMPTY_PARAMS)
            proposed = propose(project, name, asked.data)
            print_times(name, proposed, run_stages(project, name))


if __name__ == "__main__":
    main()

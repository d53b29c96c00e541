"""Memory benchmark: every stage's peak memory on 2 GB of images, above its peak on 2 MB of them.

In a copy of the project: grey images whose class is their bright quarter, written as two `.npy` files, and an mlp that
is trained for one epoch from two seeds, side by side. Twenty times a second, the memory of the stage's whole tree of
processes is added up.

What counts is anonymous memory (RssAnon and RssShmem of /proc/PID/status, so Linux alone can say): what a process
holds and the system cannot take back. The peak of the small problem, which is that of the interpreter and the
libraries, is subtracted. A page that a worker shares with the process it was forked from counts for both, so the
printed peak is an upper bound. Pages of files that are read or written through a memory map are printed beside it and
do not count: they are the system's cache of a file, as plain reading and writing leave it too, and it drops them when
it needs the memory, because they are on the disk.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import yaml

from benchmarks.pipeline import ROOT, copy_project

IMAGE_COUNTS = {"large": 2_000_000, "small": 2_000}  # images of 32 x 32 bytes
IMAGE_SIDE = 32
STAGES = ("split", "augment", "tune", "train", "evaluate")
CONTENDER_STAGES = ("tune", "train", "evaluate")
SAMPLING_SECONDS = 0.05  # between two samples of the memory
MB = 1e6


class PeakMemory(NamedTuple):
    """The most that a stage's processes held at once, in bytes."""

    anonymous_bytes: int
    resident_bytes: int  # with the pages of files that are mapped
    seconds: float


def write_images(folder: Path, name: str, count: int) -> None:
    """Write noise with one bright quarter, a chunk at a time, and which quarter it is."""
    generator = np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / f"{name}-images.npy", "w+", np.uint8, (count, IMAGE_SIDE, IMAGE_SIDE))
    quarters = generator.integers(0, 4, count)
    half = IMAGE_SIDE // 2
    for start in range(0, count, 10_000):
        here = quarters[start : start + 10_000]
        noise = generator.integers(0, 192, (len(here), IMAGE_SIDE, IMAGE_SIDE), dtype=np.uint8)
        for quarter in range(4):
            top, left = half * (quarter // 2), half * (quarter % 2)
            noise[here == quarter, top : top + half, left : left + half] += 63
        images[start : start + len(here)] = noise
    images.flush()
    np.save(folder / f"{name}-quarters.npy", quarters)


def benchmark_params() -> dict[str, Any]:
    problem = {"task": "classification", "split": {"valid": 0.2, "test": 0.2, "by": "stratified"}}
    sources = {
        name: {"kind": "arrays", "inputs": f"{name}-images.npy", "target": f"{name}-quarters.npy"}
        for name in IMAGE_COUNTS
    }
    network = {"width": 32, "depth": 1, "batch_size": 1024, "learning_rate": 3.0e-3}
    return {
        "seed": 20,
        "defaults": {
            "tune": {"trials": 1, "generation": 1},
            "train": {"seeds": 2},
            "budget": {"epochs": 1, "min_steps": 1},
        },
        "problems": {name: {**problem, "source": source} for name, source in sources.items()},
        "contenders": {
            f"{name}-mlp": {"problem": name, "architecture": "mlp", "fix": network} for name in IMAGE_COUNTS
        },
    }


def measure_memory(process: psutil.Process) -> tuple[int, int]:
    """Bytes that a process and those it started hold: anonymous, and with what is mapped of files."""
    anonymous = resident = 0
    try:
        processes = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0, 0
    for each in processes:
        try:
            lines = Path("/proc", str(each.pid), "status").read_text().splitlines()
        except OSError:  # it has ended since
            continue
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}
        anonymous += sizes.get("RssAnon", 0) + sizes.get("RssShmem", 0)
        resident += sum(sizes.values())
    return anonymous, resident


def run_stage(folder: Path, stage: str, name: str) -> PeakMemory:
    """Run a stage to its end, watching the memory."""
    return run_watched(folder, f"pipelines.{stage}", name)


def run_watched(folder: Path, module: str, *arguments: str) -> PeakMemory:
    """Run a module in a folder to its end, watching the memory.

    Raises:
        SystemExit: it failed; what it said.
    """
    environment = {**os.environ, "BAKEOFF_DEVICE": "cpu", "BAKEOFF_WORKERS": "2"}
    command = [sys.executable, "-m", module, *arguments]
    started = time.perf_counter()
    anonymous = resident = 0
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        process = psutil.Process(child.pid)
        while child.poll() is None:
            current = measure_memory(process)
            anonymous, resident = max(anonymous, current[0]), max(resident, current[1])
            time.sleep(SAMPLING_SECONDS)
        if child.returncode:
            output.seek(0)
            raise SystemExit(f"{module} {' '.join(arguments)} failed:\n{output.read().decode(errors='replace')}")
    return PeakMemory(anonymous, resident, time.perf_counter() - started)


def main() -> None:
    state = ROOT / ".state"  # on the disk: where /tmp is in memory, its files would count as memory
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as temporary:
        folder = Path(temporary)
        copy_project(folder)
        (folder / "params.yaml").write_text(yaml.safe_dump(benchmark_params(), sort_keys=False))
        for name, count in IMAGE_COUNTS.items():
            write_images(folder, name, count)
        image_bytes = (folder / "large-images.npy").stat().st_size
        print(
            f"peak memory in MB, with {image_bytes / MB:,.0f} MB of images and with "
            f"{IMAGE_COUNTS['small'] * IMAGE_SIDE**2 / MB:,.0f}:"
        )
        print(f"  {'stage':<10}{'seconds':>8}{'large':>8}{'small':>8}{'above':>8}{'with mapped files':>20}")
        excess_bytes = []
        for stage in STAGES:
            small, large = (run_stage(folder, stage, f"{name}-mlp" if stage in CONTENDER_STAGES else name)
                            for name in ("small", "large"))  # fmt: skip
            excess_bytes.append(large.anonymous_bytes - small.anonymous_bytes)
            print(
                f"  {stage:<10}{large.seconds:>8.0f}{large.anonymous_bytes / MB:>8,.0f}"
                f"{small.anonymous_bytes / MB:>8,.0f}{excess_bytes[-1] / MB:>8,.0f}{large.resident_bytes / MB:>20,.0f}",
                flush=True,
            )
        subprocess.run([sys.executable, "-m", "pipelines.tracking", "--wait"], cwd=folder, check=True)
    print(
        f"    most above the small problem  {max(excess_bytes) / MB:,.0f} MB, {max(excess_bytes) / image_bytes:.2f} of "
        "the images"
    )


if __name__ == "__main__":
    main()

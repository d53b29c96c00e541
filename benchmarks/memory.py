"""How much memory does a large problem take? Every stage's peak on 2 GB of images, above its peak on 2 MB of them.

In a copy of the project: grey images whose class is their bright quarter, written as two `.npy` files, and an mlp that
is trained for one epoch from two seeds, side by side. Twenty times a second, the memory of the stage's whole tree of
processes is added up.

What counts is anonymous memory (RssAnon and RssShmem of /proc/PID/status, so Linux alone can say): what a process
holds and nobody else can take from it. The small problem takes that of the interpreter and the libraries, and is
subtracted. A page that a worker shares with the process it was forked from counts for both, so the truth is no more
than is printed. Pages of files that are read or written through a memory map are printed beside it and do not count:
they are the system's cache of a file, as plain reading and writing leave it too, and it drops them when it needs the
memory, because they are on the disk.
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

from benchmarks.pipeline import ROOT, copy_of_the_project

SIZES = {"large": 2_000_000, "small": 2_000}  # images of 32 x 32 bytes
SIDE = 32
STAGES = ("split", "augment", "tune", "train", "evaluate")
OF_A_CONTENDER = ("tune", "train", "evaluate")
EVERY = 0.05  # seconds between two looks at the memory
MB = 1e6


class Peak(NamedTuple):
    """The most that a stage's processes held at once, in bytes."""

    anonymous: int
    resident: int  # with the pages of files that are mapped
    seconds: float


def write_images(folder: Path, name: str, count: int) -> None:
    """Write noise with one bright quarter, a chunk at a time, and which quarter it is."""
    generator = np.random.default_rng(0)
    images = np.lib.format.open_memmap(folder / f"{name}-images.npy", "w+", np.uint8, (count, SIDE, SIDE))
    quarters = generator.integers(0, 4, count)
    half = SIDE // 2
    for start in range(0, count, 10_000):
        here = quarters[start : start + 10_000]
        noise = generator.integers(0, 192, (len(here), SIDE, SIDE), dtype=np.uint8)
        for quarter in range(4):
            top, left = half * (quarter // 2), half * (quarter % 2)
            noise[here == quarter, top : top + half, left : left + half] += 63
        images[start : start + len(here)] = noise
    images.flush()
    np.save(folder / f"{name}-quarters.npy", quarters)


def params() -> dict[str, Any]:
    problem = {"task": "classification", "split": {"valid": 0.2, "test": 0.2, "by": "stratified"}}
    sources = {
        name: {"kind": "arrays", "inputs": f"{name}-images.npy", "target": f"{name}-quarters.npy"} for name in SIZES
    }
    network = {"width": 32, "depth": 1, "batch_size": 1024, "learning_rate": 3.0e-3}
    return {
        "seed": 20,
        "defaults": {
            "tune": {"trials": 1, "generation": 1, "epochs": 1},
            "train": {"seeds": 2, "epochs": 1, "patience": 1},
        },
        "problems": {name: {**problem, "source": source} for name, source in sources.items()},
        "contenders": {f"{name}-mlp": {"problem": name, "architecture": "mlp", "fix": network} for name in SIZES},
    }


def held(process: psutil.Process) -> tuple[int, int]:
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


def run(folder: Path, stage: str, name: str) -> Peak:
    """Run a stage to its end, watching the memory."""
    environment = {**os.environ, "BAKEOFF_DEVICE": "cpu", "BAKEOFF_WORKERS": "2"}
    command = [sys.executable, "-m", f"pipelines.{stage}", name]
    started = time.perf_counter()
    anonymous = resident = 0
    with tempfile.TemporaryFile() as said:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=said, stderr=said)
        process = psutil.Process(child.pid)
        while child.poll() is None:
            now = held(process)
            anonymous, resident = max(anonymous, now[0]), max(resident, now[1])
            time.sleep(EVERY)
        if child.returncode:
            said.seek(0)
            raise SystemExit(f"{stage} {name} failed:\n{said.read().decode(errors='replace')}")
    return Peak(anonymous, resident, time.perf_counter() - started)


def main() -> None:
    state = ROOT / ".state"  # on the disk: where /tmp is in memory, its files would count as memory
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as temporary:
        folder = Path(temporary)
        copy_of_the_project(folder)
        (folder / "params.yaml").write_text(yaml.safe_dump(params(), sort_keys=False))
        for name, count in SIZES.items():
            write_images(folder, name, count)
        size = (folder / "large-images.npy").stat().st_size
        print(f"peak memory in MB, with {size / MB:,.0f} MB of images and with {SIZES['small'] * SIDE**2 / MB:,.0f}:")
        print(f"  {'stage':<10}{'seconds':>8}{'large':>8}{'small':>8}{'above':>8}{'with mapped files':>20}")
        above = []
        for stage in STAGES:
            small, large = (run(folder, stage, f"{name}-mlp" if stage in OF_A_CONTENDER else name)
                            for name in ("small", "large"))  # fmt: skip
            above.append(large.anonymous - small.anonymous)
            print(
                f"  {stage:<10}{large.seconds:>8.0f}{large.anonymous / MB:>8,.0f}{small.anonymous / MB:>8,.0f}"
                f"{above[-1] / MB:>8,.0f}{large.resident / MB:>20,.0f}",
                flush=True,
            )
        subprocess.run([sys.executable, "-m", "pipelines.tracking", "--wait"], cwd=folder, check=True)
    print(f"    most above the small problem  {max(above) / MB:,.0f} MB, {max(above) / size:.2f} of the images")


if __name__ == "__main__":
    main()

"""How long does a folder of many pictures take to be looked at and split, and how much memory?

Small PNG files in ten folders of classes are drawn, in a copy of the project; `bakeoff add` and the stage split run on
them, and on a hundredth of them. Memory is the peak of what the processes hold (anonymous memory: see
benchmarks/memory.py) above that with the hundredth, which is that of the interpreter and the libraries.

    python -m benchmarks.pictures 100000
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from benchmarks.memory import MB, PeakMemory, run_watched
from benchmarks.pipeline import ROOT, copy_project

DEFAULT_COUNT = 100_000
SMALL_SHARE = 100  # one in so many
CLASSES = 10
SIDE = 32
COMMANDS = {"add": ("pipelines.cli", "add", "{0}", "{0}", "--yes"), "split": ("pipelines.split", "{0}")}


def write_pictures(folder: Path, count: int) -> None:
    """Noise on a grey of its class."""
    generator = np.random.default_rng(0)
    for place in range(CLASSES):
        (folder / f"class-{place}").mkdir(parents=True)
    for number in range(count):
        place = number % CLASSES
        pixels = generator.integers(0, 64, (SIDE, SIDE), dtype=np.uint8) + np.uint8(15 * place)
        Image.fromarray(pixels).save(folder / f"class-{place}" / f"{number}.png", compress_level=1)


def measure(folder: Path, command: str, name: str) -> PeakMemory:
    module, *arguments = COMMANDS[command]
    return run_watched(folder, module, *(argument.format(name) for argument in arguments))


def main(count: int) -> None:
    state = ROOT / ".state"  # on the disk: where /tmp is in memory, its files would count as memory
    state.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=state) as temporary:
        folder = Path(temporary)
        copy_project(folder)
        (folder / "params.yaml").write_text(yaml.safe_dump({"seed": 20, "problems": {}, "contenders": {}}))
        for name, written in (("small", count // SMALL_SHARE), ("large", count)):
            write_pictures(folder / name, written)
        print(f"{count:,} pictures of {SIDE} x {SIDE} and {count // SMALL_SHARE:,}: seconds, and peak memory in MB")
        print(f"  {'':<8}{'seconds':>8}{'large':>8}{'small':>8}{'above':>8}")
        for command in COMMANDS:
            small, large = (measure(folder, command, name) for name in ("small", "large"))
            held = (large.anonymous_bytes, small.anonymous_bytes, large.anonymous_bytes - small.anonymous_bytes)
            print(f"  {command:<8}{large.seconds:>8.0f}{''.join(f'{size / MB:>8,.0f}' for size in held)}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_COUNT)

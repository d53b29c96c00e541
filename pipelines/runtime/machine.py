"""Kind of machine: what decides the last bits of a result, as the libraries of this process see it.

The processor's name is not part of it: with the instruction set pinned, most processors are of one kind.
"""

import platform
from importlib.metadata import version
from typing import Any

from threadpoolctl import threadpool_info

from pipelines.runtime.libraries import FINGERPRINTED_LIBRARIES


def describe_machine(device: str) -> dict[str, Any]:
    """The kind of machine that computes here; imports PyTorch.

    Returns:
        `architecture`, `device` (a GPU by its name), `instructions` of PyTorch, `blas` (the kernels of each that is
        loaded) and `libraries` (versions).
    """
    import numpy
    import torch

    numpy.dot(numpy.ones(1), numpy.ones(1))  # NumPy's BLAS is loaded
    kernels = {f"{one['internal_api']} {one['architecture']}" for one in threadpool_info() if one.get("architecture")}
    return {
        "architecture": platform.machine(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "blas": sorted(kernels),
        "libraries": {name: version(name) for name in FINGERPRINTED_LIBRARIES},
    }


def machine_differences(then: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In what two kinds of machine differ: "instructions: AVX512 then, AVX2 now"."""
    flat_then, flat_now = ({**one, **one["libraries"]} for one in (then, now))
    return [
        f"{name}: {_format(flat_then.get(name))} then, {_format(flat_now.get(name))} now"
        for name in sorted({*flat_then, *flat_now} - {"libraries"})
        if flat_then.get(name) != flat_now.get(name)
    ]


def _format(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)

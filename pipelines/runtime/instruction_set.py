"""Instruction set: the same kernels on every machine that has AVX2, so that sums are taken in the same order.

Libraries pick their kernels by the processor, when they are loaded: with AVX-512 a sum is taken in another order than
with AVX2, and its last bits differ. So the choice is made in the environment, before they are loaded, for this process
and all that it starts. A variable that is set already stays; `BAKEOFF_INSTRUCTIONS=native` leaves all of them alone.
"""

import os
import platform
from collections.abc import MutableMapping
from pathlib import Path

INSTRUCTIONS_VARIABLE = "BAKEOFF_INSTRUCTIONS"
NATIVE = "native"  # whatever the machine has
PINNED_LIBRARIES = {
    "ATEN_CPU_CAPABILITY": "avx2",  # PyTorch's own kernels
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # convolutions and matrix products in PyTorch
    "MKL_CBWR": "AVX2",  # MKL in PyTorch
    "OPENBLAS_CORETYPE": "Haswell",  # OpenBLAS in NumPy and SciPy
}
NUMPY_VARIABLE = "NPY_DISABLE_CPU_FEATURES"  # NumPy warns about one that the machine does not have
NUMPY_FEATURES = {  # NumPy's names for what is beyond AVX2, and what the machine must have for them
    "X86_V4": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
    "AVX512_ICL": {"avx512ifma", "avx512vbmi", "avx512_vbmi2", "avx512_vnni", "avx512_bitalg", "avx512_vpopcntdq"},
    "AVX512_SPR": {"avx512_fp16"},
}
CPU_FILE = Path("/proc/cpuinfo")


def pin_instruction_set(environment: MutableMapping[str, str] | None = None, cpu_file: Path = CPU_FILE) -> None:
    """Have libraries that are loaded from now on use AVX2, where the machine has it; elsewhere nothing is changed.

    Args:
        environment: that of this process if None.
        cpu_file: where Linux says what the processor has.
    """
    environment = os.environ if environment is None else environment
    flags = _cpu_flags(cpu_file)
    if "avx2" not in flags or environment.get(INSTRUCTIONS_VARIABLE) == NATIVE:
        return
    for name, value in PINNED_LIBRARIES.items():
        environment.setdefault(name, value)
    beyond = [feature for feature, needed in NUMPY_FEATURES.items() if needed <= flags]
    if beyond:
        environment.setdefault(NUMPY_VARIABLE, " ".join(beyond))


def _cpu_flags(cpu_file: Path) -> frozenset[str]:
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        with cpu_file.open(encoding="ascii", errors="replace") as lines:
            line = next((line for line in lines if line.startswith("flags")), "")
    except OSError:  # not Linux
        return frozenset()
    return frozenset(line.partition(":")[2].split())

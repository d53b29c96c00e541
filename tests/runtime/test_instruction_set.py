"""The instruction set is pinned before any library that computes is loaded, where the machine has it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.runtime.instruction_set import NUMPY_VARIABLE, PINNED_LIBRARIES, pin_instruction_set
from pipelines.runtime.machine import describe_machine, machine_differences
from tests.support.pages import ROOT

AVX512 = "avx512f avx512cd avx512bw avx512dq avx512vl"


def pinned(folder: Path, flags: str, environment: dict[str, str] | None = None) -> dict[str, str]:
    file = folder / "cpuinfo"
    file.write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t\t: none\n")
    environment = environment or {}
    pin_instruction_set(environment, file)
    return environment


on_x86 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="other processors have no AVX2")


@on_x86
def test_a_machine_with_avx2_is_pinned_to_it(tmp_path: Path) -> None:
    assert pinned(tmp_path, "avx avx2 fma") == PINNED_LIBRARIES


@on_x86
def test_numpy_is_kept_from_what_the_machine_has_beyond_it_and_from_nothing_else(tmp_path: Path) -> None:
    assert pinned(tmp_path, f"avx2 {AVX512}")[NUMPY_VARIABLE] == "X86_V4"


@pytest.mark.parametrize("flags", ["avx", "", "avx2x"])
def test_a_machine_without_avx2_is_left_alone(tmp_path: Path, flags: str) -> None:
    assert pinned(tmp_path, flags) == {}


def test_no_list_of_what_the_processor_has_is_no_error(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    pin_instruction_set(environment, tmp_path / "none")
    assert environment == {}


@on_x86
def test_what_the_user_has_set_stays(tmp_path: Path) -> None:
    assert pinned(tmp_path, "avx2", {"MKL_CBWR": "COMPATIBLE"})["MKL_CBWR"] == "COMPATIBLE"
    assert pinned(tmp_path, "avx2", {"BAKEOFF_INSTRUCTIONS": "native"}) == {"BAKEOFF_INSTRUCTIONS": "native"}


@on_x86
def test_libraries_of_a_fresh_process_take_what_is_pinned() -> None:
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this machine has no AVX2")
    code = (
        "import pipelines; from pipelines.runtime.machine import describe_machine; print(describe_machine('cpu'));"
        "from numpy._core._multiarray_umath import __cpu_features__ as has; print(has['X86_V4'], has['AVX512_ICL'])"
    )
    environment = {name: value for name, value in os.environ.items() if name not in {*PINNED_LIBRARIES, NUMPY_VARIABLE}}
    command = [sys.executable, "-W", "error::ImportWarning", "-c", code]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "'instructions': 'AVX2'" in ran.stdout
    assert "openblas Haswell" in ran.stdout
    assert ran.stdout.endswith("False False\n")


def test_the_kind_of_machine_names_every_library_and_no_time_or_path() -> None:
    kind = describe_machine("cpu")
    assert set(kind) == {"architecture", "device", "instructions", "blas", "libraries"}
    assert {"torch", "numpy", "scipy", "scikit-learn"} <= set(kind["libraries"])
    assert kind == describe_machine("cpu")


def test_two_kinds_of_machine_differ_in_words() -> None:
    kind = describe_machine("cpu")
    other = {**kind, "instructions": "AVX512", "libraries": {**kind["libraries"], "scipy": "1.0"}}
    assert machine_differences(kind, kind) == []
    assert machine_differences(other, {**kind, "instructions": "AVX2"}) == [
        "instructions: AVX512 then, AVX2 now",
        f"scipy: 1.0 then, {kind['libraries']['scipy']} now",
    ]

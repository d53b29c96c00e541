"""The formats of saved arrays: .npy, .npz and idx, packed or not, larger than memory."""

import gzip
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipelines.data import large_arrays
from pipelines.sources.arrays.formats import open_array
from pipelines.sources.arrays.load import ArraysSettings, load_arrays
from tests.support.array_files import CODES, COLOURED, DRAWN, IMAGES, idx, loaded

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_are_read(dtype: str, packed: bool, tmp_path: Path) -> None:
    values = DRAWN.integers(0, 100, (6, 3, 2)).astype(dtype)
    content = idx(values)
    (tmp_path / "x").write_bytes(gzip.compress(content) if packed else content)
    found = open_array(tmp_path / "x", "x")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_an_npz_are_read(save: Callable[..., None], tmp_path: Path) -> None:
    save(tmp_path / "all.npz", a=np.asfortranarray(COLOURED), b=CODES, unused=np.array([{}], dtype=object))
    names = {"inputs": "a", "target": "b"}
    data = load_arrays(
        ArraysSettings.model_validate({"kind": "arrays", "path": str(tmp_path / "all.npz"), "arrays": names})
    )
    np.testing.assert_array_equal(data.part.inputs[0], COLOURED)
    np.testing.assert_array_equal(data.part.target, CODES)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(values=arrays.arrays(arrays.scalar_dtypes(), arrays.array_shapes(max_dims=3)), packed=st.booleans())
def test_npy_files_round_trip(values: np.ndarray, packed: bool, tmp_path: Path) -> None:
    if packed:
        np.savez_compressed(tmp_path / "x.npz", key=values)
        found = open_array(tmp_path / "x.npz", "x", "key")
    else:
        np.save(tmp_path / "x.npy", values)
        found = open_array(tmp_path / "x.npy", "x")
    assert (found.dtype, found.shape) == (values.dtype, values.shape)
    assert found.tobytes() == values.tobytes()


def test_a_large_packed_array_is_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(large_arrays, "MAX_IN_MEMORY_BYTES", 10)
    data = loaded(tmp_path, gzip.compress(idx(IMAGES)), gzip.compress(idx(CODES.astype(np.uint8))))
    assert isinstance(data.part.inputs[0], np.memmap)
    np.testing.assert_array_equal(data.part.inputs[0], IMAGES)
    assert list((tmp_path / ".state" / "sources").iterdir()) == []


@pytest.mark.parametrize(
    ("descr", "shape"),
    [("|u1", (2_000_000, 32, 32)), ("<f4", (100_000, 100, 8)), ("<f4", (2_000_000, 40))],
    ids=["images of 2 GB", "sequences of 320 MB, all of which is looked at", "rows of 320 MB"],
)
def test_a_large_file_is_opened_in_little_memory(descr: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    """The file is sparse: a header, and zeros that take no space."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": shape})
    with (tmp_path / "x.npy").open("wb") as file:
        file.write(header.getvalue())
        file.truncate(len(header.getvalue()) + int(np.prod(shape)) * np.dtype(descr).itemsize)
    script = (
        "import resource\nfrom pipelines.sources.arrays.load import ArraysSettings, load_arrays\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"data = load_arrays(ArraysSettings(kind='arrays', inputs={str(tmp_path / 'x.npy')!r}))\n"
        f"assert len(data.part.inputs[0]) == {shape[0]}\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ended.returncode == 0, ended.stderr
    assert int(ended.stdout) < 100_000, "kilobytes; the targets, all of one class, take 16,000 of them"

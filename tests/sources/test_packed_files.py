"""Packed text files: read as what is inside, by whatever they begin with."""

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow
import pytest

from pipelines.runtime.user_error import UserError
from pipelines.sources.files import packing
from pipelines.sources.sequences.load import SequencesSettings, load_sequences
from pipelines.sources.series.load import SeriesSettings, load_series
from tests.support.table_reading import table

ROWS = "".join(f"{number},{'ab'[number % 2]},{number * 1.5}\n" for number in range(60)).encode()
CONTENT = b"x,y,z\n" + ROWS


def zstandard(content: bytes) -> bytes:
    return bytes(pyarrow.Codec("zstd").compress(content, asbytes=True))


PACK: dict[str, Callable[[bytes], bytes]] = {
    "t.csv.gz": gzip.compress,
    "t.csv.bz2": bz2.compress,
    "t.csv.xz": lzma.compress,
    "t.csv.zst": zstandard,
}


@pytest.mark.parametrize("name", PACK)
def test_a_packed_table_is_the_table_inside(name: str, tmp_path: Path) -> None:
    plain, packed = table(tmp_path, CONTENT, "t.csv"), table(tmp_path, PACK[name](CONTENT), name)
    assert packed.schema.inputs == plain.schema.inputs
    for one, other in zip(packed.part.inputs, plain.part.inputs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", PACK)
def test_a_packed_file_that_is_cut_off_ends_in_a_sentence(name: str, tmp_path: Path) -> None:
    content = PACK[name](CONTENT * 20)
    with pytest.raises(UserError, match=r"is packed by \w+, and damaged or cut off"):
        table(tmp_path, content[: len(content) // 2], name)


def test_a_packed_tar_archive_is_not_taken_for_a_table(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo("t.csv")
        entry.size = len(CONTENT)
        archive.addfile(entry, io.BytesIO(CONTENT))
    with pytest.raises(UserError, match="is a packed tar archive; unpack it"):
        table(tmp_path, buffer.getvalue(), "t.tar.gz")


def test_a_file_that_unfolds_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "MAX_UNPACKED_BYTES", 2**21)
    with pytest.raises(UserError, match="unfolds to more than 2097152 bytes"):
        table(tmp_path, gzip.compress(b"x,y\n" * 2**20), "t.csv.gz")


def test_a_large_packed_file_is_unpacked_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(packing, "MAX_IN_MEMORY_BYTES", 2**8)
    data = table(tmp_path, gzip.compress(CONTENT), "t.csv.gz")
    assert len(data.part.target) == 60
    assert not list((tmp_path / ".state" / "sources").iterdir())  # the file has no name


def test_a_packed_tsv_a_series_and_a_twice_packed_file(tmp_path: Path) -> None:
    assert len(table(tmp_path, gzip.compress(CONTENT.replace(b",", b"\t")), "t.tsv.gz").part.target) == 60
    days = "".join(f"2024-01-{day:02},{day}\n" for day in range(1, 29))
    (tmp_path / "s.csv.gz").write_bytes(gzip.compress(f"day,load\n{days}".encode()))
    series = load_series(
        SeriesSettings(kind="series", path=str(tmp_path / "s.csv.gz"), time="day", window=4, horizon=2)
    )
    assert series.schema.title == "s.csv"
    with pytest.raises(UserError, match="is not text but packed by gzip; unpack it"):
        table(tmp_path, gzip.compress(gzip.compress(CONTENT)), "t.csv.gz")


def test_packed_sequences_are_read_as_their_names_say(tmp_path: Path) -> None:
    content = "@classLabel true a b\n@data\n1,2,3:a\n4,5,6:b\n"
    (tmp_path / "s.ts.gz").write_bytes(gzip.compress(content.encode()))
    data = load_sequences(SequencesSettings(kind="sequences", path=str(tmp_path / "s.ts.gz")))
    assert data.part.inputs[0].shape == (2, 3, 1)

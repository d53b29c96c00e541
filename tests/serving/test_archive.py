"""The archive: what it holds, the same files give the same bytes, and damage is found before anything is served."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.archive import build_archive, find_archives, read_archive
from serving.worker.integrity import CHECKSUM_FILE, InvalidArchive
from tests.support import small_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def mar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_model.build_model_archive(tmp_path_factory.mktemp("archive"))


def test_the_same_files_give_the_same_bytes_in_another_folder_at_another_time(mar: Path, tmp_path: Path) -> None:
    files = small_model.export_model(tmp_path / "elsewhere")
    for path in files.values():
        os.utime(path, (time.time() - 1e6, time.time() - 1e6))
    build_archive(tmp_path / "again.mar", **files)
    assert (tmp_path / "again.mar").read_bytes() == mar.read_bytes()


def test_nothing_but_the_archive_is_left_in_its_folder(mar: Path, tmp_path: Path) -> None:
    build_archive(tmp_path / "out" / "digits.mar", **small_model.export_model(tmp_path / "export"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["digits.mar"]


def test_the_checksums_are_those_of_sha256sum_and_cover_every_file(mar: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(mar) as opened:
        names = opened.namelist()
        opened.extractall(tmp_path)
    listed = [line.split("  ")[1] for line in (tmp_path / CHECKSUM_FILE).read_text().splitlines()]
    assert sorted([*listed, CHECKSUM_FILE]) == sorted(names)
    found = subprocess.run(["sha256sum", "--check", "--quiet", CHECKSUM_FILE], cwd=tmp_path, check=False)
    assert found.returncode == 0


def test_the_manifest_names_the_model_as_its_signature_does(mar: Path) -> None:
    with zipfile.ZipFile(mar) as opened:
        model = json.loads(opened.read("MAR-INF/MANIFEST.json"))["model"]
    assert (model["modelName"], model["modelVersion"]) == ("digits", "1.0")


def test_the_handler_needs_no_project_code_beside_the_archive(mar: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(mar) as opened:
        opened.extractall(tmp_path)
    program = (
        "import serving.worker.handler, sys; print(serving.worker.handler.__file__); sys.exit('models' in sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=kept, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(tmp_path)


def test_the_archive_holds_the_worker_and_no_other_code(mar: Path) -> None:
    """Nothing is listed by hand: serving/__init__.py and all of serving/worker/."""
    with zipfile.ZipFile(mar) as opened:
        found = {name: opened.read(name) for name in opened.namelist() if name.startswith("serving/")}
    files = [ROOT / "serving" / "__init__.py", *(ROOT / "serving" / "worker").rglob("*.py")]
    assert found == {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in files}


@pytest.mark.parametrize(
    "name", ["model.onnx", "signature.json", "golden.npz", "serving/worker/handler.py", "model-config.yaml"]
)
def test_one_flipped_byte_is_refused_by_the_name_of_its_file(mar: Path, tmp_path: Path, name: str) -> None:
    damaged = _rewritten(mar, tmp_path / "damaged.mar", name, lambda content: bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(InvalidArchive, match=rf"{name} does not match its checksum"):
        read_archive(damaged)


def test_a_byte_flipped_in_the_stored_file_is_refused_by_name_too(mar: Path, tmp_path: Path) -> None:
    content = bytearray(mar.read_bytes())
    content[content.index(small_model.build_onnx()) + 200] ^= 1
    (tmp_path / "damaged.mar").write_bytes(content)
    with pytest.raises(InvalidArchive, match=r"model\.onnx"):
        read_archive(tmp_path / "damaged.mar")


def test_a_file_that_is_missing_is_refused_by_name(mar: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match=r"golden\.npz is listed in SHA256SUMS and absent"):
        read_archive(_rewritten(mar, tmp_path / "short.mar", "golden.npz", None))


def test_a_model_that_is_not_listed_is_refused(mar: Path, tmp_path: Path) -> None:
    def drop(content: bytes) -> bytes:
        return b"\n".join(line for line in content.splitlines() if b"model.onnx" not in line)

    with pytest.raises(InvalidArchive, match=r"SHA256SUMS must list model\.onnx"):
        read_archive(_rewritten(mar, tmp_path / "unlisted.mar", CHECKSUM_FILE, drop))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "cannot be read as an archive"), (b"PK\x03\x04 not really", "cannot be read as an archive")],
)
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "odd.mar").write_bytes(content)
    with pytest.raises(InvalidArchive, match=reason):
        read_archive(tmp_path / "odd.mar")


def test_half_an_archive_is_refused(mar: Path, tmp_path: Path) -> None:
    (tmp_path / "half.mar").write_bytes(mar.read_bytes()[: mar.stat().st_size // 2])
    with pytest.raises(InvalidArchive, match=r"half\.mar"):
        read_archive(tmp_path / "half.mar")


def test_an_archive_that_does_not_exist_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match="make run"):
        read_archive(tmp_path / "absent.mar")


def test_archives_are_found_as_the_stages_leave_them(mar: Path, tmp_path: Path) -> None:
    place = tmp_path / "artifacts" / "digits" / "package" / "digits.mar"
    place.parent.mkdir(parents=True)
    shutil.copy(mar, place)
    assert find_archives([tmp_path / "artifacts"]) == [place]


def test_an_empty_store_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InvalidArchive, match="make run"):
        find_archives([tmp_path])


@pytest.mark.parametrize("name", ["", "../digits", "di gits", "-digits", "a/b"])
def test_a_name_that_torchserve_would_refuse_is_refused_when_packing(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name must be"):
        build_archive(tmp_path / "x.mar", **small_model.export_model(tmp_path / "export", name))


def _rewritten(mar: Path, path: Path, name: str, change: Callable[[bytes], bytes] | None) -> Path:
    """Copy an archive with one file changed (or left out) and the zip's own checksums right."""
    with zipfile.ZipFile(mar) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry != name:
                new.writestr(entry, content)
            elif change is not None:
                new.writestr(entry, change(content))
    return path

"""The archive: the same files give the same bytes, and damage is found before anything is served."""

import ast
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from serving import archive
from serving.worker import integrity
from tests.support import small_model


@pytest.fixture(scope="module")
def mar(tmp_path_factory):
    return small_model.build_model_archive(tmp_path_factory.mktemp("archive"))


def test_the_same_files_give_the_same_bytes_in_another_folder_at_another_time(mar, tmp_path):
    files = small_model.export_model(tmp_path / "elsewhere")
    for path in files.values():
        os.utime(path, (time.time() - 1e6, time.time() - 1e6))
    archive.build_archive(tmp_path / "again.mar", **files)
    assert (tmp_path / "again.mar").read_bytes() == mar.read_bytes()


def test_nothing_but_the_archive_is_left_in_its_folder(mar, tmp_path):
    archive.build_archive(tmp_path / "out" / "digits.mar", **small_model.export_model(tmp_path / "export"))
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["digits.mar"]


def test_the_checksums_are_those_of_sha256sum_and_cover_every_file(mar, tmp_path):
    with zipfile.ZipFile(mar) as opened:
        names = opened.namelist()
        opened.extractall(tmp_path)
    listed = [line.split("  ")[1] for line in (tmp_path / integrity.CHECKSUM_FILE).read_text().splitlines()]
    assert sorted([*listed, integrity.CHECKSUM_FILE]) == sorted(names)
    found = subprocess.run(["sha256sum", "--check", "--quiet", integrity.CHECKSUM_FILE], cwd=tmp_path, check=False)
    assert found.returncode == 0


def test_the_manifest_names_the_model_as_its_signature_does(mar):
    with zipfile.ZipFile(mar) as opened:
        model = json.loads(opened.read("MAR-INF/MANIFEST.json"))["model"]
    assert (model["modelName"], model["modelVersion"]) == ("digits", "1.0")


def test_the_handler_needs_no_project_code_beside_the_archive(mar, tmp_path):
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


def test_the_archive_holds_every_file_the_handler_imports(mar):
    with zipfile.ZipFile(mar) as opened:
        code = {name: opened.read(name).decode() for name in opened.namelist() if name.endswith(".py")}
    modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in code}
    imported = {name for text in code.values() for name in _imports(text)}
    assert imported
    assert imported <= modules | {f"{module}.{name}" for module, name in _names(code)}


def _imports(text):
    """Every module of serving/, or name inside one, that a file imports."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "serving":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _names(code):
    """(module, what it defines at its top level) of every file."""
    for name, text in code.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for node in ast.parse(text).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
            for target in targets:
                inner = target.elts if isinstance(target, ast.Tuple) else [target]
                yield from ((module, getattr(one, "id", getattr(one, "name", ""))) for one in inner)


@pytest.mark.parametrize(
    "name", ["model.onnx", "signature.json", "golden.npz", "serving/worker/handler.py", "model-config.yaml"]
)
def test_one_flipped_byte_is_refused_by_the_name_of_its_file(mar, tmp_path, name):
    damaged = _rewritten(mar, tmp_path / "damaged.mar", name, lambda content: bytes([content[0] ^ 1]) + content[1:])
    with pytest.raises(integrity.InvalidArchive, match=rf"{name} does not match its checksum"):
        archive.read_archive(damaged)


def test_a_byte_flipped_in_the_stored_file_is_refused_by_name_too(mar, tmp_path):
    content = bytearray(mar.read_bytes())
    content[content.index(small_model.build_onnx()) + 200] ^= 1
    (tmp_path / "damaged.mar").write_bytes(content)
    with pytest.raises(integrity.InvalidArchive, match=r"model\.onnx"):
        archive.read_archive(tmp_path / "damaged.mar")


def test_a_file_that_is_missing_is_refused_by_name(mar, tmp_path):
    with pytest.raises(integrity.InvalidArchive, match=r"golden\.npz is listed in SHA256SUMS and absent"):
        archive.read_archive(_rewritten(mar, tmp_path / "short.mar", "golden.npz", None))


def test_a_model_that_is_not_listed_is_refused(mar, tmp_path):
    def drop(content):
        return b"\n".join(line for line in content.splitlines() if b"model.onnx" not in line)

    with pytest.raises(integrity.InvalidArchive, match=r"SHA256SUMS must list model\.onnx"):
        archive.read_archive(_rewritten(mar, tmp_path / "unlisted.mar", integrity.CHECKSUM_FILE, drop))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "cannot be read as an archive"), (b"PK\x03\x04 not really", "cannot be read as an archive")],
)
def test_what_is_no_archive_is_refused(tmp_path, content, reason):
    (tmp_path / "odd.mar").write_bytes(content)
    with pytest.raises(integrity.InvalidArchive, match=reason):
        archive.read_archive(tmp_path / "odd.mar")


def test_half_an_archive_is_refused(mar, tmp_path):
    (tmp_path / "half.mar").write_bytes(mar.read_bytes()[: mar.stat().st_size // 2])
    with pytest.raises(integrity.InvalidArchive, match=r"half\.mar"):
        archive.read_archive(tmp_path / "half.mar")


def test_an_archive_that_does_not_exist_says_how_to_make_one(tmp_path):
    with pytest.raises(integrity.InvalidArchive, match="make run"):
        archive.read_archive(tmp_path / "absent.mar")


def test_archives_are_found_as_the_stages_leave_them(mar, tmp_path):
    place = tmp_path / "artifacts" / "digits" / "package" / "digits.mar"
    place.parent.mkdir(parents=True)
    shutil.copy(mar, place)
    assert archive.find_archives([tmp_path / "artifacts"]) == [place]


def test_an_empty_store_says_what_to_run(tmp_path):
    with pytest.raises(integrity.InvalidArchive, match="make run"):
        archive.find_archives([tmp_path])


@pytest.mark.parametrize("name", ["", "../digits", "di gits", "-digits", "a/b"])
def test_a_name_that_torchserve_would_refuse_is_refused_when_packing(tmp_path, name):
    with pytest.raises(ValueError, match="name must be"):
        archive.build_archive(tmp_path / "x.mar", **small_model.export_model(tmp_path / "export", name))


def _rewritten(mar, path, name, change):
    """Copy an archive with one file changed (or left out) and the zip's own checksums right."""
    with zipfile.ZipFile(mar) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.namelist():
            content = old.read(entry)
            if entry == name and change is None:
                continue
            new.writestr(entry, change(content) if entry == name else content)
    return path

"""What a worker checks before it answers: whole files, the golden outputs, and names that agree."""

import shutil
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest

from serving.worker import integrity
from serving.worker import signature as signatures
from serving.worker.handler import Handler
from serving.worker.onnx_model import OnnxModel
from tests.support import small_model


def start(folder):
    Handler().initialize(SimpleNamespace(system_properties={"model_dir": str(folder)}))


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checks")
    with zipfile.ZipFile(small_model.build_model_archive(folder)) as opened:
        opened.extractall(folder / "unpacked")
    return folder / "unpacked"


def copied(folder, target):
    return shutil.copytree(folder, target / "copy")


def test_a_worker_starts_on_a_whole_folder(unpacked):
    start(unpacked)


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz", "signature.json", "serving/worker/handler.py"])
def test_a_worker_refuses_a_folder_with_one_flipped_byte(unpacked, tmp_path, name):
    folder = copied(unpacked, tmp_path)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(integrity.InvalidArchive, match=rf"{name} does not match its checksum"):
        start(folder)


def test_a_worker_refuses_a_folder_without_checksums(unpacked, tmp_path):
    folder = copied(unpacked, tmp_path)
    (folder / integrity.CHECKSUM_FILE).unlink()
    with pytest.raises(integrity.InvalidArchive, match="SHA256SUMS is absent"):
        start(folder)


@pytest.mark.parametrize(
    ("error", "words"), [(0.01, "differs by 0.01 in row"), (float("nan"), "does not give the golden outputs")]
)
def test_a_worker_refuses_a_model_that_misses_its_golden_outputs(tmp_path, error, words):
    with zipfile.ZipFile(small_model.build_model_archive(tmp_path, golden_error=error)) as opened:
        opened.extractall(tmp_path / "unpacked")
    with pytest.raises(integrity.InvalidArchive, match=words):
        start(tmp_path / "unpacked")


def test_a_graph_with_other_names_than_the_signature_is_refused(unpacked, tmp_path):
    described = signatures.parse_signature((unpacked / "signature.json").read_bytes())
    other = replace(described, inputs=(replace(described.inputs[0], name="pixels"),))
    with pytest.raises(integrity.InvalidArchive, match=r"signature\.json are \['pixels'\], the graph has \['image'\]"):
        OnnxModel(unpacked / "model.onnx", other)

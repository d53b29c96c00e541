"""Integrity checks of a worker before it replies: whole files, the golden outputs, and names that agree."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from serving.worker.handler import Handler
from serving.worker.integrity import CHECKSUM_FILE, InvalidArchive
from serving.worker.onnx_model import OnnxModel
from serving.worker.signature import parse_signature
from tests.support import small_model
from tests.support.handler_calls import Context, start_handler


@pytest.fixture
def copied_digits(unpacked_digits: Path, tmp_path: Path) -> Path:
    """A copy of the unpacked archive, for a test to change."""
    return shutil.copytree(unpacked_digits, tmp_path / "copy")


def start(folder: Path) -> None:
    Handler().initialize(Context(folder))


def test_a_worker_starts_on_a_whole_folder(copied_digits: Path) -> None:
    start(copied_digits)


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz", "signature.json", "serving/worker/handler.py"])
def test_a_worker_refuses_a_folder_with_one_flipped_byte(copied_digits: Path, name: str) -> None:
    content = bytearray((copied_digits / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied_digits / name).write_bytes(content)
    with pytest.raises(InvalidArchive, match=rf"{name} does not match its checksum"):
        start(copied_digits)


def test_a_worker_refuses_a_folder_without_checksums(copied_digits: Path) -> None:
    (copied_digits / CHECKSUM_FILE).unlink()
    with pytest.raises(InvalidArchive, match="SHA256SUMS is absent"):
        start(copied_digits)


@pytest.mark.parametrize(
    ("error", "words"), [(0.01, "differs by 0.01 in row"), (float("nan"), "does not give the golden outputs")]
)
def test_a_worker_refuses_a_model_that_misses_its_golden_outputs(tmp_path: Path, error: float, words: str) -> None:
    with pytest.raises(InvalidArchive, match=words):
        start_handler(small_model.build_model_archive(tmp_path, golden_error=error), tmp_path / "unpacked")


def test_a_graph_with_other_names_than_the_signature_is_refused(unpacked_digits: Path) -> None:
    signature = parse_signature((unpacked_digits / "signature.json").read_bytes())
    other = replace(signature, inputs=(replace(signature.inputs[0], name="pixels"),))
    with pytest.raises(InvalidArchive, match=r"signature\.json are \['pixels'\], the graph has \['image'\]"):
        OnnxModel(unpacked_digits / "model.onnx", other)

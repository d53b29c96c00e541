"""What is exported: one graph from raw columns to probabilities, as bytes that depend on the weights alone."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from models import ARCHITECTURES, build
from models.stems import ImageStem, Model
from pipelines.exporting.folder import export
from pipelines.exporting.graphs import Served, example_tensors, quiet_torchscript, torchscript
from pipelines.exporting.parity import BATCHES, TOLERANCE, onnx_runtime
from pipelines.exporting.signature import Champion, golden_rows
from pipelines.running.files import read_json
from pipelines.sources.schema import Field, Schema
from pipelines.tasks import TASKS

ROOT = Path(__file__).parents[1]
TRAIN, ROWS = 300, 67  # rows of digits: enough to solve with; 67 leaves a short last batch at every size but 1


def schema_of(shape: tuple[int, ...], classes: int) -> Schema:
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=shape, range=(0, 255), unit="grey level"),),
        target=Field(
            name="kind",
            kind="category",
            dtype="int64",
            shape=(),
            categories=tuple(f"class {n}" for n in range(classes)),
        ),
        title="Pictures of things",
        origin="a test",
        licence="none",
    )


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = load_digits()
    return np.round(data.images * 255 / 16).astype(np.uint8), data.target


def model_of(architecture: str, images: np.ndarray, targets: np.ndarray, classes: int) -> Model:
    """A model with first weights drawn, or, in closed form, solved."""
    torch.manual_seed(20)
    row = ARCHITECTURES[architecture]
    stem = ImageStem.fit(images, row.reads)
    network = build(architecture, row.config(), stem.inputs, classes)
    if row.learner == "closed_form":
        network.solve(stem(torch.from_numpy(images)), torch.from_numpy(targets), 20)
    return Model(stem, network).eval()


def export_digits(architecture: str, folder: Path) -> dict[str, Any]:
    images, targets = digits()
    schema = schema_of((8, 8), 10)
    return export(
        folder,
        model_of(architecture, images[:TRAIN], targets[:TRAIN], 10),
        TASKS["classification"](schema),
        schema,
        (images[TRAIN : TRAIN + ROWS],),
        targets[TRAIN : TRAIN + ROWS],
        name="digits",
        champion=Champion(f"digits-{architecture}", architecture, 123, 456),
    )


@contextmanager
def nothing_said(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    capfd.readouterr()
    yield
    said = capfd.readouterr()
    assert said.out + said.err == ""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_answers_the_same_in_every_runtime(
    architecture: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with nothing_said(capfd):
        report = export_digits(architecture, tmp_path)
    by_gradient = ARCHITECTURES[architecture].learner == "gradient"
    assert list(report["runtimes"]) == (["eager", "torchscript", "onnx"] if by_gradient else ["eager", "onnx"])
    assert report["rows"] == ROWS
    for differences in report["runtimes"].values():
        assert list(differences) == [f"batch {batch}" for batch in BATCHES]
        assert all(one["largest"] <= TOLERANCE for one in differences.values())
    assert read_json(tmp_path / "parity.json") == report
    assert (tmp_path / "model.pt").exists() == by_gradient


@pytest.mark.parametrize("architecture", ["logistic_regression", "lenet5"])
def test_the_signature_describes_the_files_beside_it(architecture: str, tmp_path: Path) -> None:
    export_digits(architecture, tmp_path)
    signature = read_json(tmp_path / "signature.json")
    graph = onnx.load(tmp_path / "model.onnx")
    (image,), (reply,) = graph.graph.input, graph.graph.output
    assert image.name == signature["inputs"][0]["name"] == "image"
    assert (
        [axis.dim_value for axis in image.type.tensor_type.shape.dim][1:] == signature["inputs"][0]["shape"] == [8, 8]
    )
    assert image.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert reply.name == signature["outputs"][0]["name"] == "probabilities"
    assert signature["outputs"][0]["shape"] == [10]
    assert image.type.tensor_type.shape.dim[0].dim_param, "the batch axis is not fixed"
    assert signature["inputs"][0]["range"] == [0, 255]
    assert signature["inputs"][0]["decode"] == {"mode": "L", "media": ["image/png", "image/jpeg"]}
    assert signature["labels"][3] == "class 3"
    assert signature["champion"]["contender"] == f"digits-{architecture}"
    hashed = {path.name for path in tmp_path.iterdir()} - {"signature.json", "parity.json"}
    assert signature["hashes"] == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in hashed}
    facts = {entry.key: entry.value for entry in graph.metadata_props}
    assert facts["title"] == "Pictures of things"
    assert json.loads(facts["labels"]) == signature["labels"]


def test_golden_answers_are_those_of_the_graph(tmp_path: Path) -> None:
    export_digits("mlp", tmp_path)
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as golden:
        images, replies = golden["input_image"], golden["probabilities"]
    assert images.shape == (8, 8, 8)
    assert images.dtype == np.uint8
    np.testing.assert_allclose(onnx_runtime(tmp_path / "model.onnx")((images,)), replies, atol=TOLERANCE)
    np.testing.assert_allclose(replies.sum(axis=1), 1, atol=1e-6)


def test_a_class_that_training_never_saw_gets_no_probability(tmp_path: Path) -> None:
    images, targets = digits()
    seen = targets != 3
    schema = schema_of((8, 8), 10)
    model = model_of("decision_tree", images[seen][:TRAIN], targets[seen][:TRAIN], 10)
    rest = (images[TRAIN:],)
    export(
        tmp_path, model, TASKS["classification"](schema), schema, rest, targets[TRAIN:],
        name="digits", champion=Champion("tree", "decision_tree", 1, 1),
    )  # fmt: skip
    replies = onnx_runtime(tmp_path / "model.onnx")(rest)
    assert replies.shape == (len(rest[0]), 10)
    assert replies[:, 3].max() < 1e-6


@pytest.mark.parametrize("architecture", ["logistic_regression", "mlp", "lenet5"])
def test_colour_images_of_any_size_are_exported(architecture: str, tmp_path: Path) -> None:
    drawn = np.random.default_rng(20)
    images = drawn.integers(0, 256, (40, 12, 17, 3), dtype=np.uint8)
    targets = drawn.integers(0, 3, 40)
    schema = schema_of((12, 17, 3), 3)
    export(
        tmp_path, model_of(architecture, images, targets, 3), TASKS["classification"](schema), schema,
        (images,), targets, name="colours", champion=Champion("c", architecture, 1, 1),
    )  # fmt: skip
    assert read_json(tmp_path / "signature.json")["inputs"][0]["decode"]["mode"] == "RGB"


def test_torchscript_loads_and_answers_at_any_batch_size(tmp_path: Path) -> None:
    export_digits("lenet5", tmp_path)
    with zipfile.ZipFile(tmp_path / "model.pt") as archive:
        assert not [name for name in archive.namelist() if "debug" in name or "serialization_id" in name]
    with quiet_torchscript():
        loaded = torch.jit.load(tmp_path / "model.pt")
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as golden:
        images, replies = torch.from_numpy(golden["input_image"]), golden["probabilities"]
    for rows in (1, 3, 8):
        np.testing.assert_allclose(loaded(images[:rows]).detach(), replies[:rows], atol=TOLERANCE)


def test_dropout_is_off_in_what_is_exported() -> None:
    images, targets = digits()
    model = model_of("mlp", images, targets, 10)
    model.network = torch.nn.Sequential(torch.nn.Dropout(0.5), model.network)
    model.train()
    served = Served(model, torch.nn.Softmax(dim=-1))
    example = example_tensors((images[:2],))
    assert torch.equal(served(*example), served(*example))
    assert torchscript(served, example)


def test_two_fresh_processes_export_the_same_bytes_and_no_path_of_the_machine(tmp_path: Path) -> None:
    architectures = ["lenet5", "logistic_regression"]
    code = f"from tests.test_exporting import *; [export_digits(name, Path(name)) for name in {architectures}]"
    processes = []
    for run, hash_seed in (("one", "1"), ("two", "2")):
        (tmp_path / run).mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        processes.append(subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path / run, env=environment))
    assert [process.wait() for process in processes] == [0, 0]
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").glob("*/*"))
    assert len(files) == 5 + 4
    for name in files:
        content = (tmp_path / "one" / name).read_bytes()
        assert content == (tmp_path / "two" / name).read_bytes(), name
        for place in (tmp_path, ROOT, Path.home(), Path(sys.prefix), Path(torch.__file__).parent):
            assert str(place).encode() not in content, (name, place)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 10))
def test_golden_rows_hold_as_many_classes_as_can_be(targets: list[int], rows: int) -> None:
    chosen = golden_rows(np.array(targets), rows)
    assert len(chosen) == len(set(chosen)) == min(rows, len(targets))
    assert len({targets[row] for row in chosen}) == min(rows, len(set(targets)))

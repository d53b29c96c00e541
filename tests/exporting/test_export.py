"""What is exported: one graph from raw columns to probabilities, as bytes that depend on the weights alone."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
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
from torch import nn

from models import ARCHITECTURES
from models.stems import Model
from pipelines.data.parts import Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.graphs import ExportModule, example_tensors, hide_torchscript_warnings, torchscript_bytes
from pipelines.exporting.onnx_file import export_onnx
from pipelines.exporting.parity import BATCH_SIZES, TOLERANCE, onnx_runtime, torchscript_runtime
from pipelines.exporting.signature import ChampionSummary, golden_rows
from pipelines.runtime.files import read_json
from pipelines.tasks import Task, build_task
from pipelines.tasks.classification import Classification
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tasks.task import UNCALIBRATED, Calibration
from pipelines.training import weights
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import build_model, to_tensors
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.architecture_cases import SMALL_SETTINGS
from tests.support.budgets import epochs
from tests.support.problems import problem_of, task_settings_of, training_job_of

ROOT = Path(__file__).parents[2]
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


def model_of(architecture: str, schema: Schema, train: Part) -> Model:
    """A model with first weights drawn, or, in closed form, solved."""
    torch.manual_seed(20)
    model = build_model(architecture, Classification(schema), make_settings(architecture, "classification", {}), train)
    if ARCHITECTURES[architecture].learner == "closed_form":
        model.network.fit(model.stem(torch.from_numpy(train.inputs[0])), torch.from_numpy(train.target), 20)
    return model.eval()


def export_classes(
    architecture: str, folder: Path, schema: Schema, train: Part, test: Part, calibration: Calibration = UNCALIBRATED
) -> dict[str, Any]:
    champion = ChampionSummary(f"digits-{architecture}", architecture, 123, 456, 492, True, "", {"width": 8}, "0" * 64)
    model = model_of(architecture, schema, train)
    return export_evaluated(folder, model, Classification(schema), schema, test, "digits", champion, calibration)


def export_digits(architecture: str, folder: Path, calibration: Calibration = UNCALIBRATED) -> dict[str, Any]:
    images, targets = digits()
    train = Part((images[:TRAIN],), targets[:TRAIN])
    test = Part((images[TRAIN : TRAIN + ROWS],), targets[TRAIN : TRAIN + ROWS])
    return export_classes(architecture, folder, schema_of((8, 8), 10), train, test, calibration)


def export_trained(root: Path, architecture: str, problem: str, folder: Path) -> dict[str, Any]:
    """Train for one epoch on the problem that lies at `root`, and export."""
    settings = make_settings(architecture, task_settings_of(problem).kind, SMALL_SETTINGS.get(architecture, {}))
    job = training_job_of(root, architecture, problem)
    assert run_trial(TrialSpec(job, settings, 3, folder / "scratch", epochs(1))).score is not None
    schema = read_schema(job.schema_file)
    task = build_task(task_settings_of(problem), schema)
    model = weights.load_model(architecture, task, settings, folder / "scratch" / "best")
    valid, test = (read_part(root / "split" / part, schema) for part in ("valid", "test"))
    inputs, reference = to_tensors(model_inputs(task, valid)), task.reference(valid)
    decision = task.calibrate_postprocess(predict(model, nn.Identity(), inputs), reference)
    decision |= task.calibrate(predict(model, task.postprocess(decision), inputs), reference)
    champion = ChampionSummary(
        f"{problem}-{architecture}", architecture, 123, 456, 492, True, "", {"width": 8}, "0" * 64
    )
    return export_evaluated(folder / "export", model, task, schema, test, problem, champion, decision)


def export_evaluated(
    folder: Path,
    model: Model,
    task: Task,
    schema: Schema,
    test: Part,
    name: str,
    champion: ChampionSummary,
    calibration: Calibration,
) -> dict[str, Any]:
    """Write the ONNX file as the evaluation does, beside the export folder, then export."""
    onnx_file, postprocess = folder.with_name(f"{folder.name}-evaluated.onnx"), task.postprocess(calibration)
    export_onnx(model, postprocess, task, schema, [values[:2] for values in model_inputs(task, test)], onnx_file)
    return export_champion(
        folder, model, task, schema, test,
        onnx_file=onnx_file, name=name, champion=champion, calibration=calibration,
    )  # fmt: skip


@contextmanager
def nothing_said(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    capfd.readouterr()
    yield
    said = capfd.readouterr()
    assert said.out + said.err == ""


ENTERED = [(name, problem_of(name)) for name in ARCHITECTURES] + [
    *(("mlp", "cells"), ("logistic_regression", "cells")),  # a table, and two classes
    *(("mlp", "texts"), ("lstm", "texts"), ("logistic_regression", "texts")),
    *(("mlp", "diabetes"), ("gradient_boosting", "diabetes"), ("decision_tree", "diabetes")),
    *(("linear_regression", "sunspots"), ("lstm", "sunspots"), ("esn", "sunspots")),
]


@pytest.mark.parametrize(("architecture", "problem"), ENTERED)
def test_every_architecture_answers_the_same_in_every_runtime(
    folder_of_few: Callable[[str], Path],
    architecture: str,
    problem: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    root = folder_of_few(problem)
    with nothing_said(capfd):
        report = export_trained(root, architecture, problem, tmp_path)
    assert list(report["runtimes"]) == ["eager", "torchscript", "onnx"]
    schema = read_schema(root / "split" / "schema.json")
    assert report["rows"] == len(read_part(root / "split" / "test", schema).target)
    for differences in report["runtimes"].values():
        assert list(differences) == [f"batch {batch}" for batch in BATCH_SIZES]
        assert all(one["largest"] <= TOLERANCE for one in differences.values())
    folder = tmp_path / "export"
    assert read_json(folder / "parity.json") == report
    task, signature = build_task(task_settings_of(problem), schema), read_json(folder / "signature.json")
    assert [field["name"] for field in signature["inputs"]] == [field.name for field in task.input_fields]
    (output,) = signature["outputs"]
    with np.load(folder / "golden.npz", allow_pickle=False) as golden:
        columns = tuple(golden[f"input_{field.name}"] for field in task.input_fields)
        predictions = golden[task.output_name]
    assert (output["name"], output["shape"]) == (task.output_name, list(predictions.shape[1:]))
    again = onnx_runtime(folder / "model.onnx")(columns)
    np.testing.assert_allclose(again, predictions, atol=TOLERANCE * max(1.0, float(np.abs(predictions).max())))


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
        images, predictions = golden["input_image"], golden["probabilities"]
    assert images.shape == (8, 8, 8)
    assert images.dtype == np.uint8
    np.testing.assert_allclose(onnx_runtime(tmp_path / "model.onnx")((images,)), predictions, atol=TOLERANCE)
    np.testing.assert_allclose(predictions.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("architecture", ["logistic_regression", "mlp"])
def test_the_temperature_is_inside_every_graph(architecture: str, tmp_path: Path) -> None:
    for name, calibration in (("plain", {}), ("tempered", {"temperature": 2.0})):
        (tmp_path / name).mkdir()
        export_digits(architecture, tmp_path / name, calibration)
    images = digits()[0][TRAIN : TRAIN + ROWS]
    roots = np.sqrt(onnx_runtime(tmp_path / "plain" / "model.onnx")((images,)))
    expected = roots / roots.sum(axis=1, keepdims=True)  # softmax(z / 2) is the root of softmax(z), rescaled
    folder = tmp_path / "tempered"
    for runtime in (onnx_runtime(folder / "model.onnx"), torchscript_runtime(folder / "model.pt")):
        np.testing.assert_allclose(runtime((images,)), expected, atol=TOLERANCE)
    assert read_json(tmp_path / "tempered" / "signature.json")["calibration"] == {"temperature": 2.0}


def test_a_class_that_training_never_saw_gets_no_probability(tmp_path: Path) -> None:
    images, targets = digits()
    seen = targets != 3
    train, rest = Part((images[seen][:TRAIN],), targets[seen][:TRAIN]), Part((images[TRAIN:],), targets[TRAIN:])
    export_classes("decision_tree", tmp_path, schema_of((8, 8), 10), train, rest)
    predictions = onnx_runtime(tmp_path / "model.onnx")(rest.inputs)
    assert predictions.shape == (len(rest.target), 10)
    assert predictions[:, 3].max() < 1e-6


@pytest.mark.parametrize("architecture", ["logistic_regression", "mlp", "lenet5"])
def test_colour_images_of_any_size_are_exported(architecture: str, tmp_path: Path) -> None:
    drawn = np.random.default_rng(20)
    part = Part((drawn.integers(0, 256, (40, 12, 17, 3), dtype=np.uint8),), drawn.integers(0, 3, 40))
    export_classes(architecture, tmp_path, schema_of((12, 17, 3), 3), part, part)
    assert read_json(tmp_path / "signature.json")["inputs"][0]["decode"]["mode"] == "RGB"


def test_torchscript_loads_and_answers_at_any_batch_size(tmp_path: Path) -> None:
    export_digits("lenet5", tmp_path)
    with zipfile.ZipFile(tmp_path / "model.pt") as archive:
        assert not [name for name in archive.namelist() if "debug" in name or "serialization_id" in name]
    with hide_torchscript_warnings():
        loaded = torch.jit.load(tmp_path / "model.pt")
    with np.load(tmp_path / "golden.npz", allow_pickle=False) as golden:
        images, predictions = torch.from_numpy(golden["input_image"]), golden["probabilities"]
    for rows in (1, 3, 8):
        np.testing.assert_allclose(loaded(images[:rows]).detach(), predictions[:rows], atol=TOLERANCE)


def test_dropout_is_off_in_what_is_exported() -> None:
    images, targets = digits()
    model = model_of("mlp", schema_of((8, 8), 10), Part((images,), targets))
    model.network = torch.nn.Sequential(torch.nn.Dropout(0.5), model.network)
    model.train()
    served = ExportModule(model, torch.nn.Softmax(dim=-1))
    example = example_tensors((images[:2],))
    assert torch.equal(served(*example), served(*example))
    assert torchscript_bytes(served, example)


def test_two_fresh_processes_export_the_same_bytes_and_no_path_of_the_machine(tmp_path: Path) -> None:
    architectures = ["lenet5", "decision_tree"]
    code = f"from tests.exporting.test_export import *; [export_digits(name, Path(name)) for name in {architectures}]"
    processes = []
    for run, hash_seed in (("one", "1"), ("two", "2")):
        (tmp_path / run).mkdir()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        processes.append(subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path / run, env=environment))
    assert [process.wait() for process in processes] == [0, 0]
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").glob("*/*"))
    assert len(files) == 2 * 5
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

"""What export writes for serving: every kind of field as the graph reads it, and what replies are made with."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from pipelines.data.schema import Field, Schema
from pipelines.exporting.signature import (
    ChampionSummary,
    _input_entry,
    golden_rows,
    split_digest,
    write_golden,
    write_signature,
)
from pipelines.runtime.files import read_json
from pipelines.tasks.classification import Classification
from serving.worker import integrity
from serving.worker import signature as serving_signature
from serving.worker.requests import noise

INPUTS = (
    Field(name="age", kind="number", dtype="float32", shape=(), range=(0.5, 80), unit="years"),
    Field(name="fare", kind="number", dtype="float32", shape=()),
    Field(name="sex", kind="category", dtype="int64", shape=(), categories=("female", "male")),
    Field(name="remark", kind="text", dtype="uint8", shape=(99,), categories=("", "<unknown>", "a"), length=12),
    Field(name="pulse", kind="steps", dtype="float32", shape=(6, 2), columns=("low", "high"), step="15 min"),
    Field(name="portrait", kind="image", dtype="uint8", shape=(8, 8, 3), range=(0, 255), unit="grey level"),
)
TARGET = Field(name="survived", kind="category", dtype="int64", shape=(), categories=("no", "yes"))
SCHEMA = Schema(inputs=INPUTS, target=TARGET, title="Passengers", origin="here", licence="none")


MANIFEST = {"files": {"train/age.npy": {"bytes": 9, "sha256": "a1"}, "schema.json": {"bytes": 2, "sha256": "b2"}}}
CHAMPION = ChampionSummary(
    "passengers-mlp", "mlp", 1, 2, 4, ship=False, reason="It is alone.",
    settings={"width": 8, "learning_rate": 0.003}, split=split_digest(MANIFEST),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signature")
    golden = tuple(np.zeros((2, *((12,) if field.kind == "text" else field.shape))) for field in INPUTS)
    write_golden(folder / "golden.npz", INPUTS, golden, "probabilities", np.full((2, 2), 0.5), scale=np.ones(2))
    write_signature(
        folder,
        name="passengers",
        task=Classification(SCHEMA),
        schema=SCHEMA,
        champion=CHAMPION,
        prediction_shape=(2,),
        tolerance=1e-5,
        calibration={"threshold": 0.25, "positive": 1},
    )
    return folder


@pytest.fixture
def found(folder: Path) -> serving_signature.Signature:
    return serving_signature.parse_signature((folder / "signature.json").read_bytes())


@pytest.mark.parametrize("place", range(len(INPUTS)), ids=[field.name for field in INPUTS])
def test_serving_reads_every_field_as_it_was_written(found: serving_signature.Signature, place: int) -> None:
    written, read = INPUTS[place], found.inputs[place]
    for name in ("name", "kind", "range", "unit", "categories", "length", "columns", "step"):
        assert getattr(read, name) == getattr(written, name), name
    as_read = ("int64", (12,)) if written.kind == "text" else (written.dtype, written.shape)
    assert (read.dtype, read.shape) == as_read


def test_a_picture_says_how_its_bytes_become_pixels(found: serving_signature.Signature) -> None:
    assert [field.decode_options for field in found.inputs[-2:]] == [
        {},
        {"mode": "RGB", "media": ["image/png", "image/jpeg"]},
    ]


def test_noise_says_how_it_is_drawn_and_serving_draws_it_so() -> None:
    field = Field(name="noise", kind="noise", dtype="float32", shape=(5,))
    rule = str((_input_entry(field)["decode"] or {})["draw"])
    expected = eval(rule, {"numpy": np, "seed": 3, "number": 4, "Z": 5})
    read = serving_signature.Field("noise", "noise", "float32", (5,))
    assert np.array_equal(noise.parse_noise({"number": 4, "seed": 3}, read, "noise"), expected)


def test_calibration_and_labels_reach_the_server(found: serving_signature.Signature) -> None:
    assert found.calibration == {"threshold": 0.25, "positive": 1}
    assert found.labels == found.target.categories == ("no", "yes")
    assert found.levels == ()
    assert found.outputs == (serving_signature.Output("probabilities", (2,), "float32"),)


def test_golden_arrays_are_found_by_name(folder: Path, found: serving_signature.Signature) -> None:
    with np.load(folder / "golden.npz") as arrays:
        inputs, outputs = integrity.split_golden(arrays, found)
        assert list(inputs) == [field.name for field in INPUTS]
        assert outputs["probabilities"].shape == (2, 2)
        assert integrity.error_scale(arrays, found).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("targets", [np.linspace(0, 1, 100), np.zeros((100, 3, 3), np.uint8), np.zeros((3, 2))])
def test_where_targets_are_no_classes_golden_rows_are_spread_evenly(targets: np.ndarray) -> None:
    rows = golden_rows(targets)
    assert len(rows) == min(8, len(targets))
    assert (rows[0], rows[-1]) == (0, len(targets) - 1)


def test_the_champion_is_written_with_its_settings_and_the_digest_of_its_data(folder: Path) -> None:
    champion = read_json(folder / "signature.json")["champion"]
    assert champion == CHAMPION._asdict()
    assert champion["settings"] == {"width": 8, "learning_rate": 0.003}
    assert re.fullmatch("[0-9a-f]{64}", champion["split"])


@pytest.mark.parametrize("name", MANIFEST["files"])
def test_the_split_digest_changes_with_every_file(name: str) -> None:
    edited = {"files": {**MANIFEST["files"], name: {"bytes": 2, "sha256": "c3"}}}
    assert split_digest(edited) != split_digest(MANIFEST)


def test_the_calibration_of_an_older_archive_is_read(folder: Path) -> None:
    """Archives made before called it `decision`."""
    document = read_json(folder / "signature.json")
    document["decision"] = document.pop("calibration")
    assert serving_signature.parse_signature(json.dumps(document)).calibration == {"threshold": 0.25, "positive": 1}

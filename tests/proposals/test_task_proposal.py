"""What is learned is what the target asks for, or what the user wishes where the data suits it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.data.dataset import Dataset
from pipelines.proposals.proposal import Proposal, build_proposal
from pipelines.proposals.source_proposal import Wishes
from pipelines.proposals.task_proposal import propose_task
from pipelines.runtime.user_error import UserError
from pipelines.settings.params import Defaults
from tests.support.array_files import loaded
from tests.support.data_files import write_csv, write_pictures, write_series

DRAWN = np.random.default_rng(0)
PICTURES = DRAWN.integers(0, 256, (80, 8, 8), dtype=np.uint8)


def propose(place: Path, task: str | None, target: str | None = None) -> Proposal:
    wishes = Wishes(target, None, {}, lambda columns, likely: str(likely), task)
    return build_proposal("mine", str(place), wishes, Defaults(), workers=2)


def test_anomalies_are_detected_in_numbers_and_the_commonest_class_is_usual(tmp_path: Path) -> None:
    found = propose(write_csv(tmp_path), "anomaly_detection", "sold")
    assert found.settings["task"]["kind"] == "anomaly_detection"
    assert found.settings["task"]["normal"] in ("0", "1")
    assert found.settings["source"]["inputs"] == ["size"]
    assert found.settings["split"]["by"] == "stratified"
    assert any("reads numbers alone, so these are left out: colour" in reason for reason in found.reasons)
    assert found.seconds is not None


def test_pictures_may_be_drawn_again(tmp_path: Path) -> None:
    found = propose(write_pictures(tmp_path), "reconstruction")
    assert found.settings["task"] == "reconstruction"
    assert found.seconds is not None


@pytest.mark.parametrize("task", ["denoising", None])
def test_arrays_of_pictures_for_pictures_are_denoised(task: str | None, tmp_path: Path) -> None:
    np.save(
        tmp_path / "x.npy",
        np.clip(PICTURES.astype(int) + DRAWN.integers(-9, 9, PICTURES.shape), 0, 255).astype(np.uint8),
    )
    np.save(tmp_path / "y.npy", PICTURES)
    found = propose(tmp_path, task)
    assert found.settings["task"] == "denoising"
    assert found.settings["source"]["target_kind"] == "image"
    assert found.seconds is not None


@pytest.mark.parametrize(
    ("write", "task", "target", "sentence"),
    [
        (write_csv, "generation", "sold", "--task generation is not for rows of a table, of which classification"),
        (write_csv, "regression", "colour", "regression needs a target of kind number"),
        (write_csv, "anomaly_detection", "size", "needs a target of classes, of which one is usual"),
        (write_pictures, "denoising", None, "denoising needs a target of kind image"),
        (write_series, "classification", "load", "classification needs a target of kind category"),
    ],
)
def test_what_cannot_be_learned_is_said(
    write: Any, task: str, target: str | None, sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=sentence):
        propose(write(tmp_path), task, target)


def rare(folder: Path, share: float) -> Dataset:
    rows = DRAWN.normal(size=(400, 3)).astype(np.float32)
    return loaded(folder, rows, (np.arange(400) >= 400 * share).astype(np.int64))


def test_a_rare_class_is_said_to_be_perhaps_an_anomaly(tmp_path: Path) -> None:
    hint = "Only 2.0% of the examples are 0; --task anomaly_detection would learn"
    assert propose_task(rare(tmp_path, 0.02), {"kind": "arrays"}, None).reasons[0].startswith(hint)
    assert propose_task(rare(tmp_path, 0.1), {"kind": "arrays"}, None).reasons == ()

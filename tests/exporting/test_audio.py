"""Networks of recordings: what is exported takes the samples, and what is served takes the file itself."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models import ARCHITECTURES
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.onnx_file import export_onnx
from pipelines.exporting.signature import ChampionSummary
from pipelines.sources.audio.load import AudioSettings, load_audio
from pipelines.tasks.classification import Classification
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import build_model, to_tensors
from serving.archive import build_archive
from tests.support.data_files import write_recordings
from tests.support.handler_calls import Request, send, start_handler

CHAMPION = ChampionSummary("words", "", 1, 1, 1, ship=True, reason="It leads.", settings={}, split="")


@pytest.mark.parametrize("architecture", ["gru", "esn", "tcn", "rocket"])
def test_a_served_network_of_recordings_answers_files_as_it_was_trained(architecture: str, tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    write_recordings(folder, 1)
    pattern = "(?:^|/)([^/_]+)[^/]*$"
    settings = AudioSettings.model_validate({"kind": "audio", "path": str(folder), "label": pattern, "seconds": 0.15})
    data = load_audio(settings)
    task = Classification(data.schema)
    torch.manual_seed(0)
    model = build_model(architecture, task, make_settings(architecture, "classification", {}), data.part).eval()
    if ARCHITECTURES[architecture].learner == "closed_form":
        inputs, target = (to_tensors(values) for values in ((data.part.inputs[0],), (data.part.target,)))
        model.network.fit(model.stem(*inputs), target[0], 0)  # type: ignore[operator]  # PyTorch types a network's own methods as tensors
    onnx_file = tmp_path / "model.onnx"
    export_onnx(model, task.postprocess(), task, data.schema, [data.part.inputs[0][:2]], onnx_file)
    champion = CHAMPION._replace(architecture=architecture)
    export_champion(
        tmp_path / "export", model, task, data.schema, data.part, onnx_file=onnx_file, name="words", champion=champion,
        calibration={},
    )  # fmt: skip
    files = {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}
    build_archive(tmp_path / "words.mar", **{part: tmp_path / "export" / name for part, name in files.items()})
    handler = start_handler(tmp_path / "words.mar", tmp_path / "unpacked")
    with torch.no_grad():
        logits = model(*to_tensors((data.part.inputs[0],)))
    expected = torch.softmax(logits, 1).numpy()
    names = sorted(path.name for path in folder.iterdir())
    for row in (0, len(names) - 1):
        ((status, reply),) = send(handler, Request((folder / names[row]).read_bytes(), "audio/wav"))
        assert status == 200, reply
        served = [reply["probabilities"][label] for label in data.schema.target.categories]
        np.testing.assert_allclose(served, expected[row], atol=2e-3)

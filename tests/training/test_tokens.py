"""What texts are cut into: a setting of the stem, searched where it is named, the same when served."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.blocks.hyperparameters import Choice
from pipelines.data.parts import read_part
from pipelines.data.text import from_bytes
from pipelines.data.tokenizers import TOKENIZERS
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.onnx_file import export_onnx
from pipelines.exporting.signature import ChampionSummary
from pipelines.runtime.user_error import UserError
from pipelines.tasks import build_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import load_training_data, read_job_schema, to_tensors
from pipelines.training.search_space import build_search_space
from pipelines.training.trial import TrialSpec, run_trial
from pipelines.training.weights import load_model
from serving.archive import build_archive
from tests.support import handler_calls
from tests.support.budgets import epochs
from tests.support.problems import training_job_of


def test_no_search_tries_other_tokens_than_words_unless_it_names_them() -> None:
    space = build_search_space("texts-lstm", "lstm", "classification", {}, {})
    assert "tokens" not in {**space.domains, **space.fixed}
    assert space.add_fixed(space.first_values).stem.model_dump() == {"tokens": "words"}
    named = build_search_space("texts-lstm", "lstm", "classification", {}, {"tokens": ["characters", "subwords"]})
    assert named.domains["tokens"] == Choice(("characters", "subwords"))
    assert named.add_fixed(named.first_values).to_json()["tokens"] == "characters"
    with pytest.raises(UserError, match="tokens must be one of words, characters, subwords, found 'syllables'"):
        build_search_space("texts-lstm", "lstm", "classification", {"tokens": "syllables"}, {})


def test_tokens_where_there_is_no_text_are_refused(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    settings = make_settings("mlp", "classification", {"tokens": "characters"})
    spec = TrialSpec(training_job_of(folder_of("digits"), "mlp"), settings, 1, tmp_path, epochs(1))
    with pytest.raises(UserError, match=r"tokens: characters says how texts are read.*image \(image\): leave it out"):
        run_trial(spec)


def test_vocabularies_are_fitted_on_the_train_part_alone(folder_of: Callable[[str], Path]) -> None:
    job = training_job_of(folder_of("texts"), "lstm", "texts")
    settings = make_settings("lstm", "classification", {"tokens": "characters"})
    schema = read_job_schema(job.read_with(settings.stem))
    train = read_part(job.schema_file.parent / "train", schema)
    written = "".join(from_bytes(np.asarray(train.inputs[0])))
    assert set(schema.inputs[0].categories[2:]) <= {*written, " "}
    assert read_job_schema(job).inputs[0].tokens == "words"


@pytest.mark.parametrize("architecture", ["logistic_regression", "gru"])
@pytest.mark.parametrize("tokens", TOKENIZERS)
def test_a_text_is_answered_as_it_was_in_training(
    folder_of_few: Callable[[str], Path], tmp_path: Path, architecture: str, tokens: str
) -> None:
    settings = make_settings(architecture, "classification", {"tokens": tokens})
    job = training_job_of(folder_of_few("texts"), architecture, "texts").read_with(settings.stem)
    assert run_trial(TrialSpec(job, settings, 3, tmp_path / "scratch", epochs(1))).score is not None
    schema = load_training_data(job).schema
    task = build_task(job.task_settings, schema)
    model = load_model(architecture, task, settings, tmp_path / "scratch" / "best")
    test = read_part(job.schema_file.parent / "test", schema)
    columns = model_inputs(task, test)
    onnx_file, folder = tmp_path / "evaluated.onnx", tmp_path / "export"
    export_onnx(model, task.postprocess(), task, schema, [values[:2] for values in columns], onnx_file)
    champion = ChampionSummary("texts-one", architecture, 1, 1, 1, True, "", settings.to_json(), "0" * 64)
    export_champion(
        folder, model, task, schema, test, onnx_file=onnx_file, name="texts", champion=champion, calibration={}
    )
    names = {"signature": "signature.json", "model": "model.onnx", "golden": "golden.npz"}
    build_archive(tmp_path / "texts.mar", **{key: folder / name for key, name in names.items()})
    handler = handler_calls.start_handler(tmp_path / "texts.mar", tmp_path / "worker")
    expected = predict(model, task.postprocess(), to_tensors(columns))
    for text, row in zip(from_bytes(np.asarray(test.inputs[0][:20])), expected, strict=False):
        reply = handler_calls.predict(handler, {"docstring": text})
        assert list(reply["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-5)

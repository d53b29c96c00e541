"""Semi-supervised learning: rows without a label are learned from, the same way every time, and never held out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.data.unlabelled import read_unlabelled, write_unlabelled
from pipelines.runtime.user_error import UserError
from pipelines.training import pretraining
from pipelines.training.budget import plan_schedule
from pipelines.training.contender_settings import SEMI_TASKS, ContenderSettings, make_settings
from pipelines.training.job import TrainingJob, build_fitted_model, load_training_data
from pipelines.training.pretraining import Inputs, pretrain_network, restoration_loss
from pipelines.training.pseudo_labels import draw_pseudo_batches
from pipelines.training.trial import TrialSpec, run_trial
from pipelines.training.unlabelled import load_unlabelled
from tests.support.budgets import epochs
from tests.support.problems import training_job_of
from tests.support.unlabelled_sources import CASES, MISSING, job_of_case

LABELLED = 40  # rows that keep their labels
SMALL = {"cnn": {"width": 8, "depth": 2}, "mlp": {"width": 16, "depth": 1}, "lstm": {"width": 8}, "unet": {"width": 8}}


def settings_of(architecture: str, kind: str = "classification", **changed: object) -> ContenderSettings[Any]:
    return make_settings(architecture, kind, SMALL[architecture] | changed)


@pytest.fixture(scope="module")
def job_for(
    folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], TrainingJob]:
    """Problems of which the first rows of the train part have labels, and the others none."""

    def make(architecture: str, problem: str) -> TrainingJob:
        job = training_job_of(folder_of(problem), architecture, problem)
        schema = read_schema(job.schema_file)
        part = read_part(job.train_part_folder, schema)
        folder = tmp_path_factory.mktemp(problem)
        write_part(folder, schema, Part(tuple(one[:1, :LABELLED] for one in part.inputs), part.target[:1, :LABELLED]))
        write_unlabelled(folder, schema, [values[0, LABELLED:] for values in part.inputs])
        return replace(job, train_part_folder=folder)

    return make


@pytest.mark.parametrize("semi", ["pretrain", "pseudo_label"])
@pytest.mark.parametrize("architecture", ["cnn", "mlp"])
def test_the_same_bytes_twice_and_stopped_on_the_way_and_others_than_without(
    job_for: Callable[[str, str], TrainingJob], tmp_path: Path, architecture: str, semi: str
) -> None:
    job = job_for(architecture, "digits")
    settings = settings_of(architecture, semi=semi, pseudo_threshold=0.11, learning_rate=0.02)
    through = run_trial(TrialSpec(job, settings, 3, tmp_path / "through", epochs(6)))
    assert through.score is not None, through.reason
    assert run_trial(TrialSpec(job, settings, 3, tmp_path / "again", epochs(6))) == through
    for share in (0.5, 1.0):
        assert run_trial(TrialSpec(job, settings, 3, tmp_path / "halting", epochs(6, share))).score is not None
    plain = settings_of(architecture, learning_rate=0.02)
    run_trial(TrialSpec(job, plain, 3, tmp_path / "plain", epochs(6)))
    contents = {
        name: (tmp_path / name / "best.safetensors").read_bytes() for name in ("through", "again", "halting", "plain")
    }
    assert contents["through"] == contents["again"] == contents["halting"] != contents["plain"]


def test_pretraining_learns_to_restore_and_leaves_the_output_layer_as_it_was(
    job_for: Callable[[str, str], TrainingJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, settings = job_for("mlp", "digits"), settings_of("mlp", semi="pretrain")
    data = load_training_data(job)
    torch.manual_seed(1)
    model = build_fitted_model(job, data, settings)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    unlabelled = load_unlabelled(job, data.task, settings.learner)
    losses: list[float] = []

    def note_loss(restored: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        loss = restoration_loss(restored, features)
        losses.append(loss.item())
        return loss

    monkeypatch.setattr(pretraining, "restoration_loss", note_loss)
    budget = epochs(100)
    schedule = plan_schedule(budget, LABELLED, settings.learner.batch_size)
    pretrain_network(model, job, data, unlabelled, settings, schedule, 1, tmp_path)
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[1] for name in changed} == {"hidden"}
    assert not any(one._forward_pre_hooks for one in model.modules()), "what looked into the network is gone"
    kept = load_file(tmp_path / "checkpoint.safetensors")
    assert all(torch.equal(kept[name], tensor) for name, tensor in model.state_dict().items())
    losses.clear()
    pretrain_network(model, job, data, unlabelled, settings, schedule, 1, tmp_path)
    assert losses == [], "what is there is read"


@pytest.mark.parametrize(
    ("architecture", "problem", "kind"),
    [("unet", "shapes", "segmentation"), ("lstm", "digits", "classification"), ("mlp", "diabetes", "regression")],
)
def test_pretraining_suits_masks_sequences_and_numbers(
    job_for: Callable[[str, str], TrainingJob], tmp_path: Path, architecture: str, problem: str, kind: str
) -> None:
    settings = settings_of(architecture, kind, semi="pretrain")
    result = run_trial(TrialSpec(job_for(architecture, problem), settings, 3, tmp_path, epochs(1)))
    assert result.score is not None, result.reason


@pytest.mark.parametrize("name", CASES)
def test_whatever_a_source_keeps_is_learned_from(name: str, tmp_path: Path) -> None:
    job, case = job_of_case(name, tmp_path), CASES[name]
    reads_words = name.endswith("texts")
    for semi in (semi for semi, tasks in SEMI_TASKS.items() if case.task in tasks):
        if semi == "pretrain" and reads_words:
            continue
        settings = settings_of(case.architecture, case.task, semi=semi, pseudo_threshold=0.4)
        result = run_trial(TrialSpec(job, settings, 3, tmp_path / semi, epochs(2)))
        assert result.score is not None, result.reason
        task = load_training_data(job).task
        assert {len(values) for values in load_unlabelled(job, task, settings.learner)} == {len(MISSING)}


def test_pseudo_labels_are_what_the_network_is_sure_of_and_weigh_more_later(
    job_for: Callable[[str, str], TrainingJob],
) -> None:
    job, settings = job_for("mlp", "cells"), settings_of("mlp", semi="pseudo_label", pseudo_threshold=0.6)
    data = load_training_data(job)
    torch.manual_seed(1)
    model = build_fitted_model(job, data, settings).eval()
    unlabelled = load_unlabelled(job, data.task, settings.learner)

    def draw(progress: float, threshold: float) -> list[Any]:
        learner = settings.learner.model_copy(update={"pseudo_threshold": threshold})
        return list(draw_pseudo_batches(model, data, unlabelled, learner, 5, progress, 4))

    assert draw(0.0, 0.6) == [None] * 4, "nothing while it knows nothing"
    (half, *_), (whole, *_) = draw(0.1, 0.5), draw(0.9, 0.5)
    assert whole.weight == pytest.approx(1), "of two classes one always has half"
    assert half.weight == pytest.approx(0.5)
    assert draw(0.9, 0.9999) == [None] * 4
    with torch.no_grad():
        answers = data.task.postprocess()(model(*whole.inputs))
    assert torch.equal(answers.argmax(1), whole.target.values)
    own = {int(code): float(weight) for code, weight in zip(*data.train[0].target, strict=True)}
    assert [own[int(code)] for code in whole.target.values] == pytest.approx(whole.target.weights.tolist())
    some = [batch for batch in draw(0.9, 0.6) if batch is not None]
    for batch in some:
        with torch.no_grad():
            assert (data.task.postprocess()(model(*batch.inputs)).amax(1) >= 0.6 - 1e-6).all()


def test_rows_of_both_kinds_are_taken_together() -> None:
    inputs = Inputs((torch.arange(3),), (torch.arange(10, 14),))
    assert inputs.rows == 7
    assert inputs.take(torch.tensor([6, 0, 3, 2]))[0].tolist() == [0, 2, 13, 10]


def test_steps_that_are_not_there_are_not_restored() -> None:
    features = torch.tensor([[[1.0, 0.0], [3.0, 1.0]]])  # the first step is padding
    restored = torch.tensor([[[9.0, 9.0], [1.0, 9.0]]])
    assert restoration_loss(restored, features).item() == 4


@pytest.mark.parametrize(
    ("architecture", "problem", "semi", "message"),
    [
        ("mlp", "diabetes", "pseudo_label", "semi: pseudo_label is for classification, found regression; leave it out"),
        ("lstm", "texts", "pretrain", "semi: pretrain restores numbers, and what is read here are words"),
    ],
)
def test_what_has_no_meaning_is_refused(
    job_for: Callable[[str, str], TrainingJob],
    tmp_path: Path,
    architecture: str,
    problem: str,
    semi: str,
    message: str,
) -> None:
    job = job_for(architecture, problem)
    settings = settings_of(architecture, job.task_settings.kind, semi=semi)
    with pytest.raises(UserError, match=message):
        run_trial(TrialSpec(job, settings, 1, tmp_path, epochs(1)))


def test_a_problem_without_such_rows_is_refused(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    job = training_job_of(folder_of("digits"), "mlp")
    for semi in SEMI_TASKS:
        with pytest.raises(UserError, match=rf"semi: {semi} learns from rows without a label, and this problem has no"):
            run_trial(TrialSpec(job, settings_of("mlp", semi=semi), 1, tmp_path / semi, epochs(1)))


def test_no_rows_leave_no_folder(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    schema = read_schema(folder_of("digits") / "split" / "schema.json")
    write_unlabelled(tmp_path, schema, [np.zeros((2, 8, 8), np.uint8)])
    assert [len(values) for values in read_unlabelled(tmp_path, schema)] == [2]
    write_unlabelled(tmp_path, schema, [np.zeros((0, 8, 8), np.uint8)])
    assert read_unlabelled(tmp_path, schema) == ()
    assert list(tmp_path.iterdir()) == []

"""What ships of several trainings: the best of them, or their average inside one graph."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import nn

from models import ARCHITECTURES
from models.blocks.averaged_model import AveragedModel, average_models
from models.blocks.cost import model_cost
from models.outputs.averages import LogMeanProbability, MeanOutput
from models.stems import Model
from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.export_files import export_torchscript
from pipelines.exporting.graphs import ExportModule
from pipelines.exporting.onnx_file import export_onnx
from pipelines.exporting.parity import check_parity, onnx_runtime, torchscript_runtime
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Goal, Task, build_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training import weights
from pipelines.training.contender_settings import make_settings
from pipelines.training.finished_trials import best_trial
from pipelines.training.inference import score_validation
from pipelines.training.job import TrainingJob, load_validation
from pipelines.training.learners import TrainingResult
from pipelines.training.members import Member, best_member, seed_specs, train_members, trial_members
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.shipping import choose_shipped
from pipelines.training.train_folder import write_members
from pipelines.training.tune_folder import write_best_trial
from tests.support.budgets import epochs
from tests.support.problems import problem_of, training_job_of

LOG_LOSS = Goal("log_loss", "minimize")

AVERAGED = [  # an architecture of every task that has an average
    *(("mlp", "digits"), ("mlp", "texts"), ("lstm", "texts"), ("mlp", "diabetes"), ("lstm", "sunspots")),
    *(("esn", "sunspots"), ("unet", "shapes"), ("conv_autoencoder", "noisy")),
]


def train(job: TrainingJob, folder: Path, architecture: str, seeds: int = 2, length: int = 2) -> tuple[Member, ...]:
    settings = make_settings(architecture, job.task_settings.kind, {})
    specs = seed_specs(job, settings, epochs(length), seed=3, seeds=seeds, folder=folder)
    return train_members(specs, LOG_LOSS, folder=folder, workers=1, on_progress=lambda *_: None)


def load_models(members: tuple[Member, ...], architecture: str, task: Task) -> dict[str, Model]:
    settings = make_settings(architecture, task.name, {})
    return {one.name: weights.load_model(architecture, task, settings, one.folder / "best") for one in members}


def task_of(job: TrainingJob) -> Task:
    return build_task(job.task_settings, read_schema(job.schema_file))


def scores_of(members: tuple[Member, ...]) -> dict[str, float]:
    return {one.name: one.result.score for one in members if one.result.score is not None}


@pytest.mark.parametrize(("architecture", "problem"), AVERAGED)
def test_an_average_answers_the_same_in_every_runtime(
    folder_of_few: Callable[[str], Path], tmp_path: Path, architecture: str, problem: str
) -> None:
    job = training_job_of(folder_of_few(problem), architecture, problem)
    task, schema = task_of(job), read_schema(job.schema_file)
    models = load_models(train(job, tmp_path, architecture, length=1), architecture, task)
    average = average_models(list(models.values()), task.average()).eval()
    inputs = model_inputs(task, read_part(folder_of_few(problem) / "split" / "test", schema))
    example = [values[:2] for values in inputs]
    export_onnx(average, task.postprocess(), task, schema, example, tmp_path / "model.onnx")
    export_torchscript(average, task.postprocess(), example, tmp_path / "model.pt")
    runtimes = {
        "onnx": onnx_runtime(tmp_path / "model.onnx"),
        "torchscript": torchscript_runtime(tmp_path / "model.pt"),
    }
    module = ExportModule(average, task.postprocess())
    report = check_parity(module, runtimes, inputs, task.output_labels, min_scale=task.min_output_scale())
    assert set(report["runtimes"]) == {"eager", "onnx", "torchscript"}
    if architecture != "lstm" or problem != "texts":
        assert len(average.get_submodule("stems")._modules) == 1, "a stem that learns nothing is run once"


def test_the_average_of_classifiers_is_the_mean_of_their_probabilities() -> None:
    logits = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(1)) * 30
    expected = logits.double().softmax(-1).mean(0)
    torch.testing.assert_close(LogMeanProbability(-1)(logits).softmax(-1).double(), expected, rtol=1e-4, atol=1e-6)
    pixels = logits[..., None, None].expand(3, 5, 4, 2, 2)
    found = LogMeanProbability(-3)(pixels).softmax(1)[:, :, 0, 0]
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=1e-6)
    certain = torch.tensor([[[0.0, -500.0]], [[0.0, -400.0]]])
    assert torch.isfinite(LogMeanProbability(-1)(certain)).all()
    assert torch.equal(MeanOutput()(torch.tensor([[1.0], [4.0]])), torch.tensor([2.5]))


def test_every_model_of_an_average_counts_in_its_cost_and_a_shared_stem_once(job: TrainingJob, tmp_path: Path) -> None:
    task = task_of(job)
    models = list(load_models(train(job, tmp_path, "mlp", length=1), "mlp", task).values())
    one, both = model_cost(models[0], ["a"]), model_cost(AveragedModel(models, task.average()), ["a"])
    stem = sum(values.numel() for values in models[0].stem.state_dict().values())
    assert stem
    assert (both.parameters, both.flops) == (2 * one.parameters - stem, 2 * one.flops)
    assert both.bytes == 2 * (one.bytes - 1) - 4 * stem + 1, "words count once"


@pytest.mark.parametrize("ship", [None, "best", "mean"])
def test_what_ships_is_as_good_on_validation_as_is_said(
    job: TrainingJob, tmp_path: Path, ship: Literal["best", "mean"] | None
) -> None:
    members = train(job, tmp_path, "mlp", seeds=3, length=3)
    task, scores = task_of(job), scores_of(members)
    models, validation = load_models(members, "mlp", task), load_validation(job)
    shipped = choose_shipped(task, models, scores, validation, ship)
    found = score_validation(shipped.model.eval(), task, validation)["valid_log_loss"]
    best = best_member(members, LOG_LOSS)
    if ship == "best":
        assert shipped.mean_score is None
    else:
        assert shipped.mean_score is not None
        assert (ship or shipped.ship) == ("mean" if ship or shipped.mean_score < scores[best.name] else "best")
    if shipped.ship == "best":
        assert shipped.members == (best.name,)
        assert found == pytest.approx(scores[best.name], rel=1e-6)
    else:
        assert shipped.members == ("seed-0", "seed-1", "seed-2")
        assert found == shipped.mean_score


def test_the_average_ships_by_itself_where_it_is_better(job: TrainingJob, tmp_path: Path) -> None:
    task, members = task_of(job), train(job, tmp_path, "mlp")
    models, scores = load_models(members, "mlp", task), dict.fromkeys(scores_of(members), 9.0)  # as if both were bad
    shipped = choose_shipped(task, models, scores, load_validation(job), None)
    assert (shipped.ship, shipped.members) == ("mean", ("seed-0", "seed-1"))


def test_the_best_ships_where_the_average_is_worse_or_there_is_none(
    job: TrainingJob, folder_of: Callable[[str], Path], tmp_path: Path
) -> None:
    task, members = task_of(job), train(job, tmp_path / "digits", "mlp")
    models = load_models(members, "mlp", task)
    nn.init.constant_(next(models["seed-1"].network.parameters()), 100.0)  # it was to be as good as another
    scores = {**scores_of(members), "seed-1": 90.0}
    shipped = choose_shipped(task, models, scores, load_validation(job), None)
    assert (shipped.ship, shipped.members) == ("best", ("seed-0",))
    assert shipped.mean_score is not None
    assert shipped.mean_score > scores["seed-0"]

    drawings = training_job_of(folder_of("drawings"), "vae", "drawings")
    task, members = task_of(drawings), train(drawings, tmp_path / "drawings", "vae", length=1)
    shipped = choose_shipped(
        task, load_models(members, "vae", task), scores_of(members), load_validation(drawings), None
    )
    assert (shipped.ship, len(shipped.members), shipped.mean_score) == ("best", 1, None)


def train_two_seeds(
    folder_of_few: Callable[[str], Path], architecture: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> list[TrainingResult]:
    """From two seeds, as if they made a difference."""
    problem = problem_of(architecture)
    job = training_job_of(folder_of_few(problem), architecture, problem)
    monkeypatch.setitem(ARCHITECTURES, architecture, ARCHITECTURES[architecture]._replace(uses_seed=True))
    return [member.result for member in train(job, folder, architecture, length=1)]


@pytest.mark.parametrize("architecture", [name for name, row in ARCHITECTURES.items() if not row.uses_seed])
def test_what_a_seed_makes_no_difference_to_is_solved_once(
    folder_of_few: Callable[[str], Path], tmp_path: Path, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of(architecture)
    (member,) = train(
        training_job_of(folder_of_few(problem), architecture, problem), tmp_path / "once", architecture, 3
    )
    assert member.name == "seed-0"
    first, second = train_two_seeds(folder_of_few, architecture, tmp_path / "twice", monkeypatch)
    assert first == second


def test_a_reservoir_is_drawn_for_every_seed(
    folder_of_few: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = train_two_seeds(folder_of_few, "esn", tmp_path, monkeypatch)
    assert first != second


def test_the_best_trial_is_a_candidate_beside_the_seeds(job: TrainingJob, tmp_path: Path) -> None:
    space = build_search_space("digits-mlp", "mlp", "classification", {"width": 16}, {})
    config = SearchConfig(job, LOG_LOSS, space, 2, 2, epochs(3).length, (1.0,), seed=5, contender="digits-mlp")
    _, trials = run_search(config, tmp_path / "search", 1, lambda *_: None)
    winner = best_trial(trials, LOG_LOSS)
    write_best_trial(tmp_path / "search", winner, winner.settings, tmp_path / "trial")
    (member,) = trial_members("mlp", tmp_path / "trial")
    assert (member.name, member.result.score) == ("trial", winner.score)
    model = weights.load_model("mlp", task_of(job), space.add_fixed(winner.settings), member.folder / "best")
    found = score_validation(model, task_of(job), load_validation(job))["valid_log_loss"]
    assert found == pytest.approx(winner.score, rel=1e-6)
    assert trial_members("linear_regression", tmp_path / "trial") == (), "solved once"


def test_failed_members_leave_no_weights_and_only_all_of_them_are_an_error(job: TrainingJob, tmp_path: Path) -> None:
    members = (
        Member("seed-0", TrainingResult(None, reason="diverged"), tmp_path / "seed-0"),
        Member("seed-1", TrainingResult(0.5, history=({"valid_log_loss": 0.5},)), tmp_path / "seed-1"),
        Member("seed-2", TrainingResult(0.5, history=({"valid_log_loss": 0.5},)), tmp_path / "seed-2"),
    )
    for member in members:
        member.folder.mkdir()
        (member.folder / "best.safetensors").write_bytes(member.name.encode())
    assert best_member(members, LOG_LOSS).name == "seed-1", "the first among equals"
    write_members(tmp_path, members, task_of(job))
    assert sorted(path.name for path in (tmp_path / "weights").iterdir()) == [
        "seed-1.safetensors",
        "seed-2.safetensors",
    ]
    settings = make_settings("mlp", "classification", {"learning_rate": 1e30})
    specs = seed_specs(job, settings, epochs(1), seed=3, seeds=2, folder=tmp_path)
    with pytest.raises(UserError, match="training failed in each of 2 attempts"):
        train_members(specs, LOG_LOSS, folder=tmp_path, workers=1, on_progress=lambda *_: None)

"""Transfer: what a network takes over from another's weights, what stays as it is, and what is refused."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipelines.runtime.user_error import UserError
from pipelines.training.contender_settings import ContenderSettings, make_settings
from pipelines.training.gradient import build_optimizer
from pipelines.training.job import TrainingJob, build_fitted_model, load_training_data
from pipelines.training.starts import Start, read_start, read_tensors, write_start
from pipelines.training.transfer import Transfer, compare_start, describe_transfer, transfer_weights
from pipelines.training.trial import TrialSpec, run_trial
from tests.support.budgets import epochs
from tests.support.problems import training_job_of

SMALL = {"width": 8, "depth": 2}


def settings_of(architecture: str = "cnn", **changed: object) -> ContenderSettings[Any]:
    return make_settings(architecture, "classification", SMALL | changed)


@pytest.fixture(scope="module")
def origin(folder_of: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of a small cnn that was trained on the digits for two epochs."""
    folder = tmp_path_factory.mktemp("origin")
    run_trial(TrialSpec(training_job_of(folder_of("digits"), "cnn"), settings_of(), 1, folder, epochs(2)))
    return folder / "best.safetensors"


def job_from(folder_of: Callable[[str], Path], *files: Path, **facts: bool) -> TrainingJob:
    return replace(training_job_of(folder_of("digits"), "cnn"), start=Start("other", "other rows", files, **facts))


def transfer_of(job: TrainingJob, settings: ContenderSettings[Any]) -> Transfer:
    return compare_start(job, load_training_data(job).task, settings)


def test_everything_that_fits_is_taken_over(folder_of: Callable[[str], Path], origin: Path) -> None:
    job = job_from(folder_of, origin)
    data, settings = load_training_data(job), settings_of()
    torch.manual_seed(5)
    model = build_fitted_model(job, data, settings)
    transfer = transfer_weights(model, job, data.task, settings)
    assert transfer.drawn == transfer.frozen == ()
    found = load_file(origin)
    network = {name: tensor for name, tensor in model.state_dict().items() if name.startswith("network.")}
    assert all(torch.equal(tensor, found[name]) for name, tensor in network.items())


def test_the_head_is_drawn_anew_where_other_classes_are_predicted_even_as_many(
    folder_of: Callable[[str], Path], origin: Path
) -> None:
    job = job_from(folder_of, origin, keeps_head=False)
    transfer = transfer_of(job, settings_of(freeze=2))
    assert transfer.drawn == ("head.1",)
    assert transfer.frozen == ("features.0", "features.1")
    assert job.start is not None
    sentence = describe_transfer(transfer, job.start)
    assert sentence.startswith("starts from other: 8 of 9 layers taken over, drawn anew: head.1; as they are stay: fea")


def test_a_layer_of_another_shape_is_drawn_anew_and_said(
    folder_of: Callable[[str], Path], origin: Path, tmp_path: Path
) -> None:
    tensors = load_file(origin)
    name = next(name for name, tensor in tensors.items() if tensor.ndim == 4)
    colour = {**tensors, name: tensors[name].repeat(1, 3, 1, 1)}  # a first layer that reads three channels
    save_file(colour, tmp_path / "colour.safetensors")
    job = job_from(folder_of, tmp_path / "colour.safetensors")
    layer = name.removeprefix("network.").removesuffix(".weight")
    assert transfer_of(job, settings_of()).drawn == (layer,)
    with pytest.raises(UserError, match=rf"freeze: 1 would leave {layer} as drawn at random"):
        transfer_of(job, settings_of(freeze=1))


def test_what_is_frozen_stays_and_the_rest_learns(
    folder_of: Callable[[str], Path], origin: Path, tmp_path: Path
) -> None:
    job = job_from(folder_of, origin)
    result = run_trial(TrialSpec(job, settings_of(freeze=2, weight_average=0.9), 3, tmp_path, epochs(2)))
    assert result.score is not None
    before, after = load_file(origin), load_file(tmp_path / "best.safetensors")
    frozen = [name for name in after if name.startswith(("network.features.0.", "network.features.1."))]
    assert any("running_mean" in name for name in frozen), "means of normalisations stay too"
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert not any(torch.equal(before[name], after[name]) for name in after if name.startswith("network.head."))


def test_what_is_taken_over_learns_at_its_own_rate(
    folder_of: Callable[[str], Path], origin: Path, tmp_path: Path
) -> None:
    job = job_from(folder_of, origin, keeps_head=False)
    moved = {}
    for ratio in (1.0, 1e-3):
        folder = tmp_path / str(ratio)
        run_trial(TrialSpec(job, settings_of(start_lr_ratio=ratio), 3, folder, epochs(2)))
        before, after = load_file(origin), load_file(folder / "best.safetensors")
        name = "network.features.1.0.weight"
        moved[ratio] = (after[name] - before[name]).norm()
    assert moved[1e-3] < moved[1.0] / 100


def test_the_optimizer_has_a_group_for_each_rate(folder_of: Callable[[str], Path], origin: Path) -> None:
    job = job_from(folder_of, origin, keeps_head=False)
    data, settings = load_training_data(job), settings_of(start_lr_ratio=0.1, freeze=1)
    model = build_fitted_model(job, data, settings)
    optimizer = build_optimizer(model, settings.learner, transfer_weights(model, job, data.task, settings))
    assert [group["lr_ratio"] for group in optimizer.param_groups] == [1.0, 0.1]
    learning = sum(len(group["params"]) for group in optimizer.param_groups)
    assert learning == sum(parameter.requires_grad for parameter in model.parameters())
    assert learning < len(list(model.parameters()))


@pytest.mark.parametrize("architecture", ["cnn", "lstm"])
def test_a_start_gives_the_same_bytes_twice_and_stopped_on_its_way(
    folder_of: Callable[[str], Path], tmp_path: Path, architecture: str
) -> None:
    job = training_job_of(folder_of("digits"), architecture)
    small = {"cnn": SMALL, "lstm": {"width": 8}}[architecture]
    settings = make_settings(architecture, "classification", small | {"freeze": 1, "start_lr_ratio": 0.3})
    first = make_settings(architecture, "classification", small)
    run_trial(TrialSpec(job, first, 1, tmp_path / "origin", epochs(1)))
    job = replace(job, start=Start("other", "", (tmp_path / "origin" / "best.safetensors",)))
    through = run_trial(TrialSpec(job, settings, 3, tmp_path / "through", epochs(4)))
    assert run_trial(TrialSpec(job, settings, 3, tmp_path / "again", epochs(4))) == through
    for share in (0.25, 1.0):
        assert run_trial(TrialSpec(job, settings, 3, tmp_path / "halting", epochs(4, share))).score is not None
    contents = {(tmp_path / name / "best.safetensors").read_bytes() for name in ("through", "again", "halting")}
    assert len(contents) == 1


def test_a_stem_is_taken_over_with_its_vocabulary_alone(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    job = training_job_of(folder_of("texts"), "lstm", "texts")
    settings = make_settings("lstm", "classification", {"width": 8})
    run_trial(TrialSpec(job, settings, 1, tmp_path, epochs(1)))
    file = tmp_path / "best.safetensors"
    for keeps_stem in (True, False):
        found = transfer_of(replace(job, start=Start("other", "", (file,), keeps_stem=keeps_stem)), settings)
        assert ("stem.embedding" in found.kept, "stem.embedding" in found.drawn) == (keeps_stem, not keeps_stem)


def test_each_fold_begins_with_weights_of_its_own(tmp_path: Path) -> None:
    files = tuple(tmp_path / f"fold-{fold}.safetensors" for fold in range(3))
    for fold, file in enumerate(files):
        save_file({"x": torch.tensor([float(fold)])}, file)
    start = Start("other", "these rows", files, keeps_head=False)
    write_start(start, tmp_path / "start")
    kept = read_start(tmp_path / "start")
    assert kept is not None
    assert [read_tensors(kept.file_for(fold))["x"].item() for fold in (0, 1, 2, None)] == [0, 1, 2, 0]
    assert replace(kept, files=files) == start
    assert read_start(tmp_path / "none") is None


# Files


class Bomb:
    """What a pickle can do when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.place,)


def write_hostile_files(folder: Path) -> dict[str, Path]:
    torch.save({"weight": torch.zeros(2), "bomb": Bomb(folder / "exploded")}, folder / "bomb.pt")
    (folder / "plain.pth").write_bytes(pickle.dumps(Bomb(folder / "exploded")))
    (folder / "words.pt").write_text("these are no weights")
    (folder / "cut.safetensors").write_bytes(b"\x40\x00\x00\x00\x00\x00\x00\x00{")
    torch.save({"epoch": 3}, folder / "numbers.pt")
    torch.save([torch.zeros(2)], folder / "list.pt")
    torch.save({}, folder / "empty.pt")
    (folder / "nothing.pt").write_bytes(b"")
    return {path.name: path for path in folder.iterdir()}


@pytest.mark.parametrize(
    "name",
    ["bomb.pt", "plain.pth", "words.pt", "cut.safetensors", "numbers.pt", "list.pt", "empty.pt", "nothing.pt"],
)
def test_a_file_that_is_no_weights_is_refused_and_never_run(tmp_path: Path, name: str) -> None:
    path = write_hostile_files(tmp_path)[name]
    with pytest.raises(UserError, match=rf"start_from: \S+{name} holds no weights.*give a state dict saved by"):
        read_tensors(path)
    assert not (tmp_path / "exploded").exists()


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    for name in ("gone.pt", "gone.safetensors"):
        with pytest.raises(UserError, match=rf"start_from: there is no file \S+{name}; give a contender's name"):
            read_tensors(tmp_path / name)


def test_weights_of_which_nothing_fits_are_refused(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    save_file({"conv.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    job = job_from(folder_of, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match=r"nothing of other fits this network, which has features.0.0 \(8, 1, 3, 3\)"):
        transfer_of(job, settings_of())


def test_too_many_frozen_parts_are_refused(folder_of: Callable[[str], Path], origin: Path) -> None:
    with pytest.raises(UserError, match=r"freeze: must be below the number of the network's parts with weights, 5 \(f"):
        transfer_of(job_from(folder_of, origin), settings_of(freeze=5))


def test_a_state_dict_may_be_of_the_network_alone_or_inside_a_checkpoint(
    folder_of: Callable[[str], Path], origin: Path, tmp_path: Path
) -> None:
    tensors = {name.removeprefix("network."): one for name, one in load_file(origin).items() if "network." in name}
    torch.save({"state_dict": tensors, "epoch": 7}, tmp_path / "checkpoint.pth")
    assert transfer_of(job_from(folder_of, tmp_path / "checkpoint.pth"), settings_of()).drawn == ()

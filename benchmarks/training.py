"""Training benchmark: the loop beside a bare one over tensors, and a whole training beside PyTorch Lightning.

The same network, learning rate, batch size, epochs and data (digits as params.yaml has them), on one thread; all
compute the validation loss once per epoch. The bare loop is what one would write by hand, with the same optimizer.
Lightning is as a user runs it: a DataLoader over the stored pixels, torch.optim.AdamW, and the Trainer's own defaults,
which keep checkpoints and a log, as our training does. On all cores, ours trains side by side in workers of one thread
each; Lightning trains one after the other with all threads, which is what it does by itself.
"""

import logging
import os
import shutil
import statistics
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.jobs import prepare_job
from benchmarks.timing import format_ratio, time_alternately
from models.blocks.optimizers import OPTIMIZERS
from models.stems import Model
from models.stems.image import ImageStem
from pipelines.runtime.workers import Workers
from pipelines.settings.params import load_params
from pipelines.training import gradient
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import ContenderSettings, GradientSettings, make_settings
from pipelines.training.job import (
    TrainingData,
    TrainingJob,
    build_fitted_model,
    load_training_data,
)
from pipelines.training.learners import TrainingResult
from pipelines.training.trial import TrialSpec, run_trial

EPOCHS, ROUNDS, CORES = 10, 5, 2
NETWORK_SIZES = {
    "mlp": {"width": 128, "depth": 1},
    "lenet5": {"width": 1},
    "lstm": {"width": 64},
}  # LeNet-5 as in the paper
GRADIENT_SETTINGS = GradientSettings()
TrainValidTensors = tuple[Tensor, Tensor, Tensor, Tensor]  # train x and y, valid x and y


def job_settings(job: TrainingJob) -> ContenderSettings[GradientSettings]:
    return make_settings(job.architecture, job.task_settings.kind, NETWORK_SIZES[job.architecture])


def run_training_loop(
    job: TrainingJob, data: TrainingData, settings: ContenderSettings[GradientSettings], epochs: int = EPOCHS
) -> Model:
    torch.manual_seed(0)
    model = build_fitted_model(job, data, settings)
    gradient.fit_network(
        model,
        gradient.build_optimizer(model, settings.learner),
        data,
        settings.learner,
        job.augment,
        gradient.Run(0, range(epochs), epochs, on_epoch_end=lambda epoch, measured: None),
    )
    return model


def run_bare_loop(network: nn.Module, tensors: TrainValidTensors) -> None:
    x, y, valid_x, valid_y = tensors
    optimizer = OPTIMIZERS[GRADIENT_SETTINGS.optimizer](
        network.parameters(), GRADIENT_SETTINGS.learning_rate, GRADIENT_SETTINGS.weight_decay
    )
    for _ in range(EPOCHS):
        network.train()
        for rows in torch.split(torch.randperm(len(y)), GRADIENT_SETTINGS.batch_size):
            loss = F.cross_entropy(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
            optimizer.step()
        network.eval()
        with torch.no_grad():
            F.cross_entropy(network(valid_x), valid_y).item()


def make_trial_spec(job: TrainingJob, folder: Path) -> TrialSpec:
    shutil.rmtree(folder, ignore_errors=True)
    return TrialSpec(job, job_settings(job), 0, folder, Budget(BudgetSettings(epochs=EPOCHS, min_steps=1)))


def train_on_all_cores(pool: Workers[TrialSpec, TrainingResult], job: TrainingJob, folder: Path) -> None:
    """A training per core, side by side, one thread each."""
    outcomes = pool.map([make_trial_spec(job, folder / str(core)) for core in range(CORES)])
    assert all(isinstance(outcome, TrainingResult) for outcome in outcomes), "a process died, and would look fast"


class PixelDataset(Dataset[tuple[Tensor, Tensor]]):
    """Stored pixels, standardised item by item, as a data set for a DataLoader is usually written."""

    def __init__(self, pixels: Tensor, target: Tensor, stem: ImageStem, channels_first: bool) -> None:
        self.pixels, self.target = pixels, target
        self.mean, self.scale, self.channels_first = stem.mean.item(), stem.scale.item(), channels_first

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        pixels = (self.pixels[index].float() - self.mean) / self.scale
        return pixels[None] if self.channels_first else pixels.flatten(), self.target[index]


def as_datasets(model: Model, parts: tuple[tuple[Tensor, Tensor], ...]) -> list[Dataset[Any]]:
    """What Lightning loads of pixels and classes: of rows of pixels, what the stem makes of them."""
    if isinstance(model.stem, ImageStem) and model.stem.input_type != "sequence":
        return [PixelDataset(pixels, codes, model.stem, model.stem.input_type == "image") for pixels, codes in parts]
    return [TensorDataset(model.stem(pixels), codes) for pixels, codes in parts]


def train_with_lightning(network: nn.Module, train: Dataset[Any], valid: Dataset[Any], folder: Path) -> None:
    import lightning

    class Module(lightning.LightningModule):  # type: ignore[misc]  # Lightning is untyped
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def validation_step(self, batch: list[Tensor], index: int) -> None:
            self.log("valid_loss", F.cross_entropy(self.network(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(
                self.parameters(), lr=GRADIENT_SETTINGS.learning_rate, weight_decay=GRADIENT_SETTINGS.weight_decay
            )

    trainer = lightning.Trainer(max_epochs=EPOCHS, accelerator="cpu", default_root_dir=folder)
    batches = DataLoader(train, batch_size=GRADIENT_SETTINGS.batch_size, shuffle=True)
    trainer.fit(Module(), batches, DataLoader(valid, batch_size=GRADIENT_SETTINGS.batch_size))


def measure_training(job: TrainingJob, folder: Path) -> None:
    data = load_training_data(job)

    def new_network() -> nn.Module:
        torch.manual_seed(0)
        return build_fitted_model(job, data, job_settings(job)).network

    model = build_fitted_model(job, data, job_settings(job))
    (train_pixels,), (train_codes, *_) = data.train[0]
    (valid_pixels,), valid_codes = data.valid.inputs, torch.tensor(data.valid.reference.codes)
    with torch.no_grad():
        train, valid = as_datasets(model, ((train_pixels, train_codes), (valid_pixels, valid_codes)))
        tensors = (model.stem(train_pixels), train_codes, model.stem(valid_pixels), valid_codes)
    loop_seconds = time_alternately(
        {
            "ours": lambda: run_training_loop(job, data, job_settings(job)),
            "bare": lambda: run_bare_loop(new_network(), tensors),
        },
        ROUNDS,
    )

    def run_lightning(threads: int, repetitions: int) -> None:
        torch.set_num_threads(threads)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            for _ in range(repetitions):
                train_with_lightning(new_network(), train, valid, folder / "lightning")
        torch.set_num_threads(1)

    with Workers(run_trial, CORES) as pool:  # a stage, too, starts its workers once
        training_seconds = time_alternately(
            {
                "ours": lambda: run_trial(make_trial_spec(job, folder / "ours")),
                "lightning": lambda: run_lightning(1, 1),
                "ours on every core": lambda: train_on_all_cores(pool, job, folder / "cores"),
                "lightning on every core": lambda: run_lightning(CORES, CORES),
            },
            ROUNDS,
        )
    steps = EPOCHS * round(len(tensors[1]) / GRADIENT_SETTINGS.batch_size)
    print(f"  {job.architecture}: {steps / statistics.median(loop_seconds['ours']):,.0f} steps/s")
    print(f"    speed beside a bare loop        {format_ratio(loop_seconds['bare'], loop_seconds['ours'])}")
    print(
        f"    speed beside PyTorch Lightning  {format_ratio(training_seconds['lightning'], training_seconds['ours'])}"
    )
    all_cores_ratio = format_ratio(training_seconds["lightning on every core"], training_seconds["ours on every core"])
    print(f"    the same, {CORES} trainings on {CORES} cores  {all_cores_ratio}")


def main() -> None:
    warnings.filterwarnings("ignore", module="lightning")  # it advises more workers for its loader: slower here
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    print(f"training on digits, batches of {GRADIENT_SETTINGS.batch_size}, one thread, {EPOCHS} epochs")
    for contender in ("digits-mlp", "digits-lenet5", "digit_rows-lstm"):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            measure_training(prepare_job(folder, load_params(), contender), folder)


if __name__ == "__main__":
    main()

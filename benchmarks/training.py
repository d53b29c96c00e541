"""How fast does it train? The loop beside a bare one over tensors; the whole beside PyTorch Lightning.

The same network, learning rate, batch size, epochs and data (digits as params.yaml has them), on one thread; all look
at the validation part once per epoch. The bare loop is what one would write by hand, with the same optimizer. Lightning
is as a user runs it: a DataLoader over the stored pixels, torch.optim.AdamW, and the Trainer's own defaults, which keep
checkpoints and a log, as our training does. On all cores, ours trains side by side in workers of one thread each;
Lightning trains one after the other with all threads, which is what it does by itself.
"""

import logging
import os
import shutil
import statistics
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import models
from benchmarks.digits import lesson_in
from benchmarks.timing import alternate, ratio
from models.blocks.hyperparameters import defaults
from models.blocks.optimizers import OPTIMIZERS
from models.stems import ImageStem
from pipelines.runtime.workers import Workers
from pipelines.settings.params import load
from pipelines.training import gradient
from pipelines.training.job import (
    Data,
    Examples,
    Lesson,
    new_model,
    read,
)
from pipelines.training.learners import Course
from pipelines.training.trial import Assignment, Result, carry_out

EPOCHS, ROUNDS, CORES = 10, 5, 2
SIZES = {"mlp": {"width": 128, "depth": 1}, "lenet5": {"width": 1}}  # one hidden layer; the paper's own size
OWN = gradient.Settings()
Columns = tuple[Tensor, Tensor, Tensor, Tensor]  # train x and y, valid x and y


def settings_of(lesson: Lesson) -> dict[str, object]:
    own = defaults(models.ARCHITECTURES[lesson.architecture].config)
    return {**own, **defaults(gradient.Settings), **SIZES[lesson.architecture]}


def loop(lesson: Lesson, data: Data) -> None:
    torch.manual_seed(0)
    model = new_model(lesson, data, settings_of(lesson))
    gradient.fit(
        model,
        gradient.new_optimizer(model, OWN),
        data.task,
        data.train,
        data.valid,
        OWN,
        augment=lesson.augment,
        seed=0,
        epochs=range(EPOCHS),
        horizon=EPOCHS,
        report=lambda epoch, measured: False,
    )


def bare(network: nn.Module, columns: Columns) -> None:
    x, y, valid_x, valid_y = columns
    optimizer = OPTIMIZERS[OWN.optimizer](network.parameters(), OWN.learning_rate, OWN.weight_decay)
    for _ in range(EPOCHS):
        network.train()
        for rows in torch.randperm(len(y)).split(OWN.batch_size):
            loss = F.cross_entropy(network(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            F.cross_entropy(network(valid_x), valid_y).item()


def assigned(lesson: Lesson, folder: Path) -> Assignment:
    shutil.rmtree(folder, ignore_errors=True)
    return Assignment(lesson, settings_of(lesson), 0, folder, Course(EPOCHS, EPOCHS))


def on_every_core(pool: Workers[Assignment, Result], lesson: Lesson, folder: Path) -> None:
    """A training per core, side by side, one thread each."""
    pool.map([assigned(lesson, folder / str(core)) for core in range(CORES)])


class Images(Dataset[tuple[Tensor, Tensor]]):
    """Stored pixels, standardised item by item, as a data set for a DataLoader is usually written."""

    def __init__(self, examples: Examples, stem: ImageStem, channels_first: bool) -> None:
        (self.pixels,), self.target = examples
        self.mean, self.scale, self.channels_first = stem.mean.item(), stem.scale.item(), channels_first

    def __len__(self) -> int:
        return len(self.target)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        pixels = (self.pixels[index].float() - self.mean) / self.scale
        return pixels[None] if self.channels_first else pixels.flatten(), self.target[index]


def with_lightning(network: nn.Module, train: Images, valid: Images, folder: Path) -> None:
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            return F.cross_entropy(self.network(batch[0]), batch[1])

        def validation_step(self, batch: list[Tensor], index: int) -> None:
            self.log("valid_loss", F.cross_entropy(self.network(batch[0]), batch[1]))

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.AdamW(self.parameters(), lr=OWN.learning_rate, weight_decay=OWN.weight_decay)

    trainer = lightning.Trainer(max_epochs=EPOCHS, accelerator="cpu", default_root_dir=folder)
    batches = DataLoader(train, batch_size=OWN.batch_size, shuffle=True)
    trainer.fit(Module(), batches, DataLoader(valid, batch_size=OWN.batch_size))


def measure(lesson: Lesson, folder: Path) -> None:
    data = read(lesson)

    def fresh() -> nn.Module:
        torch.manual_seed(0)
        return new_model(lesson, data, settings_of(lesson)).network

    stem = new_model(lesson, data, settings_of(lesson)).stem
    assert isinstance(stem, ImageStem)
    parts = [Images(examples, stem, stem.reads == "image") for examples in (data.train[0], data.valid)]
    with torch.no_grad():
        columns = (stem(*data.train[0].inputs), data.train[0].target, stem(*data.valid.inputs), data.valid.target)
    loops = alternate({"ours": lambda: loop(lesson, data), "bare": lambda: bare(fresh(), columns)}, ROUNDS)

    def lightning(threads: int, times: int) -> None:
        torch.set_num_threads(threads)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            for _ in range(times):
                with_lightning(fresh(), *parts, folder / "lightning")
        torch.set_num_threads(1)

    with Workers(carry_out, CORES) as pool:  # a stage, too, starts its workers once
        trainings = alternate(
            {
                "ours": lambda: carry_out(assigned(lesson, folder / "ours")),
                "lightning": lambda: lightning(1, 1),
                "ours on every core": lambda: on_every_core(pool, lesson, folder / "cores"),
                "lightning on every core": lambda: lightning(CORES, CORES),
            },
            ROUNDS,
        )
    steps = EPOCHS * round(len(columns[1]) / OWN.batch_size)
    print(f"  {lesson.architecture}: {steps / statistics.median(loops['ours']):,.0f} steps/s")
    print(f"    speed beside a bare loop        {ratio(loops['bare'], loops['ours'])}")
    print(f"    speed beside PyTorch Lightning  {ratio(trainings['lightning'], trainings['ours'])}")
    both = ratio(trainings["lightning on every core"], trainings["ours on every core"])
    print(f"    the same, {CORES} trainings on {CORES} cores  {both}")


def main() -> None:
    warnings.filterwarnings("ignore", module="lightning")  # it advises more workers for its loader: slower here
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(1)
    print(f"training on digits, batches of {OWN.batch_size}, one thread, {EPOCHS} epochs")
    for contender in ("digits-mlp", "digits-lenet5"):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            measure(lesson_in(folder, load(), contender), folder)


if __name__ == "__main__":
    main()

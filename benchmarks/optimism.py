"""Is the score of out-of-fold rows too good? Thousands of small networks at once, where benchmarks/folds.py has few.

    python -m benchmarks.optimism                        every one of its ten tables, 40 draws of the test part
    python -m benchmarks.optimism wine iris --draws 200

What benchmarks/folds.py does with the project's own trainings takes half a minute a draw, and on a table of 150 rows
one draw says nothing. Here the networks of all draws and folds are one batch of matrices: perceptrons of two layers
with settings at random, of which the best on the first fold is trained on all five folds, AdamW along a cosine with a
warm-up, 300 steps, looked at after every fifth. What is chosen on the rows that are held out, the trial, the epoch and
the temperature, is chosen as the project does.

Printed is by how much what is said is better than what is true of the test part, as a share of that, with a standard
error over draws. Said are the folds' own rows, with the temperature that all of them chose (`said`), with one chosen by
the other folds (`crossed`), or without (`plain`), of all folds or of some; true is what the average of the folds'
models has on test, or a single one of them in the mean. The epoch is each fold's own best, the best in the mean of all
folds, as the project chooses it (`common`), the best in the mean of the others, or the last.
"""

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from benchmarks.audit.leaks import table_dataset
from benchmarks.folds import FOLDS, optimism, small_tables
from pipelines.splitting.dealing import deal_by_class
from pipelines.tasks.metrics.temperature import fit_temperature

TRIALS, STEPS, LOOK_EVERY, BATCH, WIDTH, WARM_UP = 6, 300, 5, 32, 64, 0.1
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
COMPARISONS = (  # what is said, and what is true
    ("said", "average"),
    ("crossed", "average"),
    ("crossed", "single"),
    ("plain", "plain single"),
    ("plain, first fold", "plain single"),
    ("plain, other folds", "plain single"),
)


class Table(NamedTuple):
    x: Tensor  # (N, F), standardised
    y: Tensor  # (N,): classes, or standardised numbers
    classes: int  # 0: numbers

    def losses(self, outputs: NDArray[np.float32], rows: Integers, temperature: float = 1.0) -> Floats:
        """The log loss or the squared error of every row, (..., n) of outputs (..., n, O)."""
        true = self.y.numpy()[rows]
        if not self.classes:
            squared: Floats = np.square(outputs[..., 0].astype(np.float64) - true)
            return squared
        logits = torch.from_numpy(outputs.astype(np.float64) / temperature)
        places = torch.from_numpy(true).expand(logits.shape[:-1])[..., None]
        found: Floats = -functional.log_softmax(logits, -1).gather(-1, places)[..., 0].numpy()
        return found


class Settings(NamedTuple):
    """Of each network, (M,)."""

    learning_rate: Floats
    weight_decay: Floats
    dropout: Floats
    width: Floats

    def take(self, chosen: Integers) -> "Settings":
        return Settings(*(values[chosen] for values in self))


def read_table(title: str) -> Table:
    data = table_dataset(small_tables()[title])
    columns = np.stack([np.asarray(values, dtype=np.float64) for values in data.part.inputs], axis=1)
    columns = np.nan_to_num((columns - np.nanmean(columns, 0)) / (np.nanstd(columns, 0) + 1e-9)).clip(-4, 4)
    x, target = torch.tensor(columns, dtype=torch.float32), np.asarray(data.part.target)
    if data.schema.target.kind == "category":
        return Table(x, torch.from_numpy(target.astype(np.int64)), len(data.schema.target.categories))
    target = target.astype(np.float64)
    return Table(x, torch.tensor((target - target.mean()) / target.std(), dtype=torch.float32), 0)


def draw_settings(draw: np.random.Generator, count: int) -> Settings:
    """The first of every `TRIALS` are defaults."""
    first = np.arange(count) % TRIALS == 0
    return Settings(
        np.where(first, 3e-3, 10 ** draw.uniform(-3.3, -1.7, count)),
        10 ** draw.uniform(-4, -1, count),
        np.where(first, 0.2, draw.uniform(0, 0.5, count)),
        np.where(first, float(WIDTH), draw.integers(16, WIDTH + 1, count)),
    )


def train_networks(
    table: Table, trained: Sequence[Integers], looked_at: Integers, settings: Settings, draw: np.random.Generator
) -> NDArray[np.float32]:
    """What M networks answer after every look, (E, M, n, O).

    Args:
        trained: the rows of each.
        looked_at: the rows that each answers, (M, n).
    """
    count, inputs, units = len(trained), table.x.shape[1], table.classes or 1
    rate, decay, dropout, width = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in settings)
    sizes: list[tuple[int, int, Any]] = [
        (inputs, WIDTH, math.sqrt(2 / inputs)),
        (WIDTH, WIDTH, (2 / width).sqrt()),
        (WIDTH, units, width.rsqrt()),
    ]
    weights = [torch.randn(count, rows, columns) * scale for rows, columns, scale in sizes]
    parameters = [*weights, *(torch.zeros(count, 1, columns) for _, columns, _ in sizes)]
    moments = [(torch.zeros_like(values), torch.zeros_like(values)) for values in parameters]
    used = (torch.arange(WIDTH) < width).float()

    def forward(x: Tensor, *, drops: bool) -> Tensor:
        for layer in range(2):
            x = functional.gelu(x @ parameters[layer] + parameters[3 + layer]) * used
            x = x * (torch.rand_like(x) >= dropout) / (1 - dropout) if drops else x
        outputs: Tensor = x @ parameters[2] + parameters[5]
        return outputs

    for values in parameters:
        values.requires_grad_()
    answers, seen = [], table.x[torch.from_numpy(looked_at)]
    for step in range(1, STEPS + 1):
        rows = torch.from_numpy(np.stack([some[draw.integers(len(some), size=BATCH)] for some in trained]))
        loss = _training_loss(table, forward(table.x[rows], drops=True), table.y[rows])
        gradients = torch.autograd.grad(loss, parameters)
        factor = min(1, step / (WARM_UP * STEPS)) * (1 + math.cos(math.pi * (step - 1) / STEPS)) / 2
        with torch.no_grad():
            for values, gradient, (mean, square) in zip(parameters, gradients, moments, strict=True):
                mean.lerp_(gradient, 0.1)
                square.lerp_(gradient.square(), 0.001)
                scaled = mean / (1 - 0.9**step) / ((square / (1 - 0.999**step)).sqrt() + 1e-8)
                values.sub_(factor * rate * (scaled + decay * values))
            if step % LOOK_EVERY == 0:
                answers.append(forward(seen, drops=False).numpy())
    return np.stack(answers)


def _training_loss(table: Table, outputs: Tensor, true: Tensor) -> Tensor:
    """The sum over networks, so that none knows of another."""
    if not table.classes:
        squared: Tensor = (outputs[..., 0] - true).square().mean(1).sum()
        return squared
    loss: Tensor = functional.cross_entropy(outputs.flatten(0, 1), true.flatten(), reduction="sum") / BATCH
    return loss


class Cut(NamedTuple):
    """One draw of a test part, and of folds of the rest."""

    test: Integers
    folds: tuple[Integers, ...]  # the rows that each holds out

    def trained(self, fold: int) -> Integers:
        return np.concatenate([rows for other, rows in enumerate(self.folds) if other != fold])


def draw_cut(table: Table, draw: np.random.Generator) -> Cut:
    rows = draw.permutation(len(table.y))
    labels = table.y.numpy()[rows] if table.classes else np.zeros(len(rows), dtype=np.int64)
    share = 1 / FOLDS
    in_test = deal_by_class(np.arange(len(rows)), labels, np.array([share, 1 - share])) == 0
    rest, labels = rows[~in_test], labels[~in_test]
    dealt = deal_by_class(np.arange(len(rest)), labels, np.full(FOLDS, share))
    return Cut(rows[in_test], tuple(rest[dealt == fold] for fold in range(FOLDS)))


def choose_trials(table: Table, cuts: Sequence[Cut], settings: Settings, draw: np.random.Generator) -> Integers:
    """The number of the best trial of every cut, by its best epoch on the first fold."""
    size = max(len(cut.folds[0]) for cut in cuts)
    looked_at = np.repeat([np.resize(cut.folds[0], size) for cut in cuts], TRIALS, axis=0)
    trained = [cut.trained(0) for cut in cuts for _ in range(TRIALS)]
    answers = train_networks(table, trained, looked_at, settings, draw)
    best = []
    for place, cut in enumerate(cuts):
        held_out = answers[:, place * TRIALS : (place + 1) * TRIALS, : len(cut.folds[0])]
        scores = table.losses(held_out, cut.folds[0]).mean(-1).min(axis=0)
        best.append(place * TRIALS + int(scores.argmin()))
    return np.array(best)


EPOCHS: Mapping[str, Callable[[Floats, Floats], Integers]] = {  # (rows of each fold, curves (K, E)) -> an epoch each
    "own": lambda rows, curves: curves.argmin(axis=1),
    "common": lambda rows, curves: np.full(len(rows), (rows @ curves).argmin()),
    "of the others": lambda rows, curves: (rows @ curves - rows[:, None] * curves).argmin(axis=1),
    "last": lambda rows, curves: np.full(len(rows), curves.shape[1] - 1),
}


def score_cut(
    table: Table, cut: Cut, held_out: Sequence[NDArray[np.float32]], test: NDArray[np.float32]
) -> dict[str, float]:
    """Every score that is said, and every one that is true.

    Args:
        held_out: what the model of each fold answers for the fold's rows.
        test: what each answers for the test part, (K, n, O).
    """
    rows, fold = np.concatenate(cut.folds), np.repeat(np.arange(FOLDS), [len(some) for some in cut.folds])
    outputs, true = np.concatenate(held_out), table.y.numpy()

    def temperature_of(chosen: NDArray[np.bool_]) -> float:
        return fit_temperature(outputs[chosen], true[rows[chosen]]) if table.classes else 1.0

    temperature = temperature_of(np.full(len(rows), True))
    crossed = np.concatenate(
        [
            table.losses(some, own, temperature_of(fold != number))
            for number, (some, own) in enumerate(zip(held_out, cut.folds, strict=True))
        ]
    )
    plain = table.losses(outputs, rows)
    average = test.mean(axis=0)
    if table.classes:
        average = torch.from_numpy(test).softmax(-1).mean(0).log().numpy()
    return {
        "said": float(table.losses(outputs, rows, temperature).mean()),
        "crossed": float(crossed.mean()),
        "plain": float(plain.mean()),
        "plain, first fold": float(plain[fold == 0].mean()),
        "plain, other folds": float(plain[fold != 0].mean()),
        "average": float(table.losses(average, cut.test, temperature).mean()),
        "single": float(table.losses(test, cut.test, temperature).mean()),
        "plain single": float(table.losses(test, cut.test).mean()),
    }  # fmt: skip


def measure_table(title: str, draws: int) -> dict[str, list[dict[str, float]]]:
    """The scores of every draw, by how the epoch is chosen."""
    draw = np.random.default_rng(0)
    torch.manual_seed(0)
    table = read_table(title)
    cuts = [draw_cut(table, draw) for _ in range(draws)]
    settings = draw_settings(draw, draws * TRIALS)
    chosen = settings.take(np.repeat(choose_trials(table, cuts, settings, draw), FOLDS))
    size = max(len(rows) for cut in cuts for rows in cut.folds)
    looked_at = [np.concatenate([np.resize(rows, size), cut.test]) for cut in cuts for rows in cut.folds]
    trained = [cut.trained(fold) for cut in cuts for fold in range(FOLDS)]
    answers = train_networks(table, trained, np.stack(looked_at), chosen, draw)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in EPOCHS}
    for place, cut in enumerate(cuts):
        own = answers[:, place * FOLDS : (place + 1) * FOLDS]
        held_out = [own[:, fold, : len(rows)] for fold, rows in enumerate(cut.folds)]
        curves = np.stack([table.losses(some, rows).mean(-1) for some, rows in zip(held_out, cut.folds, strict=True)])
        for name, choose in EPOCHS.items():
            epochs = choose(np.array([len(rows) for rows in cut.folds], dtype=np.float64), curves)
            kept = [some[epoch] for some, epoch in zip(held_out, epochs, strict=True)]
            test = np.stack([own[epoch, fold, size:] for fold, epoch in enumerate(epochs)])
            found[name].append(score_cut(table, cut, kept, test))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimism", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"of {', '.join(small_tables())}; all if none is named"
    )
    parser.add_argument("--draws", type=int, default=40, help="of the test part of every table")
    asked = parser.parse_args()
    if unknown := set(asked.tables) - set(small_tables()):
        parser.error(f"no table is called {min(unknown)!r}; there are {', '.join(small_tables())}")
    torch.set_num_threads(1)
    found: dict[tuple[str, str, str], list[tuple[float, float]]] = {}
    for title in asked.tables or small_tables():
        print(f"{title}, {asked.draws} draws", flush=True)
        for epoch, scores in measure_table(title, asked.draws).items():
            cells = []
            for said, true in COMPARISONS:
                values = optimism(*(np.array([one[name] for one in scores]) for name in (said, true)))
                found.setdefault((epoch, said, true), []).append(values)
                cells.append(f"{said} -> {true} {values[0]:+.1%} ({values[1]:.1%})")
            print(f"  epoch {epoch}: {'; '.join(cells)}", flush=True)
    print("in the mean of the tables")
    for (epoch, said, true), measured in found.items():
        share, error = np.mean([one[0] for one in measured]), math.hypot(*(one[1] for one in measured)) / len(measured)
        print(f"  epoch {epoch}: {said} -> {true} {share:+.1%} ({error:.1%})")


if __name__ == "__main__":
    main()

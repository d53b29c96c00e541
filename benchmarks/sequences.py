"""Sequence benchmark: what names each network over sequences, shown by tasks whose answer is known, and its step time.

python -m benchmarks.sequences                  all of it
python -m benchmarks.sequences adding speed     some of it

adding      the adding problem over 100 steps: who remembers two marked numbers
long        512 steps of a current, 240 examples: who tells eleven appliances apart
echo        an echo state network on NARMA-10 and on the Mackey-Glass series
documents   hierarchical_rnn and lstm of equal size on long documents
speed       seconds of a training step, beside torch.nn.LSTM of the same width
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.sequence_tasks import (
    ADDING_VARIANCE,
    APPLIANCES,
    adding_problem,
    appliance_currents,
    mackey_glass,
    narma10,
    normalised_error,
)
from benchmarks.timing import format_ratio, time_alternately
from models import ARCHITECTURES, build_network
from models.blocks.hyperparameters import make_config
from models.stems import ColumnSpec, build_stem

Batch = Callable[[int], tuple[Tensor, Tensor]]  # number of a step -> x, y
Loss = Callable[[Tensor, Tensor], Tensor]

ADDING_STEPS, ADDING_BATCHES, SOLVED = 100, 1500, 0.01  # steps; batches of 64; mean squared error
ADDING_NETWORKS: dict[str, dict[str, Any]] = {"elman": {}, "gru": {}, "lstm": {"bidirectional": False}, "rnn": {}}
LONG_STEPS, LONG_EXAMPLES, LONG_EPOCHS, LONG_BATCH = 512, 240, 40, 30
LONG_NETWORKS: tuple[tuple[str, dict[str, Any], float], ...] = (  # settings, the largest norm of a gradient or 0
    ("rocket", {}, 0.0),
    ("tcn", {}, 0.0),
    ("tcn", {"depth": 7, "pooling": "mean"}, 0.0),
    ("lstm", {"dropout": 0.0}, 0.0),
    ("lstm", {"dropout": 0.0}, 1.0),
    ("lstm", {"dropout": 0.0, "pooling": "mean"}, 1.0),
)
SECTIONS, VOCABULARY, SECTION_WORDS = 8, 2000, 32  # docstrings of a document, words known, words of each
DOCUMENT_EPOCHS = 6
DOCUMENT_NETWORKS = {  # of about equal size without the embeddings: 61,205 and 60,085 weights
    "lstm": {"width": 72, "bidirectional": True},
    "hierarchical_rnn": {"width": 40, "segment": 32},
}
SPEED_SHAPE, SPEED_BATCH, SPEED_WIDTH, SPEED_ROUNDS = (28, 29), 64, 64, 5  # a picture's rows; a batch of those


def new_network(name: str, input_shape: tuple[int, ...], outputs: int, settings: dict[str, Any], seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return build_network(name, make_config(ARCHITECTURES[name].config, settings), input_shape, outputs)


def train(
    model: nn.Module, batch: Batch, loss: Loss, steps: int, learning_rate: float = 1e-2, clip: float = 1.0
) -> None:
    """AdamW on a half cosine, with gradients clipped to a norm of `clip`; 0 clips none."""
    optimizer = torch.optim.AdamW(model.parameters(), learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    for step in range(steps):
        x, y = batch(step)
        optimizer.zero_grad()
        loss(model(x), y).backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it without annotations
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        schedule.step()
    model.eval()


def report_adding() -> None:
    print(f"adding problem, {ADDING_STEPS} steps, {ADDING_BATCHES} batches of 64; {ADDING_VARIANCE:.3f} is a shrug")
    for name in ADDING_NETWORKS:
        started = time.perf_counter()
        error = adding_error(name)
        verdict = "solved" if error < SOLVED else "not solved"
        print(f"  {name:8}  MSE {error:.4f}  {verdict:10}  {time.perf_counter() - started:.0f} s", flush=True)


def adding_error(name: str) -> float:
    """The mean squared error of a network of ADDING_NETWORKS on the adding problem."""
    x, y = adding_problem(1000, ADDING_STEPS, seed=1)
    drawn = [torch.split(part, 64) for part in adding_problem(64 * ADDING_BATCHES, ADDING_STEPS, seed=0)]
    network = new_network(name, (ADDING_STEPS, 3), 1, {"width": 32, "dropout": 0.0, **ADDING_NETWORKS[name]})
    train(network, lambda step: (drawn[0][step], drawn[1][step]), F.mse_loss, ADDING_BATCHES)
    with torch.no_grad():
        return F.mse_loss(network(x), y).item()


def report_long() -> None:
    x, y = appliance_currents(LONG_EXAMPLES, LONG_STEPS, seed=1)
    test_x, test_y = appliance_currents(400, LONG_STEPS, seed=2)
    print(f"{LONG_STEPS} steps of a current, {LONG_EXAMPLES} examples of {APPLIANCES} appliances, {LONG_EPOCHS} epochs")
    batches = [
        rows
        for epoch in range(LONG_EPOCHS)
        for rows in torch.split(torch.randperm(len(x), generator=torch.Generator().manual_seed(epoch)), LONG_BATCH)
    ]
    for name, settings, clip in LONG_NETWORKS:
        started = time.perf_counter()
        network = new_network(name, x.shape[1:], APPLIANCES, settings)
        if ARCHITECTURES[name].learner == "closed_form":
            network.fit(x, y, 0)
        else:
            train(network, partial(_select_batch, x, y, batches), F.cross_entropy, len(batches), 3e-3, clip)
        with torch.no_grad():
            accuracy = (network(test_x).argmax(1) == test_y).float().mean().item()
        shown = ", ".join(f"{key}={value}" for key, value in {**settings, "clip": clip}.items() if value)
        print(f"  {name:7} {shown:24} accuracy {accuracy:.3f}  {time.perf_counter() - started:.0f} s", flush=True)


def report_echo() -> None:
    print("echo state network of 200 units, fitted to 1,000 windows, NRMSE on the next 500")
    print(f"  NARMA-10                        {narma_error():.3f}")
    own, naive = mackey_glass_errors()
    print(f"  Mackey-Glass, 6 steps ahead     {own:.3f}, persistence {naive:.3f}, a ratio of {naive / own:.0f}")


def narma_error() -> float:
    """NRMSE of an echo state network on NARMA-10."""
    x, y = narma10(1500, 40, seed=1)
    network = new_network("esn", (40, 2), 1, {"units": 200, "leak": 1.0, "penalty": 1e-7})
    network.fit(x[:1000], y[:1000], 0)
    return normalised_error(network(x[1000:]), y[1000:])


def mackey_glass_errors() -> tuple[float, float]:
    """NRMSE of an echo state network on the Mackey-Glass series six steps ahead, and of its last value."""
    x, y, last = mackey_glass(1500, 60, ahead=6, seed=1)
    network = new_network("esn", (60, 2), 1, {"units": 200, "penalty": 1e-7})
    network.fit(x[:1000], y[:1000], 0)
    own, naive = (normalised_error(one, y[1000:]) for one in (network(x[1000:]), last[1000:]))
    return own, naive


def load_documents() -> tuple[Tensor, Tensor, int]:
    """Documents of several docstrings of one library, cut to equal lengths; word numbers (N, T), classes (N,)."""
    from pipelines.data.text import from_bytes
    from pipelines.data.tokenizers import tokenize
    from pipelines.sources.bundled.docstrings import DocstringsSettings, load_docstrings

    part = load_docstrings(DocstringsSettings(kind="docstrings", most=1600)).part
    texts = [tokenize(text)[:SECTION_WORDS] for text in from_bytes(part.inputs[0])]
    known = [word for word, _ in Counter(word for text in texts for word in text).most_common(VOCABULARY - 2)]
    numbers = {word: number for number, word in enumerate(known, start=2)}  # 0 is padding, 1 is unknown
    documents, classes = [], []
    for library in sorted(set(part.target.tolist())):
        own = [text for text, target in zip(texts, part.target.tolist(), strict=True) if target == library]
        for start in range(0, len(own) - SECTIONS + 1, SECTIONS):
            words = [numbers.get(word, 1) for text in own[start : start + SECTIONS] for word in text]
            documents.append(torch.tensor(words))
            classes.append(int(library))
    padded = nn.utils.rnn.pad_sequence(documents, batch_first=True)
    return padded, torch.tensor(classes), len(set(classes))


def report_documents() -> None:
    x, y, class_count = load_documents()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train_rows, test_rows = order[: len(x) * 2 // 3], order[len(x) * 2 // 3 :]
    print(f"{len(x)} documents of {SECTIONS} docstrings, {x.shape[1]} words at most, {class_count} libraries")
    for name, settings in DOCUMENT_NETWORKS.items():
        accuracies, seconds = [], 0.0
        for seed in range(3):
            started = time.perf_counter()
            torch.manual_seed(seed)
            stem: Any = build_stem((ColumnSpec("text", (x.shape[1],), VOCABULARY, x.shape[1]),), "sequence")
            network = new_network(name, stem.input_shape, class_count, settings, seed)
            model = nn.Sequential(stem, network)
            batches = [
                rows
                for epoch in range(DOCUMENT_EPOCHS)
                for rows in torch.split(
                    train_rows[torch.randperm(len(train_rows), generator=torch.Generator().manual_seed(epoch))], 32
                )
            ]
            train(model, partial(_select_batch, x, y, batches), F.cross_entropy, len(batches), 3e-3)
            seconds += time.perf_counter() - started
            with torch.no_grad():
                accuracies.append((model(x[test_rows]).argmax(1) == y[test_rows]).float().mean().item())
        weights = sum(weight.numel() for weight in network.parameters())
        shown = ", ".join(f"{one:.3f}" for one in accuracies)
        print(f"  {name:17} {weights:,} weights  accuracy {shown} of three seeds  {seconds:.0f} s", flush=True)


def _select_batch(x: Tensor, y: Tensor, batches: list[Tensor], step: int) -> tuple[Tensor, Tensor]:
    return x[batches[step]], y[batches[step]]


def report_speed() -> None:
    print(f"training step, batch of {SPEED_BATCH} sequences {SPEED_SHAPE}, width {SPEED_WIDTH}, beside torch.nn.LSTM")
    x = torch.cat([torch.randn(SPEED_BATCH, SPEED_SHAPE[0], SPEED_SHAPE[1] - 1), torch.ones(SPEED_BATCH, 28, 1)], 2)
    reference = _LastOfLSTM()
    for name in ("elman", "jordan", "attention_rnn", "hierarchical_rnn", "rnn", "gru", "tcn", "transformer"):
        width = {} if name == "transformer" else {"width": SPEED_WIDTH}
        networks = {name: new_network(name, SPEED_SHAPE, 10, width), "torch.nn.LSTM": reference}
        seconds = time_alternately(
            {key: partial(_run_steps, network, x) for key, network in networks.items()}, SPEED_ROUNDS
        )
        print(f"  {name:17} {format_ratio(seconds[name], seconds['torch.nn.LSTM'])}", flush=True)


class _LastOfLSTM(nn.Module):
    """torch.nn.LSTM with an output layer on the last state."""

    def __init__(self) -> None:
        super().__init__()
        self.states = nn.LSTM(SPEED_SHAPE[1], SPEED_WIDTH, batch_first=True)
        self.head = nn.Linear(SPEED_WIDTH, 10)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.states(x)[0][:, -1])
        return scores


def _run_steps(network: nn.Module, x: Tensor) -> None:
    for _ in range(3):
        network.zero_grad()
        network(x).square().mean().backward()


REPORTS: dict[str, Callable[[], None]] = {
    "adding": report_adding,
    "long": report_long,
    "echo": report_echo,
    "documents": report_documents,
    "speed": report_speed,
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reports", nargs="*", metavar="report", help=f"one or more of {', '.join(REPORTS)}")
    chosen = parser.parse_args(arguments).reports or list(REPORTS)
    unknown = [name for name in chosen if name not in REPORTS]
    if unknown:
        parser.error(f"unknown report {unknown[0]!r}: use one of {', '.join(REPORTS)}")
    torch.set_num_threads(1)
    for name in chosen:
        REPORTS[name]()


if __name__ == "__main__":
    main()

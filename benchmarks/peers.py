"""Peers benchmark: an echo state network beside ReservoirPy's, a perceptron of a table beside scikit-learn's.

The same size, data, number of passes and one thread; each as its users run it. PyTorch Lightning, for images and
sequences, is in `python -m benchmarks.training`.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.jobs import prepare_job
from benchmarks.timing import format_ratio, time_alternately
from benchmarks.training import run_training_loop
from models import esn
from pipelines.settings.params import load_params
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import TrainingData, TrainingJob, build_fitted_model, load_training_data

ROUNDS, EPOCHS = 5, 40
UNITS, SPECTRAL_RADIUS, LEAK, PENALTY = 300, 0.9, 0.5, 1e-4
WIDTH, DEPTH, LEARNING_RATE, BATCH_SIZE = 256, 2, 1e-3, 32


def stem_outputs(job: TrainingJob, data: TrainingData) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What a network reads of the train and the validation part, and the classes: x, y, valid x, valid y."""
    model = build_fitted_model(job, data, make_settings(job.architecture, job.task_settings.kind, {}))
    (columns, (codes, *_)), valid = data.train[0], data.valid
    with torch.no_grad():
        return model.stem(*columns), codes, model.stem(*valid.inputs), torch.tensor(valid.reference.codes)


def run_own_esn(x: Tensor, y: Tensor, valid_x: Tensor) -> Tensor:
    """The classes of the validation part."""
    torch.manual_seed(0)
    config = esn.Config(units=UNITS, spectral_radius=SPECTRAL_RADIUS, leak=LEAK, penalty=PENALTY)
    network = esn.ESN(config, tuple(x.shape[1:]), int(y.max()) + 1)
    network.fit(x, y, 0)
    with torch.no_grad():
        classes: Tensor = network(valid_x).argmax(1)
    return classes


def run_reservoirpy(x: Tensor, y: Tensor, valid_x: Tensor) -> Tensor:
    """As its tutorial on classification does it: the last state of every sequence, read out by a ridge regression."""
    from reservoirpy.nodes import Reservoir, Ridge

    reservoir = Reservoir(UNITS, sr=SPECTRAL_RADIUS, lr=LEAK, seed=0)
    readout = Ridge(ridge=PENALTY * len(x))

    def last_states(sequences: Tensor) -> np.ndarray[Any, Any]:
        if reservoir.initialized:
            reservoir.reset()  # every sequence starts from the state that there is
        states: np.ndarray[Any, Any] = reservoir.run(sequences.numpy())[:, -1]
        return states

    readout.fit(last_states(x), np.eye(int(y.max()) + 1)[y.numpy()])
    return torch.from_numpy(readout.run(last_states(valid_x)).argmax(1))


def run_own_mlp(job: TrainingJob, data: TrainingData) -> float:
    """Accuracy on the validation part after the last epoch."""
    own = {"width": WIDTH, "depth": DEPTH, "dropout": 0.0, "learning_rate": LEARNING_RATE, "batch_size": BATCH_SIZE}
    settings = make_settings(job.architecture, job.task_settings.kind, own)
    model = run_training_loop(job, data, settings, EPOCHS)
    with torch.no_grad():
        predicted = model.eval()(*data.valid.inputs).argmax(1)
    return float((predicted == torch.tensor(data.valid.reference.codes)).float().mean())


def run_scikit_mlp(x: Tensor, y: Tensor, valid_x: Tensor, valid_y: Tensor) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(
        (WIDTH,) * DEPTH, batch_size=BATCH_SIZE, learning_rate_init=LEARNING_RATE, max_iter=EPOCHS, tol=0.0,
        n_iter_no_change=EPOCHS, random_state=0,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs were asked for
        network.fit(x.numpy(), y.numpy())
    return float(network.score(valid_x.numpy(), valid_y.numpy()))


def report_reservoirs(job: TrainingJob) -> None:
    x, y, valid_x, valid_y = stem_outputs(job, load_training_data(job))
    accuracies = {}

    def keep(name: str, predicted: Tensor) -> None:
        accuracies[name] = (predicted == valid_y).float().mean().item()

    seconds = time_alternately(
        {
            "ours": lambda: keep("ours", run_own_esn(x, y, valid_x)),
            "ReservoirPy": lambda: keep("ReservoirPy", run_reservoirpy(x, y, valid_x)),
        },
        ROUNDS,
    )
    print(f"echo state network of {UNITS} units, {len(x):,} sequences of {x.shape[1]} steps: fitted, and asked")
    print(f"  speed beside ReservoirPy   {format_ratio(seconds['ReservoirPy'], seconds['ours'])}")
    print(f"  accuracy {accuracies['ours']:.3f}, ReservoirPy's {accuracies['ReservoirPy']:.3f}", flush=True)


def report_perceptrons(job: TrainingJob) -> None:
    data = load_training_data(job)
    x, y, valid_x, valid_y = stem_outputs(job, data)
    accuracies = {}

    def keep(name: str, accuracy: float) -> None:
        accuracies[name] = accuracy

    seconds = time_alternately(
        {
            "ours": lambda: keep("ours", run_own_mlp(job, data)),
            "scikit-learn": lambda: keep("scikit-learn", run_scikit_mlp(x, y, valid_x, valid_y)),
        },
        ROUNDS,
    )
    print(
        f"perceptron of {DEPTH} layers of {WIDTH}, a table of {len(x)} rows and {x.shape[1]} features, {EPOCHS} epochs"
    )
    print(f"  speed beside scikit-learn  {format_ratio(seconds['scikit-learn'], seconds['ours'])}")
    print(f"  accuracy {accuracies['ours']:.3f}, scikit-learn's {accuracies['scikit-learn']:.3f}", flush=True)


def main() -> None:
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    with threadpool_limits(1):
        for contender, report in (("digit_rows-esn", report_reservoirs), ("tumours-mlp", report_perceptrons)):
            with tempfile.TemporaryDirectory() as folder:
                report(prepare_job(Path(folder), load_params(), contender))


if __name__ == "__main__":
    main()

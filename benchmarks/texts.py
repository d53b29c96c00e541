"""Texts as words, characters or subwords: from its name alone, which library is a function or a class from?

The names of the public functions and methods of five installed libraries, which underscores cut into words
(`read_csv`), and the names of their classes, which hold none (`RidgeClassifierCV`). Names that two libraries have, or
that hold a library's own, are left out; a library gives at most MAX_NAMES. Split by file, so that no name is tested
whose neighbours were trained on. Every network is trained from its default settings, from three seeds, and scored on
the test part.

    python -m benchmarks.texts
    python -m benchmarks.texts lstm
"""

import argparse
import ast
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models import ARCHITECTURES
from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.data.text import to_bytes
from pipelines.data.tokenizers import TOKENIZERS
from pipelines.sources.bundled.docstrings import LIBRARIES, LIBRARY_NAMES, iterate_modules
from pipelines.splitting.settings import SplitSettings
from pipelines.splitting.split import split_rows, write_split
from pipelines.tasks import build_task
from pipelines.tasks.classification import ClassificationSettings
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingJob, read_job_schema, to_tensors
from pipelines.training.trial import TrialSpec, run_trial
from pipelines.training.weights import load_model

NETWORKS = ("logistic_regression", "lstm", "gru")
KINDS: dict[str, type[ast.FunctionDef | ast.ClassDef]] = {"functions": ast.FunctionDef, "classes": ast.ClassDef}
MAX_NAMES = 1200  # of a library
SEEDS = 3
BUDGET = Budget(BudgetSettings(epochs=10, min_steps=1))


def load_names(kind: str) -> Dataset:
    """Names as texts, their library as the class, their file as a key to split by."""
    file_of = {library: _names_and_files(library, imported, kind) for library, imported in LIBRARIES.items()}
    owners = Counter(name for names in file_of.values() for name in names)
    rows = [
        (name, code, file)
        for code, names in enumerate(file_of.values())
        for name, file in islice(((name, file) for name, file in names.items() if owners[name] == 1), MAX_NAMES)
    ]
    texts = to_bytes([name for name, _, _ in rows], 200)
    schema = Schema(
        inputs=(Field(name="name", kind="text", dtype="uint8", shape=texts.shape[1:]),),
        target=Field(name="library", kind="category", dtype="int64", shape=(), categories=tuple(LIBRARIES)),
        title=f"Which library a name of {kind} comes from",
        origin="the sources of the installed Python packages",
        licence="as the packages' metadata state",
    )
    target = np.array([code for _, code, _ in rows], dtype=np.int64)
    return Dataset(schema, Part((texts,), target), keys={"file": np.array([file for _, _, file in rows])})


def _names_and_files(library: str, imported: str, kind: str) -> dict[str, str]:
    """The public names of a library, each with the first file that it is in."""
    found: dict[str, str] = {}
    for file, module in iterate_modules(library, imported):
        for node in ast.walk(module):
            if isinstance(node, KINDS[kind]) and not node.name.startswith("_") and not names_library(node.name):
                found.setdefault(node.name, file)
    return found


def names_library(name: str) -> bool:
    """Tell whether a name holds the name of a library, between its underscores."""
    return LIBRARY_NAMES.search(name.replace("_", " ")) is not None


def prepare_job(folder: Path, data: Dataset) -> TrainingJob:
    """Split texts by file, as the stages do, or by class where they have none, and describe their training."""
    by = SplitSettings(by="group", group="file", valid=0.2, test=0.2)
    if "file" not in data.keys:
        by = SplitSettings(by="stratified", valid=0.2, test=0.2)
    write_split(folder, data, split_rows(data, by, seed=0))
    schema = read_schema(folder / "schema.json")
    train = read_part(folder / "train", schema)
    write_part(folder / "augmented", schema, augmented_copies(train, schema, AugmentSettings(), seed=0))
    task = ClassificationSettings()
    return TrainingJob(
        "", task, None, folder / "schema.json", folder / "augmented", folder / "valid", AugmentSettings(), "cpu"
    )


def report_kind(kind: str, networks: Sequence[str], folder: Path) -> None:
    job = prepare_job(folder, load_names(kind))
    schema = read_schema(job.schema_file)
    parts = {part: read_part(folder / part, schema).target for part in ("train", "valid", "test")}
    majority = np.mean(parts["test"] == np.bincount(parts["train"]).argmax())
    counts = ", ".join(f"{len(target):,} {part}" for part, target in parts.items())
    print(f"names of {kind}: {counts}; accuracy on the test part, of the commonest library alone {majority:.3f}")
    for architecture in networks:
        for tokens in TOKENIZERS:
            report_accuracy(job, architecture, tokens, folder)


def report_accuracy(job: TrainingJob, architecture: str, tokens: str, folder: Path) -> None:
    """Train from each seed, and print the accuracies on the test part."""
    started = time.process_time()
    seeds = SEEDS if ARCHITECTURES[architecture].uses_seed else 1
    tried = [train_network(job, architecture, {"tokens": tokens}, seed, folder) for seed in range(seeds)]
    shown = ", ".join(f"{one.accuracy:.3f}" for one in tried)
    seconds = (time.process_time() - started) / len(tried)
    print(f"  {architecture:20}{tokens:12}{tried[0].length:>4} read  {shown}  {seconds:.0f} s each", flush=True)


class Tried(NamedTuple):
    accuracy: float  # on the test part
    log_loss: float
    length: int  # numbers of a text that the network reads


def train_network(job: TrainingJob, architecture: str, fix: Mapping[str, Any], seed: int, folder: Path) -> Tried:
    """Train with default settings but for some, and score on the test part."""
    settings = make_settings(architecture, "classification", fix)
    job = replace(job, architecture=architecture).read_with(settings.stem)
    schema = read_job_schema(job)
    task = build_task(job.task_settings, schema)
    test = read_part(job.schema_file.parent / "test", schema)
    place = folder / f"{architecture}-{job.tokens}-{seed}"
    run_trial(TrialSpec(job, settings, seed, place, BUDGET))
    model = load_model(architecture, task, settings, place / "best")
    probabilities = predict(model, task.postprocess(), to_tensors(model_inputs(task, test)))
    right = probabilities[np.arange(len(test.target)), test.target]
    accuracy = float((probabilities.argmax(1) == test.target).mean())
    return Tried(accuracy, float(-np.log(np.maximum(right, 1e-15)).mean()), schema.inputs[0].length or 0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="network", default=NETWORKS, help="architectures to train")
    networks = parser.parse_args(arguments).networks
    unknown = [name for name in networks if name not in ARCHITECTURES]
    if unknown:
        parser.error(f"unknown network {unknown[0]!r}: use some of {', '.join(NETWORKS)}, or another architecture")
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as temporary:
            report_kind(kind, networks, Path(temporary))


if __name__ == "__main__":
    main()

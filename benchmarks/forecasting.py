"""Forecasting benchmark: each architecture with each scale of windows, at its default settings and from one seed.

On co2 as params.yaml has it, or on a column of a CSV file: `python -m benchmarks.forecasting FILE TIME COLUMN SEASON`,
whose windows are four seasons long and look one season ahead. One thread.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch
from pydantic import TypeAdapter

from pipelines.data.parts import Part, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.runtime.seeds import derive_seed
from pipelines.settings.params import load_params
from pipelines.sources.kinds import SourceSettings, load_dataset
from pipelines.splitting.split import SplitSettings, split_rows, write_split
from pipelines.tasks import AnyTaskSettings, build_task, settings_from_json
from pipelines.tasks.task import UNCALIBRATED, Task, score
from pipelines.training import weights
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.budget import Budget, BudgetSettings
from pipelines.training.contender_settings import make_settings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingJob, to_tensors
from pipelines.training.trial import TrialSpec, run_trial

ARCHITECTURES = ("linear_regression", "esn", "mlp", "lstm")
SCALES = ("train", "level", "level_and_spread")
SEED, MAX_STEPS, BATCH_SIZE = 20, 1500, 32


def write_problem(folder: Path, source: SourceSettings) -> None:
    """Split by time, as the stages do."""
    data = load_dataset(source, folder / "downloads")
    write_split(folder / "split", data, split_rows(data, SplitSettings(by="time"), derive_seed(SEED, "split")))
    schema = read_schema(folder / "split" / "schema.json")
    augmented = augmented_copies(read_part(folder / "split" / "train", schema), schema, AugmentSettings(), SEED)
    write_part(folder / "augmented" / "train", schema, augmented)


def measure_architecture(
    folder: Path, architecture: str, scale: str, task_settings: AnyTaskSettings, parts: tuple[Part, Part]
) -> str:
    """Goal on validation and test, and seconds of training."""
    train, test = parts
    split = folder / "split"
    job = TrainingJob(
        architecture, task_settings, None, split / "schema.json", folder / "augmented" / "train", split / "valid",
        AugmentSettings(), "cpu",
    )  # fmt: skip
    settings = make_settings(architecture, task_settings.kind, {"window_scale": scale})
    epochs = max(1, round(MAX_STEPS * BATCH_SIZE / len(train.target)))
    scratch = folder / architecture / scale
    started = time.process_time()
    result = run_trial(TrialSpec(job, settings, SEED, scratch, Budget(BudgetSettings(epochs=epochs, min_steps=1))))
    seconds = time.process_time() - started
    task: Task = build_task(task_settings, read_schema(job.schema_file))
    model = weights.load_model(architecture, task, settings, scratch / "best")
    predictions = predict(model, task.postprocess(), to_tensors(test.inputs))
    found = score(task, predictions, task.reference(test, train), UNCALIBRATED)
    return (
        f"{architecture:18} {scale:17} MASE {result.score:6.3f} on validation, {found['mase']:6.3f} on test; "
        f"weighted quantile loss {found['wql']:.4f}; {seconds:5.1f} s"
    )


def measure_baselines(task: Task, parts: tuple[Part, Part]) -> None:
    train, test = parts
    started = time.process_time()
    baselines = task.baselines(train, test)
    seconds = time.process_time() - started
    for name, predictions in baselines.items():
        found = score(task, predictions, task.reference(test, train), UNCALIBRATED)
        print(f"{name:36} MASE {found['mase']:6.3f} on test; weighted quantile loss {found['wql']:.4f}", flush=True)
    print(f"all baselines took {seconds:.1f} s")


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    if arguments:
        path, clock, column, season = arguments
        source_settings = {
            "kind": "series", "path": path, "time": clock, "targets": [column], "window": 4 * int(season),
            "horizon": int(season),
        }  # fmt: skip
        source = TypeAdapter[SourceSettings](SourceSettings).validate_python(source_settings)
        task_settings = settings_from_json({"kind": "forecasting", "season": int(season)})
    else:
        problem = load_params().problems["co2"]
        source, task_settings = problem.source, problem.task
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_problem(folder, source)
        schema = read_schema(folder / "split" / "schema.json")
        train, test = (read_part(folder / "split" / part, schema) for part in ("train", "test"))
        measure_baselines(build_task(task_settings, schema), (train, test))
        for architecture in ARCHITECTURES:
            for scale in SCALES:
                print(measure_architecture(folder, architecture, scale, task_settings, (train, test)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

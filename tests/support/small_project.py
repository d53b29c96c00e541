"""The artifacts of a contender, briefly made but real: what tune, train, evaluate and export leave behind.

And what a person then finds in MLflow.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from models import ARCHITECTURES
from models.blocks.cost import model_cost
from models.blocks.hyperparameters import default_settings
from models.stems import Model
from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.onnx_file import export_onnx
from pipelines.exporting.signature import ChampionSummary
from pipelines.runtime.files import write_json, write_text
from pipelines.settings import paths
from pipelines.tasks.classification import Classification
from pipelines.tracking import sync
from pipelines.tracking.contender_run import PARENT_RUN_TAG
from pipelines.tracking.store import TrackingStore, open_store
from pipelines.training import weights
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import build_model

ROOT = Path(__file__).parents[2]

TRIALS, SEEDS, EPOCHS = 12, 3, 40
CONTENDERS = {"digits-logistic_regression": "logistic_regression", "digits-mlp": "mlp"}
PARAMS = "problems: {digits: {}}\ncontenders: {digits-logistic_regression: {}, digits-mlp: {}}\n"
STAGES = "stages:\n  split: {foreach: '${problems}', do: {}}\n  evaluate: {foreach: '${contenders}', do: {}}\n"


def make_contender(root: Path, contender: str, architecture: str, *, ship: bool = True) -> None:
    schema = read_schema(root / paths.schema_file("digits"))
    train, test = (read_part(root / paths.split_folder("digits") / part, schema) for part in ("train", "test"))
    task = Classification(schema)
    torch.manual_seed(20)
    row = ARCHITECTURES[architecture]
    model = build_model(architecture, task, make_settings(architecture, "classification", {}), train).eval()
    network: Any = model.network
    if row.learner == "closed_form":
        images, target = (torch.from_numpy(np.array(values)) for values in (train.inputs[0], train.target))
        network.fit(model.stem(images), target, 20)
    make_tune(root / paths.tune_folder("digits", contender), default_settings(row.config))
    figures = model_cost(model, [])._asdict()
    make_train(root / paths.train_folder("digits", contender), architecture, model, figures)
    evaluated = root / paths.evaluate_folder("digits", contender)
    make_evaluate(evaluated, len(schema.target.categories))
    export_onnx(
        model, task.postprocess(), task, schema, [values[:2] for values in test.inputs], evaluated / "model.onnx"
    )
    for stage, seconds in (("tune", 31.5), ("train", 12.25)):
        write_json(root / paths.STATE_FOLDER / "durations" / f"{stage}-{contender}.json", {"seconds": seconds})
    champion = ChampionSummary(
        contender, architecture, **figures, ship=ship, reason=f"{contender} leads.", settings=row.config().model_dump(),
        split="",
    )  # fmt: skip
    folder = root / paths.export_folder("digits")
    shutil.rmtree(folder, ignore_errors=True)
    onnx_file = evaluated / "model.onnx"
    export_champion(
        folder, model, task, schema, test, onnx_file=onnx_file, name="digits", champion=champion, calibration={}
    )  # fmt: skip


def make_tune(folder: Path, settings: dict[str, Any]) -> None:
    rows = [f"{n},complete,{0.1 + n / 100},12,9,,{','.join(map(str, settings.values()))}" for n in range(TRIALS - 2)]
    rows += [
        f"{TRIALS - 2},pruned,0.9,3,3,,{','.join(map(str, settings.values()))}",
        f'{TRIALS - 1},failed,,,,"diverged: the loss is not a number, after 2 epochs",{"," * (len(settings) - 1)}',
    ]
    write_text(
        folder / "trials.csv",
        "\n".join([f"number,state,score,epochs,best_epoch,reason,{','.join(settings)}", *rows, ""]),
    )
    best = {"trial": 0, "goal": "log_loss", "score": 0.1, "settings": settings, "fixed": {}}
    write_json(folder / "best.json", best)
    write_blank_image(folder / "history.png")


def make_train(folder: Path, architecture: str, model: Model, figures: dict[str, int]) -> None:
    for seed in range(SEEDS):
        weights.save_weights(model, folder / "weights" / f"seed-{seed}")
    rows = [
        f"seed-{seed},{epoch},{int(epoch == 9)},0.001,{1 / epoch},{2 / epoch}"
        for seed in range(SEEDS)
        for epoch in range(1, EPOCHS + 1)
    ]
    header = "member,epoch,kept,learning_rate,train_loss,valid_log_loss"
    write_text(folder / "history.csv", "\n".join([header, *rows, ""]))
    write_json(
        folder / "model.json",
        {
            "task": {"kind": "classification"}, "architecture": architecture, "goal": "log_loss",
            "settings": default_settings(ARCHITECTURES[architecture].config), "device": "cpu",
            "uses_seed": True, "folds": 0,
            "members": [
                {"name": f"seed-{seed}", "score": 0.1, "epochs": EPOCHS, "best_epoch": 9, "reason": ""}
                for seed in range(SEEDS)
            ],
            "best_member": "seed-1", "ship": "best", "shipped": ["seed-1"], "mean_score": 0.2, **figures,
        },
    )  # fmt: skip


def make_evaluate(folder: Path, classes: int) -> None:
    scores = {"valid": 0.95, "test": 0.94, "test_low": 0.92, "test_high": 0.96}
    blocks = {name: {"accuracy": value, "log_loss": 1 - value} for name, value in scores.items()}
    write_json(folder / "metrics.json", {**blocks, "test_rows": 80, "valid_rows": 80})
    np.savez(folder / "predictions.npz", valid_predictions=np.zeros((80, classes), np.float32))
    write_json(folder / "calibration.json", {"temperature": 1.25})
    write_blank_image(folder / "pictures" / "confusion.png")


def write_blank_image(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8)).save(path)


def run_tracking(*arguments: str) -> int:
    return sync.main(arguments)


def start_tracking(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.tracking", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def search_runs(store: TrackingStore) -> list[Any]:
    return list(store.client.search_runs([store.get_or_create_experiment("digits")], max_results=1000))


def mlflow_contents() -> dict[str, Any]:
    """What a person finds in MLflow, without the numbers and times that MLflow gives it."""
    with open_store(sync.STORE_LOCK) as store:
        all_runs = search_runs(store)
        names = {run.info.run_id: run.info.run_name for run in all_runs}
        tags_of_ours = ("bakeoff.", "mlflow.note")
        run_rows = sorted(
            (
                names.get(run.data.tags.get(PARENT_RUN_TAG, ""), ""),
                run.info.run_name,
                run.info.status,
                sorted(run.data.params.items()),
                sorted(run.data.metrics.items()),
                sorted(item for item in run.data.tags.items() if item[0].startswith(tags_of_ours)),
                sorted(file.path for file in store.client.list_artifacts(run.info.run_id, "evaluation")),
            )
            for run in all_runs
        )
        models = store.client.search_logged_models([store.get_or_create_experiment("digits")], max_results=50)
        versions = store.client.search_model_versions("name = 'digits'")
        return {
            "runs": run_rows,
            "models": sorted(model.name for model in models),
            "versions": sorted((one.version, one.tags["bakeoff.contender"]) for one in versions),
            "champion": store.client.get_model_version_by_alias("digits", "champion").tags["bakeoff.contender"],
        }


def run_ids() -> dict[str, str]:
    with open_store(sync.STORE_LOCK) as store:
        return {run.info.run_name: run.info.run_id for run in search_runs(store) if PARENT_RUN_TAG not in run.data.tags}

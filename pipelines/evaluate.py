"""Stage evaluate: open the test part, once, and measure a trained contender with intervals."""

import torch

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.evaluation.predictions import (
    Predictions,
    calibrate_on_validation,
    score_predictions,
    write_predictions,
    write_scores,
)
from pipelines.reporting.views import read_history, write_views
from pipelines.reporting.views.view import EvaluationData
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.tasks import build_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tracking.background import start_in_background
from pipelines.training import weights
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors


def evaluate(name: str) -> None:
    params = load_params()
    contender = params.contenders[name]
    problem, split = params.problems[contender.problem], paths.split_folder(contender.problem)
    schema = read_schema(paths.schema_file(contender.problem))
    task = build_task(problem.task, schema, problem.goal)
    train_folder = paths.train_folder(contender.problem, name)
    model_record = read_json(train_folder / "model.json")
    weights_path = train_folder / "weights" / f"seed-{model_record['best_seed']}"
    model = weights.load_model(contender.architecture, task, model_record["settings"], weights_path)
    torch.set_num_threads(1)  # as in training: the same sums on every run
    train, valid, test = (read_part(split / part, schema) for part in ("train", "valid", "test"))

    valid_baselines, test_baselines = task.baselines(train, valid), task.baselines(train, test)
    predictions = Predictions(
        predict(model, task.postprocess(), to_tensors(model_inputs(task, valid))),
        task.reference(valid),
        predict(model, task.postprocess(), to_tensors(model_inputs(task, test))),
        task.reference(test),
        {row: (valid_baselines[row], test_baselines[row]) for row in valid_baselines},
    )
    folder = paths.evaluate_folder(contender.problem, name)
    calibration = calibrate_on_validation(task, predictions)
    write_predictions(folder / "predictions.npz", predictions)
    write_json(folder / "decision.json", calibration)
    write_scores(folder / "metrics.json", score_predictions(task, predictions, params.seed), predictions)
    test_data = schema, task, test, predictions.test_predictions, predictions.test_reference
    view = EvaluationData(
        *(*test_data, calibration, test_baselines, train),
        lambda *columns: predict(model, task.postprocess(), to_tensors(columns)),
    )
    write_views(folder, view, read_history(train_folder / "history.csv"))
    start_in_background(name)


if __name__ == "__main__":
    run_stage(evaluate, paths.STATE_FOLDER)

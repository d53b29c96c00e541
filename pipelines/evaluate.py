"""Stage evaluate: open the test part, once, and measure a trained contender with intervals; write it as ONNX."""

import torch

from pipelines.data.dependence import read_dependence
from pipelines.data.parts import read_part
from pipelines.evaluation.predictions import (
    Predictions,
    calibrate_on_validation,
    score_predictions,
    write_predictions,
    write_scores,
)
from pipelines.explanation.report_picture import write_report_picture
from pipelines.exporting.onnx_file import export_onnx
from pipelines.reporting.views import read_history, write_views
from pipelines.reporting.views.view import EvaluationData
from pipelines.runtime.files import write_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.held_out import select_held_out
from pipelines.settings.params import load_params
from pipelines.settings.trained_model import load_trained
from pipelines.settings.trainings import measure_trainings
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tracking.background import start_in_background
from pipelines.training.inference import predict
from pipelines.training.job import to_tensors


def evaluate(name: str) -> None:
    params = load_params()
    problem = params.contenders[name].problem
    model, task, schema, _ = trained = load_trained(problem, name)
    torch.set_num_threads(1)  # as in training: the same sums on every run
    train, valid, test = (read_part(paths.split_folder(problem) / part, schema) for part in ("train", "valid", "test"))
    held_out, train = select_held_out(problem, name, trained, train, valid)
    test_inputs, test_baselines = model_inputs(task, test), task.baselines(train, test)
    postprocess_calibration = task.calibrate_postprocess(held_out.outputs, held_out.reference)
    postprocess = task.postprocess(postprocess_calibration)
    predictions = Predictions(
        predict(torch.nn.Identity(), postprocess, to_tensors((held_out.outputs,))), held_out.reference,
        predict(model, postprocess, to_tensors(test_inputs)), task.reference(test, train),
        {row: (held_out.baselines[row], test_baselines[row]) for row in held_out.baselines},
        held_out.dependence, read_dependence(paths.split_folder(problem) / "test"), held_out.folds,
    )  # fmt: skip
    folder = paths.evaluate_folder(problem, name)
    calibration = postprocess_calibration | calibrate_on_validation(task, predictions)
    trainings = measure_trainings(problem, name, trained, predictions, postprocess, valid, test)
    write_predictions(folder / "predictions.npz", predictions, trainings)
    write_json(folder / "calibration.json", calibration)
    export_onnx(model, postprocess, task, schema, [values[:2] for values in test_inputs], folder / "model.onnx")
    write_scores(folder / "metrics.json", score_predictions(task, predictions, params.seed), predictions)
    view = EvaluationData(
        schema, task, test, predictions.test_predictions, predictions.test_reference, calibration, test_baselines,
        train, lambda *some: predict(model, postprocess, to_tensors(some)), predictions.test_dependence,
    )  # fmt: skip
    write_views(folder, view, read_history(paths.train_folder(problem, name) / "history.csv"))
    write_report_picture(problem, name, folder, params.seed)
    start_in_background(name)


if __name__ == "__main__":
    run_stage(evaluate, paths.STATE_FOLDER)

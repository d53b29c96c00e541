"""Stage evaluate: open the test part, once, and measure a trained contender with intervals."""

import torch

from pipelines.reporting.evaluation import read_history, write_views
from pipelines.reporting.predictions import Predictions, scores, write_predictions, write_scores
from pipelines.running.files import read_json
from pipelines.running.stage import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.sources.parts import read_part
from pipelines.sources.schema import read_schema
from pipelines.tracking.background import in_background
from pipelines.training import weights
from pipelines.training.lesson import task_of, tensors
from pipelines.training.scoring import replies


def evaluate(name: str) -> None:
    params = load()
    contender = params.contenders[name]
    problem, split = params.problems[contender.problem], paths.split(contender.problem)
    schema = read_schema(paths.schema(contender.problem))
    task = task_of(problem.task, problem.goal, schema)
    trained = paths.trained(contender.problem, name)
    facts = read_json(trained / "model.json")
    chosen = trained / "weights" / f"seed-{facts['best_seed']}"
    model = weights.load(contender.architecture, schema, task.outputs, facts["settings"], chosen)
    torch.set_num_threads(1)  # as in training: the same sums on every run
    train, valid, test = (read_part(split / part, schema) for part in ("train", "valid", "test"))

    predictions = Predictions(
        replies(model, task.reply(), tensors(valid.inputs)),
        valid.target,
        replies(model, task.reply(), tensors(test.inputs)),
        test.target,
        task.baseline(train.target, len(valid.target)),
        task.baseline(train.target, len(test.target)),
    )
    folder = paths.evaluated(contender.problem, name)
    write_predictions(folder / "predictions.npz", predictions)
    write_scores(folder / "metrics.json", scores(task, predictions, params.seed), predictions)
    write_views(folder, task, schema, test, predictions.test_replies, read_history(trained / "history.csv"))
    in_background(name)


if __name__ == "__main__":
    run(evaluate, paths.STATE)

"""Stage evaluate: open the test part, once, and measure a trained contender with intervals."""

import torch

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.evaluation.predictions import (
    Predictions,
    decide,
    scores,
    write_predictions,
    write_scores,
)
from pipelines.reporting.views import read_history, write_views
from pipelines.reporting.views.view import View
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.stage_runner import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.tasks import task
from pipelines.tasks.model_inputs import asked
from pipelines.tracking.background import in_background
from pipelines.training import weights
from pipelines.training.inference import replies
from pipelines.training.job import tensors


def evaluate(name: str) -> None:
    params = load()
    contender = params.contenders[name]
    problem, split = params.problems[contender.problem], paths.split(contender.problem)
    schema = read_schema(paths.schema(contender.problem))
    learned = task(problem.task, schema, problem.goal)
    trained = paths.trained(contender.problem, name)
    facts = read_json(trained / "model.json")
    chosen = trained / "weights" / f"seed-{facts['best_seed']}"
    model = weights.load(contender.architecture, learned, facts["settings"], chosen)
    torch.set_num_threads(1)  # as in training: the same sums on every run
    train, valid, test = (read_part(split / part, schema) for part in ("train", "valid", "test"))

    on_valid, on_test = learned.baselines(train, valid), learned.baselines(train, test)
    predictions = Predictions(
        replies(model, learned.reply(), tensors(asked(learned, valid))),
        learned.truth(valid),
        replies(model, learned.reply(), tensors(asked(learned, test))),
        learned.truth(test),
        {row: (on_valid[row], on_test[row]) for row in on_valid},
    )
    folder = paths.evaluated(contender.problem, name)
    decision = decide(learned, predictions)
    write_predictions(folder / "predictions.npz", predictions)
    write_json(folder / "decision.json", decision)
    write_scores(folder / "metrics.json", scores(learned, predictions, params.seed), predictions)
    view = View(
        *(schema, learned, test, predictions.test_replies, predictions.test_truth, decision, on_test, train),
        lambda *columns: replies(model, learned.reply(), tensors(columns)),
    )
    write_views(folder, view, read_history(trained / "history.csv"))
    in_background(name)


if __name__ == "__main__":
    run(evaluate, paths.STATE)

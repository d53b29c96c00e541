"""Stage export: the champion as ONNX and TorchScript, from raw input to reply, proven equal to what was trained."""

import torch

from pipelines.exporting.folder import export as fill
from pipelines.exporting.signature import Champion
from pipelines.running.files import read_json
from pipelines.running.stage import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.sources.parts import read_part
from pipelines.sources.schema import read_schema
from pipelines.training import weights
from pipelines.training.lesson import task_of


def export(name: str) -> None:
    problem = load().problems[name]
    schema = read_schema(paths.schema(name))
    task = task_of(problem.task, problem.goal, schema)
    contender = read_json(paths.compared(name) / "champion.json")["contender"]
    trained = paths.trained(name, contender)
    facts = read_json(trained / "model.json")
    chosen = trained / "weights" / f"seed-{facts['best_seed']}"
    torch.set_num_threads(1)
    model = weights.load(facts["architecture"], schema, task.outputs, facts["settings"], chosen)
    test = read_part(paths.split(name) / "test", schema)
    champion = Champion(contender, facts["architecture"], facts["parameters"], facts["flops"])
    fill(paths.exported(name), model, task, schema, test.inputs, test.target, name=name, champion=champion)


if __name__ == "__main__":
    run(export, paths.STATE)

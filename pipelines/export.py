"""Stage export: the champion as ONNX and TorchScript, from raw input to reply, proven equal to what was trained."""

import torch

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.export_files import export as fill
from pipelines.exporting.signature import Champion
from pipelines.runtime.files import read_json
from pipelines.runtime.stage_runner import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.tasks import task
from pipelines.training import weights


def export(name: str) -> None:
    problem = load().problems[name]
    schema = read_schema(paths.schema(name))
    learned = task(problem.task, schema, problem.goal)
    contender = read_json(paths.compared(name) / "champion.json")["contender"]
    trained = paths.trained(name, contender)
    facts = read_json(trained / "model.json")
    chosen = trained / "weights" / f"seed-{facts['best_seed']}"
    torch.set_num_threads(1)
    model = weights.load(facts["architecture"], learned, facts["settings"], chosen)
    test = read_part(paths.split(name) / "test", schema)
    champion = Champion(contender, facts["architecture"], facts["parameters"], facts["flops"])
    decision = read_json(paths.evaluated(name, contender) / "decision.json")
    fill(paths.exported(name), model, learned, schema, test, name=name, champion=champion, decision=decision)


if __name__ == "__main__":
    run(export, paths.STATE)

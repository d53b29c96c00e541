"""Stage export: the champion as ONNX and TorchScript, from raw input to reply, proven equal to what was trained."""

import torch

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.signature import ChampionSummary
from pipelines.runtime.files import read_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.tasks import build_task
from pipelines.training import weights


def export(name: str) -> None:
    problem = load_params().problems[name]
    schema = read_schema(paths.schema_file(name))
    task = build_task(problem.task, schema, problem.goal)
    contender = read_json(paths.compare_folder(name) / "champion.json")["contender"]
    train_folder = paths.train_folder(name, contender)
    model_record = read_json(train_folder / "model.json")
    weights_path = train_folder / "weights" / f"seed-{model_record['best_seed']}"
    torch.set_num_threads(1)
    model = weights.load_model(model_record["architecture"], task, model_record["settings"], weights_path)
    test = read_part(paths.split_folder(name) / "test", schema)
    champion = ChampionSummary(
        contender, model_record["architecture"], model_record["parameters"], model_record["flops"]
    )
    calibration = read_json(paths.evaluate_folder(name, contender) / "decision.json")
    export_champion(
        paths.export_folder(name), model, task, schema, test, name=name, champion=champion, calibration=calibration
    )


if __name__ == "__main__":
    run_stage(export, paths.STATE_FOLDER)

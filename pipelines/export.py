"""Stage export: the champion as ONNX and TorchScript, from raw columns to predictions, checked for parity."""

import torch

from pipelines.data.parts import read_part
from pipelines.exporting.export_files import export_champion
from pipelines.exporting.signature import ChampionSummary, split_digest
from pipelines.runtime.files import read_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.trained_model import load_trained


def export(name: str) -> None:
    chosen = read_json(paths.compare_folder(name) / "champion.json")
    contender = chosen["contender"]
    model, task, schema, record = load_trained(name, contender)
    torch.set_num_threads(1)
    test = read_part(paths.split_folder(name) / "test", schema)
    split = split_digest(read_json(paths.manifest_file(name)))
    champion = ChampionSummary(
        contender=contender,
        architecture=record["architecture"],
        **{measure: record[measure] for measure in ("parameters", "flops", "bytes")},
        ship=chosen["ship"],
        reason=chosen["reason"],
        settings=record["settings"],
        split=split,
    )
    evaluated = paths.evaluate_folder(name, contender)
    export_champion(
        paths.export_folder(name),
        model,
        task,
        schema,
        test,
        onnx_file=evaluated / "model.onnx",
        name=name,
        champion=champion,
        calibration=read_json(evaluated / "calibration.json"),
    )


if __name__ == "__main__":
    run_stage(export, paths.STATE_FOLDER)

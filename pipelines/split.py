"""Stage split: read a problem's source once; write train, valid and test, and what was found wrong."""

from pipelines.data_checks.manifest import build_manifest
from pipelines.runtime.files import write_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.sources.kinds import load_dataset
from pipelines.splitting.split import split_dataset, write_split


def split(name: str) -> None:
    params = load_params()
    problem = params.problems[name]
    data = load_dataset(problem.source, paths.DOWNLOADS_FOLDER)
    where, can_fold = f"params.yaml: problems.{name}.split", problem.task.can_fold
    found = split_dataset(data, problem.split, params.seed, where, can_fold=can_fold)
    folder = paths.split_folder(name)
    write_split(folder, data, *found)
    write_json(paths.manifest_file(name), build_manifest(data, found.rows, folder, found.folds.number))


if __name__ == "__main__":
    run_stage(split, paths.STATE_FOLDER)

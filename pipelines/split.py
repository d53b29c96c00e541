"""Stage split: read a problem's source once; write train, valid and test, what is wrong and what has changed."""

from pipelines.data.dataset import Dataset
from pipelines.data_checks.changes import find_changes, summarise_data
from pipelines.data_checks.manifest import build_manifest
from pipelines.runtime.files import read_json, write_json
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
    _note_changes(name, data)


def _note_changes(name: str, data: Dataset) -> None:
    """Compare with the last split's data, as far as this machine remembers it, and remember this one's."""
    path = paths.data_summary_file(name)
    after = summarise_data(data)
    changes = find_changes(read_json(path), after) if path.exists() else []
    write_json(paths.data_changes_file(name), [finding._asdict() for finding in changes])
    write_json(path, after)
    for finding in changes:
        print(f"  {finding.sentence}")


if __name__ == "__main__":
    run_stage(split, paths.STATE_FOLDER)

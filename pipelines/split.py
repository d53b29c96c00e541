"""Stage split: read a problem's source once; write train, valid and test, and what was found wrong."""

from pipelines.data_checks.manifest import manifest
from pipelines.runtime.files import write_json
from pipelines.runtime.stage_runner import run
from pipelines.settings import paths
from pipelines.settings.jobs import check
from pipelines.settings.params import load
from pipelines.sources import load as load_source
from pipelines.splitting.split import split as split_rows
from pipelines.splitting.split import write_split


def split(name: str) -> None:
    params = load()
    check(params)  # a slip in a contender is better heard of now than after the search of another
    problem = params.problems[name]
    data = load_source(problem.source, paths.DOWNLOADS)
    rows = split_rows(data, problem.split, params.seed, f"params.yaml: problems.{name}.split")
    folder = paths.split(name)
    write_split(folder, data, rows)
    write_json(paths.manifest(name), manifest(data, rows, folder))


if __name__ == "__main__":
    run(split, paths.STATE)

"""Stage split: read a problem's source once; write train, valid and test, and what was found wrong."""

from pipelines.running.files import write_json
from pipelines.running.stage import run
from pipelines.settings import paths
from pipelines.settings.entries import check
from pipelines.settings.params import load
from pipelines.sources import load as load_source
from pipelines.sources.manifest import manifest
from pipelines.sources.splitting import split as split_rows
from pipelines.sources.splitting import write_split


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

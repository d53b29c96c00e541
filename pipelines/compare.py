"""Stage compare: the leaderboard, the champion and the report of a problem."""

import sys

from pipelines.data.schema import read_schema
from pipelines.evaluation import leaderboard as records
from pipelines.evaluation.ranking import assemble, read_entry
from pipelines.reporting import leaderboard
from pipelines.reporting.page import contents as report
from pipelines.reporting.page import render as page
from pipelines.runtime.stage_runner import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.tasks import task


def compare(name: str) -> None:
    params = load()
    problem, entered = params.problems[name], params.entered(name)
    learned = task(problem.task, read_schema(paths.schema(name)), problem.goal)
    entries = [
        read_entry(contender, paths.trained(name, contender), paths.evaluated(name, contender))
        for contender in entered  # and no other: what was removed from params.yaml does not linger
    ]
    board = assemble(name, learned, entries, params.seed)
    folder = paths.compared(name)
    records.write(folder, board)
    folders = report.Folders(
        paths.split(name),
        paths.augmented(name),
        folder,
        {
            contender: report.ContenderFolders(
                paths.tuned(name, contender), paths.trained(name, contender), paths.evaluated(name, contender)
            )
            for contender in entered
        },
    )
    page.write(folder, report.gather(name, learned, board, folders))
    print(leaderboard.render(board), file=sys.stderr)


if __name__ == "__main__":
    run(compare, paths.STATE)

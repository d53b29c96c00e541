"""Stage compare: the leaderboard, the champion and the report of a problem."""

import sys

from pipelines.data.schema import read_schema
from pipelines.reporting import leaderboard, page, report
from pipelines.reporting.comparison import assemble, read_entry
from pipelines.running.stage import run
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
    leaderboard.write(folder, board)
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

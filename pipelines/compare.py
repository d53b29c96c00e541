"""Stage compare: the leaderboard, the champion and the report of a problem."""

import sys

from pipelines.evaluation import leaderboard as records
from pipelines.evaluation.ranking import rank, read_entry
from pipelines.reporting import leaderboard
from pipelines.reporting.page import contents, render
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.settings.problem_task import load_task


def compare(name: str) -> None:
    params = load_params()
    task, contenders = load_task(params, name), params.contender_names(name)
    entries = [
        read_entry(task, contender, paths.train_folder(name, contender), paths.evaluate_folder(name, contender))
        for contender in contenders  # and no other: what was removed from params.yaml does not linger
    ]
    ranking = rank(name, task, entries, params.champion_settings(name), params.seed)
    folder = paths.compare_folder(name)
    records.write_leaderboard(folder, ranking)
    folders = contents.ProblemFolders(
        paths.split_folder(name),
        paths.augment_folder(name),
        folder,
        {
            contender: contents.ContenderFolders(
                paths.tune_folder(name, contender),
                paths.train_folder(name, contender),
                paths.evaluate_folder(name, contender),
            )
            for contender in contenders
        },
    )
    render.write_page(folder, contents.build_report(name, task, ranking, folders))
    print(leaderboard.render_leaderboard(ranking), file=sys.stderr)


if __name__ == "__main__":
    run_stage(compare, paths.STATE_FOLDER)

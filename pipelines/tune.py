"""Stage tune: search a contender's settings with Optuna."""

import sys

from pipelines.data.folds import read_folds
from pipelines.reporting.plots import curves
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.workers import worker_count
from pipelines.settings import paths
from pipelines.settings.input_records import record_trials
from pipelines.settings.jobs import check_ship, training_job
from pipelines.settings.limits import limit_params, read_limits
from pipelines.settings.params import load_params
from pipelines.settings.problem_task import load_task
from pipelines.settings.scratch import scratch_folder
from pipelines.settings.starting_point import find_starting_point
from pipelines.training.importances import setting_importances
from pipelines.training.learners import learner_of
from pipelines.training.rungs import count_scored_rows
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space
from pipelines.training.timed_search import count_trials_in_time
from pipelines.training.transfer import describe_first_transfer
from pipelines.training.tune_folder import write_search


def tune(name: str) -> None:
    params = limit_params(load_params())
    contender, settings = params.contenders[name], params.tune_settings(name)
    check_ship(params, name)
    folds = read_folds(paths.folds_file(contender.problem))
    job, fix = find_starting_point(params, name, training_job(params, name), folds.number)
    goal = load_task(params, contender.problem).goal
    space = build_search_space(name, contender.architecture, job.task_settings.kind, fix, contender.search)
    if job.start is not None:
        print(describe_first_transfer(job, space), file=sys.stderr)
    trial_count = settings.trials if space.domains else 1  # with everything fixed there is one thing to try
    config = SearchConfig(
        job, goal, space, trial_count, settings.generation, params.budget_settings(name),
        learner_of(contender.architecture).rungs, params.seed, name, count_scored_rows(folds, trial_count),
    )  # fmt: skip
    progress = Progress("trial", config.trial_count)

    def on_progress(done: int, done_earlier: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {goal.name} {score:.4f}", done_earlier=done_earlier)

    on_progress(0, 0, None)
    scratch = scratch_folder("tune", name, job.device)
    workers, stated = worker_count(job.device), {}
    if limits := read_limits().get(name):
        trials_in_time = count_trials_in_time(config, scratch, workers, on_progress, limits.seconds_to_search())
        config = config._replace(stop_after=trials_in_time)
        stated = record_trials(name, trials_in_time if trials_in_time < config.trial_count else None)
    study, trials = run_search(config, scratch, workers, on_progress)
    folder = paths.tune_folder(contender.problem, name)
    write_search(folder, trials, goal, space, scratch, stated, job.start)
    curves.draw_search_history(folder / "history.png", trials, goal)
    curves.draw_importances(folder / "importance.png", setting_importances(study))


if __name__ == "__main__":
    run_stage(tune, paths.STATE_FOLDER)

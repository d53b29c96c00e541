"""Stage tune: search a contender's settings with Optuna."""

from pipelines.reporting.plots import curves
from pipelines.runtime.files import write_json
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.workers import worker_count
from pipelines.settings import paths
from pipelines.settings.jobs import check_ship, training_job
from pipelines.settings.params import load_params
from pipelines.settings.problem_task import load_task
from pipelines.settings.scratch import scratch_folder
from pipelines.training.csv_logs import write_trials
from pipelines.training.learners import learner_of
from pipelines.training.search import SearchConfig, best_trial, run_search, setting_importances, write_best_trial
from pipelines.training.search_space import build_search_space


def tune(name: str) -> None:
    params = load_params()
    contender, settings = params.contenders[name], params.tune_settings(name)
    check_ship(params, name)
    job = training_job(params, name)
    goal = load_task(params, contender.problem).goal
    space = build_search_space(name, contender.architecture, job.task_settings.kind, contender.fix, contender.search)
    config = SearchConfig(
        job,
        goal,
        space,
        settings.trials if space.domains else 1,  # with everything fixed there is one thing to try
        settings.generation,
        params.budget_settings(name),
        learner_of(contender.architecture).rungs,
        params.seed,
        name,
    )
    progress = Progress("trial", config.trial_count)

    def on_progress(done: int, done_earlier: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {goal.name} {score:.4f}", done_earlier=done_earlier)

    on_progress(0, 0, None)
    scratch = scratch_folder("tune", name, job.device)
    study, trials = run_search(config, scratch, worker_count(job.device), on_progress)
    winner = best_trial(trials, goal)
    folder = paths.tune_folder(contender.problem, name)
    write_trials(folder / "trials.csv", trials)
    curves.draw_search_history(folder / "history.png", trials, goal)
    curves.draw_importances(folder / "importance.png", setting_importances(study))
    settings_found = space.add_fixed(winner.settings).to_json()
    write_best_trial(scratch, winner, settings_found, folder / "trial")
    write_json(
        folder / "best.json",
        {
            "trial": winner.number,
            "goal": goal.name,
            "score": winner.score,
            "epochs": winner.epochs,
            "best_epoch": winner.best_epoch,
            "settings": settings_found,
            "fixed": dict(space.fixed),
        },
    )


if __name__ == "__main__":
    run_stage(tune, paths.STATE_FOLDER)

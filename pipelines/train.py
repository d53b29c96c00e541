"""Stage train: train a contender's best settings from several seeds, each as long as a trial."""

from models.blocks.cost import model_cost
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.machine import describe_machine
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.workers import worker_count
from pipelines.settings import paths
from pipelines.settings.jobs import training_job
from pipelines.settings.params import load_params
from pipelines.settings.problem_task import load_task
from pipelines.settings.scratch import scratch_folder
from pipelines.training.budget import Budget
from pipelines.training.contender_settings import make_settings
from pipelines.training.csv_logs import write_curve, write_history
from pipelines.training.multi_seed import copy_best_weights, seed_summary, train_seeds
from pipelines.training.weights import load_model


def train(name: str) -> None:
    params = load_params()
    contender, settings = params.contenders[name], params.train_settings(name)
    job = training_job(params, name)
    task = load_task(params, contender.problem)
    best = read_json(paths.tune_folder(contender.problem, name) / "best.json")
    best_settings = make_settings(contender.architecture, best["settings"])
    progress = Progress("seed", settings.seeds)
    state = scratch_folder("train", name, job.device)

    def on_progress(done: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {task.goal.name} {score:.4f}")

    runs = train_seeds(
        job,
        best_settings,
        task.goal,
        Budget(params.budget_settings(name)),
        seed=params.seed,
        seeds=settings.seeds,
        folder=state,
        workers=worker_count(job.device),
        on_progress=on_progress,
    )
    folder = paths.train_folder(contender.problem, name)
    copy_best_weights(runs, state, folder / "weights")
    write_history(folder / "history.csv", [result.history for result in runs.results])
    write_curve(folder / "curve.csv", runs.results[runs.best_seed].history, task.goal)
    best_weights = folder / "weights" / f"seed-{runs.best_seed}"
    model = load_model(contender.architecture, task, best_settings.network, best_weights)
    write_json(
        folder / "model.json",
        {
            "architecture": contender.architecture,
            "task": job.task_settings.model_dump(),
            "goal": task.goal.name,
            "settings": best_settings.to_json(),
            **seed_summary(runs),
            "device": job.device,
            **model_cost(model, task.shipped_words)._asdict(),
        },
    )
    write_json(folder / "machine.json", describe_machine(job.device))


if __name__ == "__main__":
    run_stage(train, paths.STATE_FOLDER)

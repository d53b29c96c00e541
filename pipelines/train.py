"""Stage train: train a contender's best settings several times, each as long as a trial, and decide what ships."""

from dataclasses import replace

from pipelines.data.schema import write_schema
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.machine import describe_machine
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.workers import worker_count
from pipelines.settings import paths
from pipelines.settings.jobs import check_ship, training_job
from pipelines.settings.limits import limit_params
from pipelines.settings.params import load_params
from pipelines.settings.scratch import scratch_folder
from pipelines.tasks import build_task
from pipelines.training.budget import Budget
from pipelines.training.contender import Plan, member_specs, train_contender
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import read_job_schema
from pipelines.training.starts import read_start, start_folder
from pipelines.training.train_folder import write_members, write_model


def train(name: str) -> None:
    params = limit_params(load_params())
    contender, settings = params.contenders[name], params.train_settings(name)
    check_ship(params, name)
    trial_folder = paths.tune_folder(contender.problem, name) / "trial"
    task_name = params.problems[contender.problem].task.kind
    best_settings = make_settings(contender.architecture, task_name, read_json(trial_folder / "settings.json"))
    start = read_start(start_folder(trial_folder)) if contender.start_from else None
    job = replace(training_job(params, name), start=start).read_with(best_settings.stem)
    schema = read_job_schema(job)
    task = build_task(job.task_settings, schema, job.goal)
    state = scratch_folder("train", name, job.device)
    budget, workers = Budget(params.budget_settings(name)), worker_count(job.device)
    plan = Plan(job, best_settings, budget, params.seed, settings.seeds, settings.ship, state, trial_folder, workers)
    specs = member_specs(plan)
    progress = Progress("training", len(specs))

    def on_progress(done: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {task.goal.name} {score:.4f}")

    trained = train_contender(plan, specs, task, on_progress)
    folder = paths.train_folder(contender.problem, name)
    write_members(folder, trained.members, task)
    if job.tokens != "words":
        write_schema(paths.trained_schema_file(contender.problem, name), schema)
    write_model(folder, plan, task, trained)
    write_json(folder / "machine.json", describe_machine(job.device))


if __name__ == "__main__":
    run_stage(train, paths.STATE_FOLDER)

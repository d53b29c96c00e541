"""Stage train: train a contender's best settings from several seeds, with early stopping."""

from models.cost import cost
from pipelines.running.files import read_json, write_json
from pipelines.running.progress import Progress
from pipelines.running.stage import run
from pipelines.running.stages import scratch
from pipelines.running.workers import available
from pipelines.settings import paths
from pipelines.settings.entries import lesson
from pipelines.settings.params import load
from pipelines.sources.schema import read_schema
from pipelines.training import weights
from pipelines.training.learners import Course
from pipelines.training.lesson import stem_of, task_of
from pipelines.training.records import write_curve, write_history
from pipelines.training.repeats import facts, keep_weights, repeat


def train(name: str) -> None:
    params = load()
    contender, settings = params.contenders[name], params.train(name)
    entered = lesson(params, name)
    schema = read_schema(entered.schema)
    task = task_of(entered.task, entered.goal, schema)
    chosen = read_json(paths.tuned(contender.problem, name) / "best.json")["settings"]
    progress = Progress("seed", settings.seeds)
    state = scratch("train", name, entered.device, paths.STATE)

    def watch(done: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {task.goal.name} {score:.4f}")

    repeats = repeat(
        entered,
        chosen,
        task.goal,
        Course(settings.epochs, settings.epochs, settings.patience),
        seed=params.seed,
        seeds=settings.seeds,
        folder=state,
        workers=available(entered.device),
        watch=watch,
    )
    folder = paths.trained(contender.problem, name)
    keep_weights(repeats, state, folder / "weights")
    write_history(folder / "history.csv", [result.history for result in repeats.results])
    write_curve(folder / "curve.csv", repeats.results[repeats.best].history, task.goal)
    model = weights.load(
        contender.architecture, schema, task.outputs, chosen, folder / "weights" / f"seed-{repeats.best}"
    )
    write_json(
        folder / "model.json",
        {
            "architecture": contender.architecture,
            "task": task.name,
            "goal": task.goal.name,
            "settings": chosen,
            **facts(repeats),
            "device": entered.device,
            **cost(model.network, stem_of(contender.architecture, schema).inputs)._asdict(),
        },
    )


if __name__ == "__main__":
    run(train, paths.STATE)

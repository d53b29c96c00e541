"""Stage train: train a contender's best settings from several seeds, with early stopping."""

from models.blocks.cost import cost
from pipelines.data.schema import read_schema
from pipelines.runtime.dvc_yaml import scratch
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run
from pipelines.runtime.workers import available
from pipelines.settings import paths
from pipelines.settings.jobs import lesson
from pipelines.settings.params import load
from pipelines.tasks import task
from pipelines.training import weights
from pipelines.training.csv_logs import write_curve, write_history
from pipelines.training.learners import Course
from pipelines.training.multi_seed import facts, keep_weights, repeat


def train(name: str) -> None:
    params = load()
    contender, settings = params.contenders[name], params.train(name)
    entered = lesson(params, name)
    schema = read_schema(entered.schema)
    learned = task(entered.task, schema, entered.goal)
    chosen = read_json(paths.tuned(contender.problem, name) / "best.json")["settings"]
    progress = Progress("seed", settings.seeds)
    state = scratch("train", name, entered.device, paths.STATE)

    def watch(done: int, score: float | None) -> None:
        progress.update(done, "" if score is None else f"best {learned.goal.name} {score:.4f}")

    repeats = repeat(
        entered,
        chosen,
        learned.goal,
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
    write_curve(folder / "curve.csv", repeats.results[repeats.best].history, learned.goal)
    model = weights.load(contender.architecture, learned, chosen, folder / "weights" / f"seed-{repeats.best}")
    write_json(
        folder / "model.json",
        {
            "architecture": contender.architecture,
            "task": entered.task.model_dump(),
            "goal": learned.goal.name,
            "settings": chosen,
            **facts(repeats),
            "device": entered.device,
            **cost(model.network, model.inputs)._asdict(),
        },
    )


if __name__ == "__main__":
    run(train, paths.STATE)

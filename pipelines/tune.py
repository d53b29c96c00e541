"""Stage tune: search a contender's settings with Optuna."""

from pipelines.data.schema import read_schema
from pipelines.reporting.plots import curves
from pipelines.runtime.dvc_yaml import scratch
from pipelines.runtime.files import write_json
from pipelines.runtime.progress import Progress
from pipelines.runtime.stage_runner import run
from pipelines.runtime.workers import available
from pipelines.settings import paths
from pipelines.settings.jobs import lesson
from pipelines.settings.params import load
from pipelines.tasks import task
from pipelines.training.csv_logs import write_trials
from pipelines.training.learners import learner_of
from pipelines.training.search import Plan, best, importances, search
from pipelines.training.search_space import searchable


def tune(name: str) -> None:
    params = load()
    contender, settings = params.contenders[name], params.tune(name)
    entered = lesson(params, name)
    learned = task(entered.task, read_schema(entered.schema), entered.goal)
    setting = searchable(name, contender.architecture, contender.fix, contender.search)
    plan = Plan(
        entered,
        learned.goal,
        setting.space,
        setting.defaults,
        setting.fixed,
        settings.trials if setting.space else 1,  # with everything fixed there is one thing to try
        settings.generation,
        learner_of(contender.architecture).rungs(settings.epochs),
        params.seed,
    )
    progress = Progress("trial", plan.trials)

    def watch(done: int, already: int, score: float | None) -> None:
        text = "" if score is None else f"best {learned.goal.name} {score:.4f}"
        progress.update(done, text, already=already)

    watch(0, 0, None)
    study, trials = search(plan, scratch("tune", name, entered.device, paths.STATE), available(entered.device), watch)
    chosen = best(trials, learned.goal)
    folder = paths.tuned(contender.problem, name)
    write_trials(folder / "trials.csv", trials)
    curves.search_history(folder / "history.png", trials, learned.goal)
    curves.importances(folder / "importance.png", importances(study))
    write_json(
        folder / "best.json",
        {
            "trial": chosen.number,
            "goal": learned.goal.name,
            "score": chosen.score,
            "settings": {**setting.defaults, **setting.fixed, **chosen.settings},
            "fixed": setting.fixed,
        },
    )


if __name__ == "__main__":
    run(tune, paths.STATE)

"""From a contender's name to what it learns from: where settings, paths and tables meet.

python -m pipelines.settings.jobs        checks params.yaml as a whole
"""

import sys

from pipelines.runtime.user_error import Failure
from pipelines.settings import paths
from pipelines.settings.params import Params, load
from pipelines.tasks import TASKS
from pipelines.training.job import Lesson, device
from pipelines.training.search_space import searchable


def lesson(params: Params, contender: str) -> Lesson:
    entry = params.contenders[contender]
    problem = params.problems[entry.problem]
    return Lesson(
        architecture=entry.architecture,
        task=problem.task,
        goal=problem.goal,
        schema=paths.schema(entry.problem),
        train=paths.augmented(entry.problem) / "train",
        valid=paths.split(entry.problem) / "valid",
        augment=problem.augment,
        device=device(),
    )


def check(params: Params) -> None:
    """Check what needs the tables of tasks and architectures: goals, and what every contender fixes and searches.

    Raises:
        Failure: with the YAML path of the first that is wrong.
    """
    for name, problem in params.problems.items():
        goals = TASKS[problem.task.kind].goals
        if problem.goal is not None and problem.goal not in goals:
            raise Failure(
                f"params.yaml: problems.{name}.goal: must be one of {', '.join(goals)}, found {problem.goal!r}"
            )
        if problem.augment.copies == "live" and problem.task.kind in ("generation", "reconstruction"):
            raise Failure(
                f"params.yaml: problems.{name}.augment.copies: live draws what is asked and leaves what is to be "
                f"answered, but a {problem.task.kind} needs both alike; store copies (a number), or set it to 0"
            )
    for name, entry in params.contenders.items():
        searchable(name, entry.architecture, entry.fix, entry.search)


if __name__ == "__main__":
    try:
        check(load())
    except Failure as failure:
        sys.exit(str(failure))

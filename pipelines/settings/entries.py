"""From a contender's name to what it learns from: where settings and paths meet."""

from pipelines.settings import paths
from pipelines.settings.params import Params
from pipelines.training.contender import searchable
from pipelines.training.lesson import Lesson, device


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


def check_contenders(params: Params) -> None:
    """Check what every contender fixes and searches.

    Raises:
        Failure: with the YAML path of the first that is wrong.
    """
    for name, entry in params.contenders.items():
        searchable(name, entry.architecture, entry.fix, entry.search)

"""Task of a problem: its settings in params.yaml with the schema of its data."""

from pipelines.data.schema import read_schema
from pipelines.settings import paths
from pipelines.settings.params import Params
from pipelines.tasks import Task, build_task


def load_task(params: Params, problem: str) -> Task:
    """Build the task of a problem that has been split.

    Raises:
        UserError: if the task cannot be learned from this data, or the goal is not one of its own.
    """
    settings = params.problems[problem]
    return build_task(settings.task, read_schema(paths.schema_file(problem)), settings.goal)

"""The digits of params.yaml, split and augmented in a folder of the measurement's own."""

from pathlib import Path

from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.settings import paths
from pipelines.settings.params import Params
from pipelines.sources import load
from pipelines.splitting.split import split, write_split
from pipelines.training.augmentation import copies
from pipelines.training.job import Lesson


def lesson_in(folder: Path, params: Params, contender: str) -> Lesson:
    """What the contender learns from, on the CPU, as the stages would write it."""
    entry = params.contenders[contender]
    problem = params.problems[entry.problem]
    data = load(problem.source, paths.DOWNLOADS)
    write_split(folder / "split", data, split(data, problem.split, params.seed))
    schema = read_schema(folder / "split" / "schema.json")
    train = read_part(folder / "split" / "train", schema)
    write_part(folder / "augmented", schema, copies(train, schema, problem.augment, params.seed))
    return Lesson(
        entry.architecture,
        problem.task,
        problem.goal,
        folder / "split" / "schema.json",
        folder / "augmented",
        folder / "split" / "valid",
        problem.augment,
        "cpu",
    )

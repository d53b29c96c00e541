"""Training jobs of params.yaml's problems, split and augmented in a folder of the benchmark's own."""

from pathlib import Path

from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.settings import paths
from pipelines.settings.params import Params
from pipelines.sources.kinds import load_dataset
from pipelines.splitting.split import split_rows, write_split
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.job import TrainingJob


def prepare_job(folder: Path, params: Params, contender: str) -> TrainingJob:
    """Write the contender's training data as the stages do, and describe its training on the CPU."""
    entry = params.contenders[contender]
    problem = params.problems[entry.problem]
    data = load_dataset(problem.source, paths.DOWNLOADS_FOLDER)
    write_split(folder / "split", data, split_rows(data, problem.split, params.seed))
    schema = read_schema(folder / "split" / "schema.json")
    train = read_part(folder / "split" / "train", schema)
    write_part(folder / "augmented", schema, augmented_copies(train, schema, problem.augment, params.seed))
    return TrainingJob(
        entry.architecture,
        problem.task,
        problem.goal,
        folder / "split" / "schema.json",
        folder / "augmented",
        folder / "split" / "valid",
        problem.augment,
        "cpu",
    )

"""The signatures that the champions of params.yaml will have, from their data and task alone."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.signature import ChampionSummary, write_signature
from pipelines.settings.params import load_params
from pipelines.sources.bundled.docstrings import DocstringsSettings
from pipelines.sources.kinds import load_dataset
from pipelines.splitting.split import split_rows, write_split
from pipelines.tasks import build_task
from serving.worker.signature import Signature, parse_signature
from tests.support.pages import ROOT


class BaselineChampion(NamedTuple):
    """The signature of a problem whose champion is a baseline, and its prediction."""

    contract: Signature
    predictions: NDArray[Any]  # for the first example of the test part, (1, ...)


@cache
def export_baseline(problem: str, folder: Path) -> BaselineChampion:
    """Split a problem as the stage does, and write the signature of its last baseline.

    Args:
        problem: its name in params.yaml.
        folder: the project's.
    """
    params = load_params(ROOT / "params.yaml")
    settings, split_folder = params.problems[problem], folder / "data" / problem / "split"
    source = settings.source
    if isinstance(source, DocstringsSettings):
        source = source.model_copy(update={"most": 40})  # of each library, which changes nothing that is signed
    data = load_dataset(source, folder / ".state" / "downloads")
    write_split(split_folder, data, split_rows(data, settings.split, params.seed))
    schema = read_schema(split_folder / "schema.json")
    task = build_task(settings.task, schema, settings.goal)
    train, test = (read_part(split_folder / part, schema) for part in ("train", "test"))
    name, predictions = list(task.baselines(train, test).items())[-1]
    write_signature(
        split_folder,
        name=problem,
        task=task,
        schema=schema,
        champion=ChampionSummary(name, "baseline", 0, 0, 0, False, "", {}, ""),
        prediction_shape=predictions.shape[1:],
        tolerance=1e-5,
        calibration=task.calibrate(predictions, task.reference(test)),
    )
    contract = parse_signature((split_folder / "signature.json").read_text(encoding="utf-8"))
    return BaselineChampion(contract, predictions[:1])

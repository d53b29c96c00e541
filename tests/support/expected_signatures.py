"""What the champions of params.yaml will be asked and answer, told before there is one: by their data and task."""

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from pipelines.data.parts import read_part
from pipelines.data.schema import read_schema
from pipelines.exporting.signature import Champion, write_signature
from pipelines.settings.params import load
from pipelines.sources import load as load_source
from pipelines.splitting.split import split, write_split
from pipelines.tasks import task
from serving.worker import signature
from tests.support.pages import ROOT


class Asked(NamedTuple):
    """A problem whose champion is its best baseline."""

    contract: signature.Signature
    answers: NDArray[Any]  # to the first example of the test part, (1, ...)


@cache
def asked(problem: str, folder: Path) -> Asked:
    """Split a problem into the folder, as the stage does, and let a baseline answer.

    Args:
        problem: its name in params.yaml.
        folder: the project's.
    """
    params = load(ROOT / "params.yaml")
    settings, place = params.problems[problem], folder / "data" / problem / "split"
    data = load_source(settings.source, folder / ".state" / "downloads")
    write_split(place, data, split(data, settings.split, params.seed))
    schema = read_schema(place / "schema.json")
    learned = task(settings.task, schema, settings.goal)
    train, test = (read_part(place / part, schema) for part in ("train", "test"))
    name, answers = list(learned.baselines(train, test).items())[-1]
    write_signature(
        place,
        name=problem,
        task=learned,
        schema=schema,
        champion=Champion(name, "baseline", 0, 0),
        reply=answers.shape[1:],
        tolerance=1e-5,
        decision=learned.decide(answers, learned.truth(test)),
        levels=getattr(learned, "levels", ()),
    )
    contract = signature.read((place / "signature.json").read_text(encoding="utf-8"))
    return Asked(contract, answers[:1])

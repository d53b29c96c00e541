"""Stage augment: draw copies of the train part, once, for every contender; show them to a person."""

from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.reporting.plots.augmentation_preview import write_preview
from pipelines.runtime.stage_runner import run
from pipelines.settings import paths
from pipelines.settings.params import load
from pipelines.training.augmentation import copies, describe, shown


def augment(name: str) -> None:
    params = load()
    settings = params.problems[name].augment
    schema = read_schema(paths.schema(name))
    part = read_part(paths.split(name) / "train", schema)
    drawn = copies(part, schema, settings, params.seed, f"params.yaml: problems.{name}.augment")
    write_part(paths.augmented(name) / "train", schema, drawn)
    sheet = drawn if settings.copies != "live" else shown(part, schema, settings, params.seed)
    write_preview(paths.augmented(name) / "preview.png", schema, sheet, describe(settings))


if __name__ == "__main__":
    run(augment, paths.STATE)

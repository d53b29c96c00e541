"""Stage augment: draw copies of what is trained on, once, for every contender; show them to a person."""

from pipelines.data.folds import read_folds
from pipelines.data.parts import join_parts, read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.data.unlabelled import read_unlabelled, write_unlabelled
from pipelines.reporting.plots.augmentation_preview import write_preview
from pipelines.runtime.stage_runner import run_stage
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.training.augment_settings import describe_augmentation
from pipelines.training.augmented_copies import augmented_copies, sample_for_preview


def augment(name: str) -> None:
    params = load_params()
    settings = params.problems[name].augment
    schema = read_schema(paths.schema_file(name))
    part = read_part(paths.split_folder(name) / "train", schema)
    if read_folds(paths.folds_file(name)).number:  # then every row but the test's is trained on by some fold
        part = join_parts(part, read_part(paths.split_folder(name) / "valid", schema))
    augmented = augmented_copies(part, schema, settings, params.seed, f"params.yaml: problems.{name}.augment")
    write_part(paths.augment_folder(name) / "train", schema, augmented)
    write_unlabelled(
        paths.augment_folder(name) / "train", schema, read_unlabelled(paths.split_folder(name) / "train", schema)
    )
    preview_part = augmented if settings.copies != "live" else sample_for_preview(part, schema, settings, params.seed)
    write_preview(paths.augment_folder(name) / "preview.png", schema, preview_part, describe_augmentation(settings))


if __name__ == "__main__":
    run_stage(augment, paths.STATE_FOLDER)

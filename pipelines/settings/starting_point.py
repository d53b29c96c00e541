"""What a contender starts from: the weights of another, or a file, with the settings of the network they are for."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from models.blocks.hyperparameters import SettingValue, default_settings
from pipelines.data.schema import Schema, read_schema
from pipelines.runtime.files import read_json
from pipelines.settings import paths
from pipelines.settings.origins import Origin, is_weights_file, origin_members
from pipelines.settings.params import Params
from pipelines.settings.start_rules import describe_seen_rows
from pipelines.training.contender_settings import settings_types
from pipelines.training.job import TrainingJob, read_job_schema
from pipelines.training.starts import Start, read_tensors
from pipelines.training.torchvision_names import find_named_network


class StartingPoint(NamedTuple):
    """A job that begins with weights, and the settings that its search does not try because of them."""

    job: TrainingJob
    fix: Mapping[str, Any]


def find_starting_point(params: Params, name: str, job: TrainingJob, folds: int) -> StartingPoint:
    """The job and what is fixed of a contender; as they are where its weights begin at random.

    Settings of the network and of the stem are those that the weights are for, or their defaults where nothing is
    known, unless the contender fixes or searches them itself: of another width, nothing would fit.

    Args:
        folds: how many the contender's problem is split in.

    Raises:
        UserError: a file is missing or damaged.
    """
    entry = params.contenders[name]
    if entry.start_from is None:
        return StartingPoint(job, entry.fix)
    seen = describe_seen_rows(params, name, folds)
    if is_weights_file(entry.start_from):
        file = Path(entry.start_from)
        row = find_named_network(entry.architecture, read_tensors(file))
        start, known = Start(entry.start_from, seen, (file,)), {} if row is None else row.settings
        return StartingPoint(replace(job, start=start), _fix_model(params, name, known))
    origin = Origin(entry.start_from, params.contenders[entry.start_from].problem)
    model_file, weights, _ = origin.files
    record = read_json(model_file)
    fix = _fix_model(params, name, record["settings"])
    own, theirs = read_job_schema(replace(job, tokens=fix.get("tokens", "words"))), _read_origin_schema(origin)
    start = Start(
        entry.start_from,
        seen,
        tuple(
            weights / f"{member}.safetensors"
            for member in origin_members(record, is_same_problem=origin.problem == entry.problem)
        ),
        keeps_stem=own.inputs == theirs.inputs and "tokens" not in entry.search,
        keeps_head=_without_range(own) == _without_range(theirs),
    )
    return StartingPoint(replace(job, start=start), fix)


def _fix_model(params: Params, name: str, known: Mapping[str, SettingValue]) -> dict[str, Any]:
    """What is fixed: the contender's own, and every setting of network and stem that it leaves open."""
    entry = params.contenders[name]
    types = settings_types(entry.architecture, params.problems[entry.problem].task.kind)
    defaults = {**default_settings(types.network), **default_settings(types.stem)}
    open_settings = [setting for setting in defaults if setting not in entry.fix and setting not in entry.search]
    return {**{setting: known.get(setting, defaults[setting]) for setting in open_settings}, **entry.fix}


def _read_origin_schema(origin: Origin) -> Schema:
    """The schema that the origin's weights are for, with a vocabulary of its own where it has one."""
    own = paths.trained_schema_file(origin.problem, origin.contender)
    return read_schema(own if own.exists() else origin.files[2])


def _without_range(schema: Schema) -> dict[str, Any]:
    """The target as it is told from others; values that were seen do not make it another."""
    return schema.target.model_dump(exclude={"range"})

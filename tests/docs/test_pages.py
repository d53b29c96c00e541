"""What the pages say besides the README's blocks: links, the tree, and the tables of settings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml
from click import Argument, Context
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from models import ARCHITECTURES
from models.blocks import class_losses
from models.blocks.activations import ACTIVATIONS
from models.blocks.hyperparameters import Choice, Hyperparameters, Range, default_settings, default_space
from models.blocks.losses import PIXEL_LOSSES
from models.blocks.optimizers import LEARNING_RATE_SCALES
from pipelines.cli.command import COMMANDS
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.settings.params import Contender, Params, Problem, TrainSettings, TuneSettings, load_params
from pipelines.sources.bundled import scikit_learn, statsmodels_series
from pipelines.sources.kinds import LOADERS, SourceSettings
from pipelines.splitting.split import STRATEGIES, SplitSettings
from pipelines.tasks import TASKS, AnyTaskSettings
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.budget import BudgetSettings
from pipelines.training.contender_settings import LEARNER_SETTINGS, STEM_SETTINGS
from pipelines.training.schedules import SCHEDULES
from tests.support.pages import (
    PAGES,
    README,
    ROOT,
    SETTINGS_PAGE,
    fenced_blocks,
    list_project_files,
    paths_of_tree,
    table_cells,
)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    path = ROOT / page
    for target, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target
        if anchor and not target.startswith("https://"):
            assert anchor in anchors(path.parent / target if target else path), f"{target}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The headings of a page, as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


# The tree


def tree() -> list[str]:
    (text,) = (block.text for block in fenced_blocks() if block.text.startswith("README.md "))
    return paths_of_tree(text)


def test_everything_in_the_tree_is_there() -> None:
    assert [path for path in tree() if not (ROOT / path).exists() and path != "dvc.lock"] == []


def test_everything_there_is_in_the_tree() -> None:
    files = list_project_files()
    top = {name.split("/")[0] for name in files} | {"dvc.lock"}
    rooms = {str(Path(name).parent) for name in files if re.fullmatch(r"pipelines/\w+/__init__\.py", name)}
    stages = {name for name in files if re.fullmatch(r"pipelines/\w+\.py", name)}
    pages = {name for name in files if re.fullmatch(r"docs/\w+\.md", name)}
    assert sorted((top | rooms | stages | pages) - set(tree())) == []


# The README's own tables


def test_every_stage_is_in_the_table() -> None:
    stages = [
        verb
        for file in ("pipelines/dvc.yaml", "dvc.yaml")
        for verb in yaml.safe_load((ROOT / file).read_text())["stages"]
    ]
    assert [cells[0] for cells in table_cells("stage")] == stages


def test_every_command_is_in_the_table_with_its_argument() -> None:
    usages = []
    for command in COMMANDS:
        arguments = (one.make_metavar(Context(command)) for one in command.params if isinstance(one, Argument))
        usages.append(" ".join(["bakeoff", str(command.name), *arguments]))
    assert [cells[0] for cells in table_cells("command")] == usages


def test_every_problem_is_in_the_table_with_its_task_and_one_of_its_contenders() -> None:
    params = load_params(ROOT / "params.yaml")
    rows = {name: rest for name, *rest in table_cells("problem")}
    assert list(rows) == list(params.problems)
    for name, (_, kind, champion, *_) in rows.items():
        assert kind == params.problems[name].task.kind
        assert champion in params.contender_names(name)


# docs/settings.md

FRAME = {
    "": Params,
    "defaults.tune.": TuneSettings,
    "defaults.train.": TrainSettings,
    "defaults.budget.": BudgetSettings,
    "defaults.champion.": ChampionSettings,
    "problems.*.": Problem,
    "contenders.*.": Contender,
}
SECTIONS = {"defaults", "problems", "contenders"}


def by_kind(alias: Any) -> dict[str, type[BaseModel]]:
    """The settings classes of a union, by the `kind` that tells them apart."""
    (union, *_) = get_args(alias)
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(union)}


EXPLAINED: dict[str, type[BaseModel]] = {
    "split": SplitSettings,
    "augment": AugmentSettings,
    **{f"source: {kind}": model for kind, model in by_kind(SourceSettings).items()},
    **{f"task: {kind}": model for kind, model in by_kind(AnyTaskSettings).items() if len(model.model_fields) > 1},
}


def fields_of(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every setting but `kind`, and those inside of it."""
    for name, field in model.model_fields.items():
        if name == "kind":
            continue
        yield place + name, field
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                yield from fields_of(inner, f"{place}{name}.")


def default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    return (
        "none"
        if value is None or value in ((), "")
        else str(value).lower()
        if value is True or value is False
        else str(value)
    )


def test_every_source_and_task_is_explained() -> None:
    assert set(by_kind(SourceSettings)) == set(LOADERS)
    assert set(by_kind(AnyTaskSettings)) == set(TASKS)
    for name in LOADERS:
        assert f"### `kind: {name}`" in SETTINGS_PAGE


@pytest.mark.parametrize("title", EXPLAINED)
def test_every_setting_is_explained_with_its_default(title: str) -> None:
    expected = {name: default(field) for name, field in fields_of(EXPLAINED[title])}
    assert {name: shown for name, shown, _ in table_cells(title, SETTINGS_PAGE)} == expected
    assert all(meaning for *_, meaning in table_cells(title, SETTINGS_PAGE))


def test_every_setting_of_the_frame_is_explained_with_its_default() -> None:
    known = {f"{place}{name}": field for place, model in FRAME.items() for name, field in model.model_fields.items()}
    expected = {name: default(field) for name, field in known.items() if name not in SECTIONS}
    expected["problems.*.augment"] = "{}"
    assert {name: shown for name, shown, _ in table_cells("setting", SETTINGS_PAGE)} == expected


@pytest.mark.parametrize(
    ("title", "setting", "names"),
    [
        ("source: sklearn", "dataset", list(scikit_learn.DATASETS)),
        ("source: statsmodels", "dataset", list(statsmodels_series.DATASETS)),
        ("split", "by", list(STRATEGIES)),
    ],
)
def test_what_a_setting_may_be_is_named(title: str, setting: str, names: list[str]) -> None:
    meanings = {name: meaning for name, _, meaning in table_cells(title, SETTINGS_PAGE)}
    assert [name for name in names if f"`{name}`" not in meanings[setting]] == []


def test_every_goal_of_a_task_is_named() -> None:
    goals = {name: re.findall(r"\w+", cell) for name, _, cell, *_ in table_cells("task", SETTINGS_PAGE)}
    assert goals == {name: list(task.goals) for name, task in TASKS.items()}


def test_every_architecture_is_listed_with_what_it_reads_and_how_it_learns() -> None:
    expected = [[name, one.input_type, one.learner.replace("_", " ")] for name, one in ARCHITECTURES.items()]
    assert [cells[:3] for cells in table_cells("architecture", SETTINGS_PAGE)] == expected


def shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return np.format_float_positional(value, trim="0") if isinstance(value, float) else str(value)


def row(owner: str, config: type[Hyperparameters], name: str, extent: Range | Choice) -> list[str]:
    first = shown(default_settings(config)[name])
    if isinstance(extent, Choice):
        searched = ", ".join(map(shown, extent.options))
    else:
        searched = f"{shown(extent.low)} to {shown(extent.high)}{', logarithmic' * extent.log}"
    return [owner, name, first, searched if extent.searched else f"where named: {searched}"]


@pytest.mark.parametrize(
    ("title", "owners"),
    [
        ("architecture | setting", {name: one.config for name, one in ARCHITECTURES.items()}),
        ("learner", LEARNER_SETTINGS),
        ("stem of", STEM_SETTINGS),
    ],
    ids=["architectures", "learners", "stems"],
)
def test_every_hyperparameter_is_listed_with_what_is_searched(
    title: str, owners: dict[str, type[Hyperparameters]]
) -> None:
    expected = [
        row(owner, config, *entry) for owner, config in owners.items() for entry in default_space(config).items()
    ]
    assert [cells[:4] for cells in table_cells(title, SETTINGS_PAGE)] == expected
    assert all(cells[4] for cells in table_cells(title, SETTINGS_PAGE))


def test_every_optimizer_is_listed_with_its_factor() -> None:
    factors = dict(LEARNING_RATE_SCALES.factors)
    assert {name: float(factor) for name, factor, _ in table_cells("optimizer", SETTINGS_PAGE)} == factors


@pytest.mark.parametrize(("title", "table"), [("schedule", SCHEDULES), ("activation", ACTIVATIONS)])
def test_every_schedule_and_activation_is_listed(title: str, table: dict[str, object]) -> None:
    assert [name for name, _ in table_cells(title, SETTINGS_PAGE)] == list(table)


@pytest.mark.parametrize(
    ("title", "losses"), [("task: classification", class_losses.LOSSES), ("task: segmentation", PIXEL_LOSSES)]
)
def test_every_loss_is_named(title: str, losses: dict[str, object]) -> None:
    (meaning,) = [cells[2] for cells in table_cells(title, SETTINGS_PAGE) if cells[0] == "loss"]
    assert [name for name in losses if f"`{name}`" not in meaning] == []


def test_the_readme_leads_to_every_setting() -> None:
    assert "](docs/settings.md)" in README

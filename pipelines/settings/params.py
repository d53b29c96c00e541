"""The schema of params.yaml: typed, frozen settings, read once.

Unknown keys are refused. An error names the YAML path, the rule and the value found:

    params.yaml: problems.digits.split.vaild: unknown setting; known here: by, test, valid
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import read_yaml
from pipelines.settings import paths
from pipelines.settings.errors import _format_errors
from pipelines.sources.kinds import SourceSettings
from pipelines.splitting.split import SplitSettings
from pipelines.tasks import AnyTaskSettings
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.budget import BudgetSettings
from pipelines.training.ship_settings import Ship

NAME_PATTERN = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")


class FrozenSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TuneSettings(FrozenSettings):
    """How a contender's settings are searched."""

    retired: ClassVar[Mapping[str, str]] = {
        "epochs": "a trial is as long as a training now: write `budget: {{epochs: {found}}}` beside `tune` and `train`"
    }

    trials: int = Field(default=12, ge=1)  # settings tried
    generation: int = Field(default=6, ge=1)  # trials sampled and compared together; changes the result


class TrainSettings(FrozenSettings):
    """How the best settings are trained."""

    retired: ClassVar[Mapping[str, str]] = {
        "epochs": "a training is as long as a trial now: write `budget: {{epochs: {found}}}` beside `tune` and `train`",
        "patience": "leave it out: the learning rate falls to the end of `budget` and the best epoch is kept, so set "
        "`budget: {{epochs: ...}}` lower where trainings are too long",
    }

    seeds: int = Field(default=3, ge=1)  # independent trainings
    ship: Ship | None = None  # None: of seeds what is better on validation, of folds as the split goes


class Defaults(FrozenSettings):
    tune: TuneSettings = TuneSettings()
    train: TrainSettings = TrainSettings()
    budget: BudgetSettings = BudgetSettings()
    champion: ChampionSettings = ChampionSettings()


class Problem(FrozenSettings):
    """A data set, a task and how to split it."""

    task: AnyTaskSettings
    goal: str | None = None  # what is optimised; the task's own choice when absent
    source: SourceSettings
    split: SplitSettings
    augment: AugmentSettings = AugmentSettings()
    champion: Mapping[str, Any] = {}  # this problem's departures from defaults.champion


class Contender(FrozenSettings):
    """An architecture entered for a problem."""

    problem: str
    architecture: str
    start_from: str | None = None  # another contender, or a file of weights; None: random weights
    fix: Mapping[str, Any] = {}  # settings that are not searched
    search: Mapping[str, Any] = {}  # other ranges than the architecture's own
    tune: Mapping[str, int] = {}  # this contender's departures from defaults.tune
    train: Mapping[str, int | str] = {}  # ... from defaults.train
    budget: Mapping[str, int] = {}  # ... and from defaults.budget


class Params(FrozenSettings):
    seed: int = Field(ge=0)
    defaults: Defaults = Defaults()
    problems: Mapping[str, Problem]
    contenders: Mapping[str, Contender]

    @field_validator("problems", "contenders")
    @classmethod
    def _check_names(cls, entries: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in entries:
            if not NAME_PATTERN.fullmatch(name):
                raise ValueError(
                    f"the name {name!r} must be lower-case letters, digits, '-' and '_', 64 at most: it becomes a "
                    "folder, a DVC stage and a web address"
                )
        return entries

    @field_validator("problems")
    @classmethod
    def _check_reserved_name(cls, problems: Mapping[str, Problem]) -> Mapping[str, Problem]:
        if paths.INPUTS_FOLDER.name in problems:
            raise ValueError(
                f"no problem may be called {paths.INPUTS_FOLDER.name!r}: {paths.INPUTS_FOLDER} holds what stages "
                "depend on; choose another name"
            )
        return problems

    @model_validator(mode="after")
    def _check_problems(self) -> "Params":
        for name, contender in self.contenders.items():
            if contender.problem not in self.problems:
                raise ValueError(
                    f"contenders.{name}.problem: no problem is called {contender.problem!r}; "
                    f"there are: {', '.join(self.problems)}"
                )
        unused = set(self.problems) - {contender.problem for contender in self.contenders.values()}
        if unused:
            raise ValueError(f"problems.{min(unused)}: no contender is entered for it under contenders:")
        return self

    def tune_settings(self, contender: str) -> TuneSettings:
        return _override_defaults(self.defaults.tune, self.contenders[contender].tune, f"contenders.{contender}.tune")

    def train_settings(self, contender: str) -> TrainSettings:
        return _override_defaults(
            self.defaults.train, self.contenders[contender].train, f"contenders.{contender}.train"
        )

    def budget_settings(self, contender: str) -> BudgetSettings:
        return _override_defaults(
            self.defaults.budget, self.contenders[contender].budget, f"contenders.{contender}.budget"
        )

    def champion_settings(self, problem: str) -> ChampionSettings:
        return _override_defaults(
            self.defaults.champion, self.problems[problem].champion, f"problems.{problem}.champion"
        )

    def resolve_defaults(self) -> dict[str, Any]:
        """Every setting as a plain value, with its default: seed, problems and contenders."""
        return {
            "seed": self.seed,
            "problems": {
                name: {**problem.model_dump(mode="json"), "champion": self.champion_settings(name).model_dump()}
                for name, problem in self.problems.items()
            },
            "contenders": {
                name: {
                    **contender.model_dump(mode="json"),
                    "tune": self.tune_settings(name).model_dump(),
                    "train": self.train_settings(name).model_dump(),
                    "budget": self.budget_settings(name).model_dump(),
                }
                for name, contender in self.contenders.items()
            },
        }

    def contender_names(self, problem: str) -> list[str]:
        """The contenders of a problem, in the order of params.yaml."""
        return [name for name, contender in self.contenders.items() if contender.problem == problem]


def load_params(path: Path = paths.PARAMS_FILE) -> Params:
    """Read and check params.yaml.

    Raises:
        UserError: the file is missing, is not YAML, or breaks a rule; the first ten breaches are named.
    """
    content = read_yaml(path)
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        raise UserError(_format_errors(path, error, Params)) from None
    for name in params.problems:  # departures from the defaults are checked with the rest
        params.champion_settings(name)
    for name in params.contenders:
        params.tune_settings(name)
        params.train_settings(name)
        params.budget_settings(name)
    return params


S = TypeVar("S", TuneSettings, TrainSettings, BudgetSettings, ChampionSettings)


def _override_defaults(defaults: S, overrides: Mapping[str, Any], where: str) -> S:
    try:
        return type(defaults).model_validate({**defaults.model_dump(), **overrides})
    except ValidationError as error:
        raise UserError(_format_errors(paths.PARAMS_FILE, error, type(defaults), where)) from None

"""params.yaml, read once into typed, frozen settings; the only reader of that file's meaning.

Unknown keys are refused. An error names the YAML path, the rule and the value found:

    params.yaml: problems.digits.split.vaild: unknown setting; known here: by, test, valid
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipelines.runtime.user_error import Failure
from pipelines.settings import paths
from pipelines.settings.errors import _sentences
from pipelines.sources import SourceSettings
from pipelines.splitting.split import SplitSettings
from pipelines.tasks import SettingsOfTask
from pipelines.training.augmentation import AugmentSettings

NAME = re.compile(r"[a-z0-9]([a-z0-9_-]{0,62}[a-z0-9])?")


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TuneSettings(Settings):
    """How a contender's settings are searched."""

    trials: int = Field(default=12, ge=1)  # settings tried
    generation: int = Field(default=6, ge=1)  # trials asked and compared together; changes the result, workers do not
    epochs: int = Field(default=12, ge=1)  # epochs of a trial that is never pruned


class TrainSettings(Settings):
    """How the best settings are trained."""

    seeds: int = Field(default=3, ge=1)  # independent trainings; the best on validation is the model
    epochs: int = Field(default=40, ge=1)  # at most
    patience: int = Field(default=8, ge=1)  # epochs without a better validation score before stopping


class Defaults(Settings):
    tune: TuneSettings = TuneSettings()
    train: TrainSettings = TrainSettings()


class Problem(Settings):
    """A data set, a task and how to split it."""

    task: SettingsOfTask
    goal: str | None = None  # what is optimised; the task's own choice when absent
    source: SourceSettings
    split: SplitSettings
    augment: AugmentSettings = AugmentSettings()


class Contender(Settings):
    """An architecture entered for a problem."""

    problem: str
    architecture: str
    fix: Mapping[str, Any] = {}  # settings that are not searched
    search: Mapping[str, Any] = {}  # other ranges than the architecture's own
    tune: Mapping[str, int] = {}  # this contender's departures from defaults.tune
    train: Mapping[str, int] = {}  # ... and from defaults.train


class Params(Settings):
    seed: int = Field(ge=0)
    defaults: Defaults = Defaults()
    problems: Mapping[str, Problem]
    contenders: Mapping[str, Contender]

    @field_validator("problems", "contenders")
    @classmethod
    def _names_are_usable(cls, entries: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in entries:
            if not NAME.fullmatch(name):
                raise ValueError(
                    f"the name {name!r} must be lower-case letters, digits, '-' and '_', 64 at most: it becomes a "
                    "folder, a DVC stage and a web address"
                )
        return entries

    @model_validator(mode="after")
    def _contenders_have_problems(self) -> "Params":
        for name, contender in self.contenders.items():
            if contender.problem not in self.problems:
                raise ValueError(
                    f"contenders.{name}.problem: no problem is called {contender.problem!r}; "
                    f"there are: {', '.join(self.problems)}"
                )
        lonely = set(self.problems) - {contender.problem for contender in self.contenders.values()}
        if lonely:
            raise ValueError(f"problems.{min(lonely)}: no contender is entered for it under contenders:")
        return self

    def tune(self, contender: str) -> TuneSettings:
        return _overridden(self.defaults.tune, self.contenders[contender].tune, f"contenders.{contender}.tune")

    def train(self, contender: str) -> TrainSettings:
        return _overridden(self.defaults.train, self.contenders[contender].train, f"contenders.{contender}.train")

    def entered(self, problem: str) -> list[str]:
        """The contenders of a problem, in the order of params.yaml."""
        return [name for name, contender in self.contenders.items() if contender.problem == problem]


def load(path: Path = paths.PARAMS) -> Params:
    """Read and check params.yaml.

    Raises:
        Failure: the file is missing, is not YAML, or breaks a rule; the first ten breaches are named.
    """
    try:
        text = path.read_text(encoding="utf-8")
        params = Params.model_validate(yaml.load(text, _Loader))  # it is a SafeLoader
    except FileNotFoundError:
        raise Failure(f"{path} is missing; run from the project's folder") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"{path} is not readable as YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise Failure(_sentences(path, error, Params)) from None
    for name in params.contenders:  # departures from the defaults are checked with the rest
        params.tune(name)
        params.train(name)
    return params


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, which also refuses a key that stands twice: the first of the two would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if name in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: the key {name!r} stands twice")
            seen.add(name)
        return super().construct_mapping(node, deep)


S = TypeVar("S", TuneSettings, TrainSettings)


def _overridden(defaults: S, departures: Mapping[str, int], where: str) -> S:
    try:
        return type(defaults).model_validate({**defaults.model_dump(), **departures})
    except ValidationError as error:
        raise Failure(_sentences(paths.PARAMS, error, type(defaults), where)) from None

"""Hyperparameters: default, search range and valid values of every setting, on one line beside the network.

    class Config(Hyperparameters):
        width: int = tunable(128, 16, 512, log=True, ge=1)      # units in every hidden layer
        dropout: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)     # probability of zeroing a unit
        activation: str = choice("relu", "relu", "gelu")        # activation function

The range is where a search looks, not a limit: a width of 1,024 may be set with `fix`. What is never valid (a width of
0) is stated with `ge`, `gt`, `le`, `lt`. A text must be one of its options. What `searched=False` marks keeps its
default unless params.yaml names it under `fix` or `search`: a setting that nobody asked for changes no search.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

SettingValue = bool | int | float | str


@dataclass(frozen=True)
class Range:
    """Search range of a number, from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False  # sampled on a logarithmic scale
    integer: bool = False  # whole numbers only
    scaled_by: "Scales | None" = None  # a choice that the values depend on; sampled for its default
    searched: bool = True  # else only where params.yaml names it


@dataclass(frozen=True)
class Scales:
    """A choice, and what its options multiply the values of a range by: 20 means that they are 20 times as large."""

    name: str  # of the choice
    factors: tuple[tuple[str, float], ...]  # option, factor

    def factor(self, option: object) -> float:
        return dict(self.factors)[str(option)]


@dataclass(frozen=True)
class Choice:
    """Search options of a setting, without order."""

    options: tuple[SettingValue, ...]
    unsearched: tuple[SettingValue, ...] = ()  # further texts that are valid, and tried only where params.yaml says so
    searched: bool = True  # else only where params.yaml names it

    @property
    def valid_options(self) -> tuple[SettingValue, ...]:
        return (*self.options, *self.unsearched)


Space = dict[str, Range | Choice]


def tunable(
    default: float,
    low: float,
    high: float,
    *,
    log: bool = False,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    scaled_by: Scales | None = None,
    searched: bool = True,
) -> Any:
    """A number with a search range; an integer if its default is one.

    Args:
        default: the value of the first trial.
        low: smallest value that a search tries.
        high: largest value that a search tries.
        log: sample on a logarithmic scale.
        ge: smallest valid value; gt, le and lt likewise.
        scaled_by: a choice that default and range depend on: they are those of its default, whose factor is 1.
        searched: whether every search tries the range; else those alone that name it.

    Raises:
        ValueError: if the default is outside the range, the range is empty, or log meets a low of 0.
    """
    integer = isinstance(default, int)
    if integer and not (isinstance(low, int) and isinstance(high, int)):
        raise ValueError(f"a whole default ({default}) needs a whole range, got {low} to {high}")
    if not low < high:
        raise ValueError(f"a range goes from low to high, got {low} to {high}")
    if not low <= default <= high:
        raise ValueError(f"the default {default} is outside its own range, {low} to {high}")
    if log and low <= 0:
        raise ValueError(f"a logarithmic range starts above 0, got {low}")
    number = int if integer else float
    domain = Range(number(low), number(high), log, integer, scaled_by, searched)
    return Field(default, ge=ge, gt=gt, le=le, lt=lt, json_schema_extra=asdict(domain))


def choice(
    default: SettingValue,
    *options: SettingValue,
    ge: float | None = None,
    unsearched: Iterable[str] = (),
    searched: bool = True,
) -> Any:
    """One of a few values; `ge` is the smallest valid value, if they are numbers.

    Args:
        unsearched: further texts that may be fixed or named under `search`, but are not tried otherwise.
        searched: whether every search tries the options; else those alone that name it.

    Raises:
        ValueError: if there are fewer than two options, they repeat or mix types, or the default is none of them.
    """
    if len(set(options)) < 2 or len(set(options)) < len(options) or len({type(option) for option in options}) > 1:
        raise ValueError(f"a choice needs two options or more, all different and of one type, got {options}")
    if default not in options:
        raise ValueError(f"the default {default!r} is none of the options {options}")
    further = [option for option in unsearched if option not in options]
    extra: dict[str, Any] = {"options": list(options), "unsearched": further, "searched": searched}
    return Field(default, ge=ge, json_schema_extra=extra)


class Hyperparameters(BaseModel):
    """Base of an architecture's Config: frozen, strict about types, no unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        for name, field in cls.model_fields.items():
            assert field.json_schema_extra, f"{cls.__name__}.{name} needs tunable(...) or choice(...)"
            domain = _domain_of_field(field)
            if isinstance(domain, Range):
                number = int if domain.integer else float
                assert field.annotation is number, f"{cls.__name__}.{name} has a default that is no {field.annotation}"

    @model_validator(mode="after")
    def _check_text_options(self) -> "Hyperparameters":
        for name, domain in default_space(type(self)).items():
            value = getattr(self, name)
            if isinstance(domain, Choice) and isinstance(value, str) and value not in domain.valid_options:
                raise ValueError(f"{name} must be one of {_join_names(domain.valid_options)}, found {value!r}")
        return self


def default_space(config: type[Hyperparameters]) -> Space:
    """Search space of all settings, in the order of definition."""
    return {name: _domain_of_field(field) for name, field in config.model_fields.items()}


def default_settings(config: type[Hyperparameters]) -> dict[str, SettingValue]:
    """Default of every setting, in the order of definition; they are the first trial."""
    return {name: field.default for name, field in config.model_fields.items()}


def stated_settings(config: Hyperparameters) -> dict[str, SettingValue]:
    """Every setting by name, but for those that are not searched and have their default."""
    space, defaults = default_space(type(config)), default_settings(type(config))
    values = config.model_dump()
    return {name: values[name] for name in values if space[name].searched or values[name] != defaults[name]}


ConfigT = TypeVar("ConfigT", bound=Hyperparameters)


def make_config(config: type[ConfigT], settings: Mapping[str, object]) -> ConfigT:
    """The Config with these settings, and its defaults for the rest.

    Raises:
        ValueError: in one sentence, with the setting, the rule and the value found.
    """
    unknown = [name for name in settings if name not in config.model_fields]
    if unknown:
        raise ValueError(f"unknown setting {unknown[0]!r}: use one of {_join_names(tuple(config.model_fields))}")
    try:
        return config.model_validate(dict(settings))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        rule = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:  # a rule about several settings names them itself
            raise ValueError(rule) from None
        rule = rule.replace("Input should be", "must be")
        raise ValueError(f"{first['loc'][0]} {rule}, found {first['input']!r}") from None


def apply_overrides(space: Space, fix: Mapping[str, object], search: Mapping[str, object]) -> Space:
    """The search space without the fixed settings, and with some ranges replaced.

    Args:
        space: the default search space.
        fix: values that are not searched. A number may be outside its search range; the Config validates it.
        search: for a number [low, high] (a logarithmic range stays so) or {"choice": [...]}; for a choice, options.

    Raises:
        ValueError: with the setting, the rule, the value found, and the names allowed if it is unknown.
    """
    for name in (*fix, *search):
        if name not in space:
            raise ValueError(f"unknown setting {name!r}: use one of {_join_names(tuple(space))}")
    for name, value in fix.items():
        if name in search:
            raise ValueError(f"{name} is both fixed (to {value!r}) and searched: keep one of the two")
        _check_value(name, value, space[name])
    return {
        name: _override_domain(name, domain, search[name]) if name in search else domain
        for name, domain in space.items()
        if name not in fix
    }


def check_space(config: type[Hyperparameters], space: Space) -> None:
    """Refuse a search space with values that the Config refuses; settings of other Configs are skipped.

    Raises:
        ValueError: with the setting, the rule and the value found.
    """
    for name, domain in space.items():
        if name in config.model_fields:
            for value in (domain.low, domain.high) if isinstance(domain, Range) else domain.options:
                make_config(config, {name: value})


def nearest_to_default(default: SettingValue, domain: Range | Choice) -> SettingValue:
    """First value of a search: the default, or the nearest value in its domain; of texts, the first option."""
    if isinstance(domain, Range):
        assert not isinstance(default, str)
        return type(default)(min(max(default, domain.low), domain.high))
    if default in domain.options:
        return default
    numbers = [option for option in domain.options if not isinstance(option, str)]
    if isinstance(default, str) or len(numbers) < len(domain.options):
        return domain.options[0]
    return min(numbers, key=lambda option: abs(option - default))


def _domain_of_field(field: FieldInfo) -> Range | Choice:
    extra = field.json_schema_extra
    assert isinstance(extra, dict)
    found: dict[str, Any] = dict(extra)
    if "options" in found:
        return Choice(tuple(found["options"]), tuple(found["unsearched"]), found["searched"])
    scales = found.pop("scaled_by")
    return Range(**found, scaled_by=scales and Scales(**scales))


def _check_value(name: str, value: object, domain: Range | Choice) -> None:
    """Refuse a value of the wrong type, and a text that is no option; the Config checks what is valid."""
    example = _example_value(domain)
    if isinstance(domain, Choice) and isinstance(example, str | bool):
        if type(value) is not type(example) or value not in domain.valid_options:
            raise ValueError(f"{name} must be one of {_join_names(domain.valid_options)}, found {value!r}")
        return
    if isinstance(example, int) and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError(f"{name} must be a whole number, found {value!r}")
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, found {value!r}")


def _override_domain(name: str, domain: Range | Choice, override: object) -> Range | Choice:
    if isinstance(override, Mapping) and set(override) == {"choice"}:
        return _override_choice(name, domain, override["choice"])
    if isinstance(domain, Choice):
        return _override_choice(name, domain, override)
    if not isinstance(override, Sequence) or isinstance(override, str) or len(override) != 2:
        raise ValueError(f"{name} is searched in [low, high] or among {{choice: [...]}}, found {override!r}")
    low, high = override
    _check_value(name, low, domain)
    _check_value(name, high, domain)
    if not low < high:
        raise ValueError(f"{name} is searched from low to high, found [{low}, {high}]: to try one value only, fix it")
    if domain.log and low <= 0:
        raise ValueError(f"{name} is searched on a logarithmic scale, which starts above 0, found [{low}, {high}]")
    number = int if domain.integer else float
    return Range(number(low), number(high), domain.log, domain.integer)


def _override_choice(name: str, domain: Range | Choice, options: object) -> Choice:
    if not isinstance(options, Sequence) or isinstance(options, str) or not options:
        raise ValueError(f"{name} needs a list of the values to try, found {options!r}")
    for option in options:
        _check_value(name, option, domain)
    if len(set(options)) < len(options):
        raise ValueError(f"{name} lists a value twice, found {list(options)!r}")
    return Choice(tuple(float(option) if type(_example_value(domain)) is float else option for option in options))


def _example_value(domain: Range | Choice) -> SettingValue:
    """A value of the domain's type."""
    return domain.low if isinstance(domain, Range) else domain.options[0]


def _join_names(names: Sequence[object]) -> str:
    return ", ".join(str(name) for name in names)

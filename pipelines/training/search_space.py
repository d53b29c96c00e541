"""A contender's search space: what its network and its learner offer, narrowed by `fix` and `search`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models import ARCHITECTURES
from models.blocks.hyperparameters import (
    Choice,
    Range,
    SettingValue,
    Space,
    apply_overrides,
    check_space,
    default_settings,
    default_space,
    nearest_to_default,
)
from pipelines.runtime.user_error import UserError
from pipelines.training.contender_settings import RENAMED_SETTINGS, ContenderSettings, make_settings, settings_types


class SearchSpace(NamedTuple):
    """What is searched, and the settings of the first trial."""

    architecture: str
    task: str
    domains: Space  # of what is searched, the network's first
    first_values: Mapping[str, SettingValue]  # what the first trial draws: the values nearest to the defaults
    fixed: Mapping[str, SettingValue]  # what is not searched

    def add_fixed(self, searched: Mapping[str, SettingValue]) -> ContenderSettings[Any]:
        """All settings of a trial, from those that are searched."""
        return make_settings(self.architecture, self.task, {**self.fixed, **searched})

    def scale_drawn(self, drawn: Mapping[str, SettingValue]) -> dict[str, SettingValue]:
        """The settings that a trial tries, from what it drew from the domains: some are scaled by others."""
        chosen = {**self.fixed, **drawn}
        return {name: _scale_value(value, self.domains[name], chosen) for name, value in drawn.items()}


def _scale_value(value: SettingValue, domain: Range | Choice, chosen: Mapping[str, SettingValue]) -> SettingValue:
    scales = domain.scaled_by if isinstance(domain, Range) else None
    if scales is None:
        return value
    assert not isinstance(value, str)
    return value * scales.factor(chosen[scales.name])


def build_search_space(
    contender: str, architecture: str, task: str, fix: Mapping[str, object], search: Mapping[str, object]
) -> SearchSpace:
    """Check a contender's `architecture`, `fix` and `search`, and put its search space together.

    Args:
        task: the name of its problem's task, a row of `TASKS`.

    Raises:
        UserError: with the YAML path, the rule and the value found.
    """
    where = f"params.yaml: contenders.{contender}"
    if architecture not in ARCHITECTURES:
        raise UserError(f"{where}.architecture: {architecture!r} is unknown; there are: {', '.join(ARCHITECTURES)}")
    for old, new in RENAMED_SETTINGS.items():
        if old in fix or old in search:
            raise UserError(f"{where}: the setting {old!r} is called {new!r} now")
    configs = settings_types(architecture, task)
    try:
        full_space = {name: domain for config in configs for name, domain in default_space(config).items()}
        overridden = apply_overrides(full_space, fix, search)
        domains = {name: domain for name, domain in overridden.items() if domain.searched}
        for config in configs:
            check_space(config, domains)
        defaults = {name: value for config in configs for name, value in default_settings(config).items()}
        first_values = {name: nearest_to_default(defaults[name], domain) for name, domain in domains.items()}
        fixed = make_settings(architecture, task, {**defaults, **fix}).to_json()
        return SearchSpace(
            architecture,
            task,
            domains,
            first_values,
            {name: value for name, value in fixed.items() if name not in domains},
        )
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None

"""A contender's search space: what its network and its learner offer, narrowed by `fix` and `search`."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models import ARCHITECTURES
from models.blocks.hyperparameters import (
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
    first: ContenderSettings[Any]  # what is fixed, and for the rest the value nearest to its default

    def settings_of(self, searched: Mapping[str, SettingValue]) -> ContenderSettings[Any]:
        """The settings of the trial that tries these values."""
        return make_settings(self.architecture, self.task, {**self.first.to_json(), **searched})

    def fixed_settings(self) -> dict[str, SettingValue]:
        """What is not searched."""
        return {name: value for name, value in self.first.to_json().items() if name not in self.domains}


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
        domains = apply_overrides(full_space, fix, search)
        for config in configs:
            check_space(config, domains)
        defaults = {name: value for config in configs for name, value in default_settings(config).items()}
        searched = {name: nearest_to_default(defaults[name], domain) for name, domain in domains.items()}
        return SearchSpace(architecture, task, domains, make_settings(architecture, task, {**fix, **searched}))
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None

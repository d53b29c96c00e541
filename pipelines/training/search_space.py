"""A contender's settings put together: what its network and its learner offer, narrowed by what the user said."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models import ARCHITECTURES
from models.blocks.hyperparameters import (
    Space,
    apply_overrides,
    check_space,
    default_settings,
    default_space,
    make_config,
    nearest_to_default,
)
from pipelines.runtime.user_error import UserError
from pipelines.training.learners import learner_of


class SearchSpace(NamedTuple):
    """One flat namespace over the settings of the network and of the learner."""

    space: Space  # what is searched
    defaults: dict[str, Any]  # the first trial's settings, of everything; as near to the defaults as the space allows
    fixed: dict[str, Any]  # what the user fixed


def build_search_space(
    contender: str, architecture: str, fix: Mapping[str, Any], search: Mapping[str, Any]
) -> SearchSpace:
    """Check a contender's `architecture`, `fix` and `search`, and put its search space together.

    Raises:
        UserError: with the YAML path, the rule and the value found.
    """
    where = f"params.yaml: contenders.{contender}"
    if architecture not in ARCHITECTURES:
        raise UserError(f"{where}.architecture: {architecture!r} is unknown; there are: {', '.join(ARCHITECTURES)}")
    configs = (ARCHITECTURES[architecture].config, learner_of(architecture).settings_type)
    try:
        full_space = {name: extent for config in configs for name, extent in default_space(config).items()}
        narrow_space = apply_overrides(full_space, fix, search)
        for config in configs:
            check_space(config, narrow_space)
            make_config(config, {name: value for name, value in fix.items() if name in config.model_fields})
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    config_defaults = {name: value for config in configs for name, value in default_settings(config).items()}
    first_settings = {
        name: nearest_to_default(value, narrow_space[name]) if name in narrow_space else value
        for name, value in config_defaults.items()
    }
    return SearchSpace(narrow_space, first_settings, dict(fix))

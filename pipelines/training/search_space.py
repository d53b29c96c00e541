"""A contender's settings put together: what its network and its learner offer, narrowed by what the user said."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from models import ARCHITECTURES
from models.blocks.hyperparameters import Space, check_space, configured, defaults, narrowed, space, start
from pipelines.runtime.user_error import Failure
from pipelines.training.learners import learner_of


class Searchable(NamedTuple):
    """One flat namespace over the settings of the network and of the learner."""

    space: Space  # what is searched
    defaults: dict[str, Any]  # the first trial's settings, of everything; as near to the defaults as the space allows
    fixed: dict[str, Any]  # what the user fixed


def searchable(contender: str, architecture: str, fix: Mapping[str, Any], search: Mapping[str, Any]) -> Searchable:
    """Check a contender's `architecture`, `fix` and `search`, and put its search space together.

    Raises:
        Failure: with the YAML path, the rule and the value found.
    """
    where = f"params.yaml: contenders.{contender}"
    if architecture not in ARCHITECTURES:
        raise Failure(f"{where}.architecture: {architecture!r} is unknown; there are: {', '.join(ARCHITECTURES)}")
    configs = (ARCHITECTURES[architecture].config, learner_of(architecture).settings)
    try:
        whole = {name: extent for config in configs for name, extent in space(config).items()}
        narrow = narrowed(whole, fix, search)
        for config in configs:
            check_space(config, narrow)
            configured(config, {name: value for name, value in fix.items() if name in config.model_fields})
    except ValueError as error:
        raise Failure(f"{where}: {error}") from None
    own = {name: value for config in configs for name, value in defaults(config).items()}
    first = {name: start(value, narrow[name]) if name in narrow else value for name, value in own.items()}
    return Searchable(narrow, first, dict(fix))

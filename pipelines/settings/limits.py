"""Limits of a run of limited time: how much of what params.yaml asks for each contender gets.

`bakeoff run --minutes` decides them by the clock, keeps them in `.state/`, and sets LIMITS_VARIABLE for its own stages;
every other command reads params.yaml alone. They are part of the input records of `tune` and `train`, so that dvc.lock
says of what its artifacts are the result: the same limits give the same bytes, and no limits are another input.
"""

import math
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pipelines.runtime.files import read_json, write_json
from pipelines.settings import paths

if TYPE_CHECKING:
    from pipelines.settings.params import Params

LIMITS_VARIABLE = "BAKEOFF_LIMITS"  # set: limits are in force


class Limits(NamedTuple):
    """Of one contender; None: as many as params.yaml asks for."""

    search_seconds: float  # how long it may search; what came of it is `trials`
    trials: int | None = None
    seeds: int | None = None
    max_steps: int | None = None  # of one training
    search_until: float | None = None  # seconds since 1970, from which on no search goes on, whenever it began

    def seconds_to_search(self) -> float:
        """How long a search that begins now goes on."""
        left = math.inf if self.search_until is None else self.search_until - time.time()
        return max(0.0, min(self.search_seconds, left))


def read_limits() -> dict[str, Limits]:
    """The limits in force, by contender; none outside of a run of limited time."""
    if LIMITS_VARIABLE not in os.environ:
        return {}
    return {path.stem: Limits(**read_json(path)) for path in sorted(paths.LIMITS_FOLDER.glob("*.json"))}


def write_limits(contender: str, limits: Limits) -> None:
    write_json(paths.LIMITS_FOLDER / f"{contender}.json", limits._asdict())


def limit_params(params: "Params") -> "Params":
    """params.yaml as a run of limited time trains it."""
    changed = {}
    for name, limits in read_limits().items():
        if name in params.contenders:
            train, budget = params.train_settings(name).model_dump(), params.budget_settings(name).model_dump()
            contender = params.contenders[name]
            changed[name] = contender.model_copy(
                update={
                    "train": {**contender.train, "seeds": _limit_train(train, limits)["seeds"]},
                    "budget": _limit_budget(budget, limits),
                }
            )
    return params.model_copy(update={"contenders": {**params.contenders, **changed}})


def limit_resolved(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """What `resolve_params` returns, with `limits` beside what they change: what was asked for, and what is done."""
    limits = read_limits()
    contenders = {
        name: _limit_contender(entry, limits[name]) if name in limits else entry
        for name, entry in resolved["contenders"].items()
    }
    return {**resolved, "contenders": contenders}


def _limit_contender(entry: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    train, budget = _limit_train(entry["train"], limits), _limit_budget(entry["budget"], limits)
    trials = entry["tune"]["trials"]
    counts = {
        "trials": (trials, min(trials, limits.trials or trials)),
        "seeds": (entry["train"]["seeds"], train["seeds"]),
        "max_steps": (entry["budget"]["max_steps"], budget["max_steps"]),
    }
    stated = {name: {"asked": asked, "done": done} for name, (asked, done) in counts.items() if done < asked}
    return {**entry, "train": train, "budget": budget, **({"limits": stated} if stated else {})}


def _limit_train(train: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    return {**train, "seeds": min(train["seeds"], limits.seeds or train["seeds"])}


def _limit_budget(budget: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
    max_steps = min(budget["max_steps"], limits.max_steps or budget["max_steps"])
    return {**budget, "max_steps": max_steps, "min_steps": min(budget["min_steps"], max_steps)}

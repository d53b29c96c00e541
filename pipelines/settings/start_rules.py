"""Rules of `start_from`: what a contender may start from, and that no row which is held out has been learned from."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from models import ARCHITECTURES
from pipelines.runtime.user_error import UserError
from pipelines.settings.origins import WEIGHTS_SUFFIXES, is_weights_file
from pipelines.settings.params import Contender, Params
from pipelines.sources.files.locations import source_locations

OF_A_START = ("freeze", "start_lr_ratio")  # settings that mean nothing where weights begin at random
SAME_ROWS = {  # data sets of a package that are made of the rows of another
    "noisy_digits": "digits",
    "digits_on_photographs": "digits",
    "malignant_cells": "breast_cancer",
}


def check_starts(params: Params) -> None:
    """Check what every contender starts from.

    Raises:
        UserError: with the YAML path, the rule and the value found.
    """
    for name, entry in params.contenders.items():
        where = f"params.yaml: contenders.{name}"
        if entry.start_from is None:
            _refuse_idle_settings(entry, where)
            continue
        _check_architecture(params, entry, f"{where}.start_from")
        origins = _list_origins(params, name, f"{where}.start_from")
        _check_rows(params, name, origins, f"{where}.start_from")


def describe_seen_rows(params: Params, name: str, folds: int) -> str:
    """Which rows the weights that a contender starts from have learned from, in words."""
    entry = params.contenders[name]
    if entry.start_from is None or entry.start_from not in params.contenders:
        return "rows that nobody here knows of: check that none of them is held out here"
    problem = params.contenders[entry.start_from].problem
    if problem != entry.problem:
        return f"the rows of the problem {problem}, which share no source with this one's"
    if folds:
        return "this problem's rows, each fold without those that it holds out"
    return "this problem's train part, and chosen on its validation part as this one is"


def _refuse_idle_settings(entry: Contender, where: str) -> None:
    for setting in OF_A_START:
        for place in ("fix", "search"):
            if setting in getattr(entry, place):
                raise UserError(
                    f"{where}.{place}.{setting}: is of what a contender starts from, found "
                    f"{getattr(entry, place)[setting]!r} without start_from; name one, or leave it out"
                )


def _check_architecture(params: Params, entry: Contender, where: str) -> None:
    start_from = str(entry.start_from)
    if not is_weights_file(start_from) and start_from not in params.contenders:
        raise UserError(
            f"{where}: must be a contender, or a file that ends with {', '.join(WEIGHTS_SUFFIXES)}, found "
            f"{start_from!r}; there are: {', '.join(params.contenders)}"
        )
    learner = ARCHITECTURES[entry.architecture].learner if entry.architecture in ARCHITECTURES else "gradient"
    if learner != "gradient":
        raise UserError(
            f"{where}: is for networks that learn by gradient; {entry.architecture} learns by "
            f"{learner.replace('_', ' ')}, from no weights: leave it out"
        )
    if start_from in params.contenders and params.contenders[start_from].architecture != entry.architecture:
        raise UserError(
            f"{where}: must be a contender of the same architecture, {entry.architecture}; {start_from} is of "
            f"{params.contenders[start_from].architecture}"
        )


def _list_origins(params: Params, name: str, where: str) -> list[str]:
    """What a contender starts from, what that one starts from, and so on."""
    passed = [name]
    while (origin := params.contenders[passed[-1]].start_from) in params.contenders:
        assert origin is not None
        if origin in passed:
            way = " from ".join([*passed, origin])
            raise UserError(f"{where}: leads back to where it began ({way}); one of them has to start at random")
        passed.append(origin)
    return passed[1:]


def _check_rows(params: Params, name: str, origins: list[str], where: str) -> None:
    """Refuse weights that may have learned from rows which are held out here.

    Within a problem no row that a model is scored on was ever trained on, fold by fold. Another problem that reads the
    same source splits it in its own way, and so its train part holds rows of this one's validation and test part.
    """
    problem = params.contenders[name].problem
    own = set(_source_places(params.problems[problem].source.model_dump()))
    has_left = False
    for origin in origins:
        other = params.contenders[origin].problem
        has_left = has_left or other != problem
        shared = [
            place
            for place in _source_places(params.problems[other].source.model_dump())
            if any(_is_within(place, one) or _is_within(one, place) for one in own)
        ]
        if has_left and shared:
            raise UserError(
                f"{where}: {origin} was trained on the problem {other}, which reads {shared[0]} as {problem} does and "
                "splits it otherwise: it has learned from rows that are held out here; start from a contender of "
                f"{problem}, or give each problem rows of its own, in a file of its own"
            )


def _source_places(source: Mapping[str, Any]) -> Iterator[str]:
    """What a source reads: files, folders and addresses, or the data set of a package."""
    locations = [location for _, location in source_locations(source)]
    if locations:
        yield from locations
    else:
        dataset = str(source.get("dataset", ""))
        yield " ".join(filter(None, ("the", SAME_ROWS.get(dataset, dataset), "data of", source["kind"])))


def _is_within(place: str, other: str) -> bool:
    """Whether a place is another, or a folder that holds it."""
    return PurePath(other).is_relative_to(PurePath(place))

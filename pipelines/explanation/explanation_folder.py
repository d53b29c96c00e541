"""Explanation folder: pictures, tables and a page about what a trained contender looks at, made from its artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from pipelines.explanation.explained_number import EXPLAINED_NUMBERS, explain_no_number
from pipelines.explanation.methods import METHODS, Written, find_methods, write_method
from pipelines.explanation.subject import Effort, Subject, load_subject
from pipelines.reporting.page.explanation_page import make_section, write_explanation_page
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths

EXPLANATIONS_FOLDER = paths.STATE_FOLDER / "explain"
PAGE = "index.html"


class WrittenExplanations(NamedTuple):
    """What was written about a contender."""

    contender: str
    problem: str
    page: Path
    methods: tuple[Written, ...]
    obstacles: Mapping[str, str]  # why a method that was not named does not apply


def write_explanations(
    problem: str, contender: str, folder: Path, methods: Sequence[str], rows: int, seed: int
) -> WrittenExplanations:
    """Write `method`.png, `method`.csv and index.html.

    Args:
        methods: keys of METHODS; empty: all that apply.
        rows: of the validation part that are explained one by one.
        seed: the project's.

    Raises:
        UserError: if the contender is not evaluated, a named method does not apply to it, or none does.
    """
    if not (paths.evaluate_folder(problem, contender) / "calibration.json").exists():
        raise UserError(f"{contender} is not trained and evaluated here yet: `bakeoff run {contender}` first")
    torch.set_num_threads(1)  # as in training: the same sums, hence the same pictures
    subject = load_subject(problem, contender, seed)
    applicable = find_methods(subject)
    obstacles = {name: METHODS[name].explain_obstacle(subject) for name in METHODS if name not in applicable}
    _check_methods(contender, methods, applicable, obstacles)
    chosen = [name for name in applicable if not methods or name in methods]
    written = tuple(write_method(subject, name, Effort(rows), folder, folder) for name in chosen)
    left_out = {} if methods else obstacles
    sections = tuple(make_section(*one) for one in written)
    write_explanation_page(folder / PAGE, contender, problem, _describe_number(subject), sections, left_out)
    return WrittenExplanations(contender, problem, folder / PAGE, written, left_out)


def _describe_number(subject: Subject) -> str:
    return "" if explain_no_number(subject.task) else EXPLAINED_NUMBERS[subject.task.name].description


def _check_methods(
    contender: str, methods: Sequence[str], applicable: Sequence[str], obstacles: Mapping[str, str]
) -> None:
    those = f"these do: {', '.join(applicable)}" if applicable else "and none of the others does"
    for name in methods:
        if name in obstacles:
            raise UserError(f"{name} does not apply to {contender}: {obstacles[name]}; {those}")
    if not applicable:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in obstacles.items())
        raise UserError(f"nothing here can say what {contender} looks at: {reasons}")

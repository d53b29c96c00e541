"""Proposal: a problem and its contenders for a file or a folder, with what was found and the time they take."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from pipelines.data.dataset import Dataset, Finding
from pipelines.proposals.contenders import TITLES, Entrant, find_form, select_entrants
from pipelines.proposals.params_entries import Entries
from pipelines.proposals.places import propose_source
from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.proposals.task_proposal import propose_task
from pipelines.proposals.tokens import propose_tokens
from pipelines.proposals.training_time import (
    BATCH_SIZE,
    PREPARATION_SECONDS,
    VERDICT_SECONDS,
    Effort,
    TrainingTime,
    estimate_seconds,
    time_trainings,
)
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.params import Defaults, Problem
from pipelines.sources.kinds import SourceSettings, load_dataset
from pipelines.splitting.folds import DEFAULT_FOLDS, FOLDED_ROWS
from pipelines.splitting.settings import FOLDED_STRATEGIES
from pipelines.tasks import build_task, settings_from_json

TEST_SHARE, VALID_SHARE = 0.2, 0.2
MIN_CLASS_ROWS = 3  # examples of the rarest class, from which every part can have one
STRATIFIED_TASKS = ("classification", "anomaly_detection")  # which are scored by the classes of a part
TIME_LIMIT = 240.0  # seconds that a proposal's contenders shall take; the search is shortened until they do
TRIALS = (12, 8, 6, 4)  # trials of a contender, the first that keeps to the limit
EPOCHS = (40, 20, 10, 5)  # passes of a training, likewise, once the trials are at their fewest
MIN_STEPS = 500  # steps below which no training is shortened: it would learn too little to be compared
MAX_STEPS = 50_000  # steps of a training with all the epochs; fewer in proportion


class ProposedContender(NamedTuple):
    """A contender, and how long its search and its trainings will take."""

    name: str
    settings: Mapping[str, Any]  # as params.yaml has them
    seconds: float | None  # None: it could not be tried on the sample


class Proposal(NamedTuple):
    """What `bakeoff add` shows, and writes if it is wanted."""

    problem: str
    place: SourceProposal  # with the settings that the source accepted
    settings: Mapping[str, Any]  # of the problem, as params.yaml has them
    contenders: tuple[ProposedContender, ...]
    examples: int
    learned: str  # "one of 2 classes of Survived"
    counts: Mapping[str, Mapping[str, int]]  # of classes and sizes
    findings: tuple[Finding, ...]  # what is odd about the data
    reasons: tuple[str, ...]
    seconds: float | None  # of the whole run
    workers: int

    @property
    def entries(self) -> Entries:
        """What goes into params.yaml."""
        comment = f"{self.place.summary} -> {self.learned}"
        return Entries(self.problem, comment, self.settings, {one.name: one.settings for one in self.contenders})


def build_proposal(name: str, stated: str, wishes: Wishes, defaults: Defaults, workers: int) -> Proposal:
    """Look at a file or a folder, and propose a problem with contenders.

    Args:
        name: of the problem.
        stated: where the data is, as the user wrote it.
        wishes: what the user said of it.
        defaults: of params.yaml, which contenders depart from.
        workers: trainings that run side by side here.

    Raises:
        UserError: nothing there can be read, or nothing in it can be learned.
    """
    found = propose_source(stated, wishes)
    place, data, repair_reasons = _load_with_repairs(found)
    learned = propose_task(data, place.source, wishes.task)
    if learned.source:
        place = place._replace(source={**place.source, **learned.source})
        data = _load_source(place.source)
    task, form, rows = learned.kind, find_form(data.schema), len(data.part.target)
    task_settings = {"kind": task, **learned.settings, **(place.task if task == "forecasting" else {})}
    build_task(settings_from_json(task_settings), data.schema)  # refuses what was wished and cannot be learned
    split, split_reasons = _propose_split(place, data, task)
    settings = {
        "task": task_settings if len(task_settings) > 1 else task,
        "source": dict(place.source),
        "split": split,
        **_propose_augment(task, form, data),
    }
    problem = Problem.model_validate(_as_yaml(settings))
    train_rows = _train_rows(data, split)
    entrants, token_reasons = _select_entrants(task, data, train_rows)
    taken = time_trainings(data, problem, {entrant.architecture: entrant.fix for entrant in entrants})
    folds = DEFAULT_FOLDS if _has_folds(split, rows, task) else 0
    effort = choose_effort(taken, defaults, folds, train_rows, workers)
    contenders = tuple(_propose_contender(name, one, taken, effort, defaults, train_rows, workers) for one in entrants)
    known = [one.seconds for one in contenders if one.seconds is not None]
    return Proposal(
        name,
        place,
        settings,
        contenders,
        rows,
        TITLES[task](data.schema),
        _count_classes(place, data),
        tuple(finding for finding in data.findings if finding.level != "fine"),
        (*place.reasons, *repair_reasons, *learned.reasons, *token_reasons, *split_reasons),
        PREPARATION_SECONDS + sum(known) + VERDICT_SECONDS if len(known) == len(contenders) else None,
        workers,
    )


def _load_with_repairs(place: SourceProposal) -> tuple[SourceProposal, Dataset, tuple[str, ...]]:
    """Read the data; where the source refuses it, with the first further settings that it accepts.

    Raises:
        UserError: none of them helps; what was said without them.
    """
    try:
        return place, _load_source(place.source), ()
    except UserError as refusal:
        for repair in place.repairs:
            source = {**place.source, **repair}
            try:
                data = _load_source(source)
            except UserError:
                continue
            stated = " and ".join(f"{name}: {value}" for name, value in repair.items())
            return place._replace(source=source), data, (f"With {stated}, because {refusal}",)
        raise


def _load_source(source: Mapping[str, Any]) -> Dataset:
    settings: Any = TypeAdapter(SourceSettings).validate_python(_as_yaml(source))
    return load_dataset(settings, paths.DOWNLOADS_FOLDER)


def _select_entrants(task: str, data: Dataset, train_rows: int) -> tuple[tuple[Entrant, ...], tuple[str, ...]]:
    """The architectures to enter, with what they cut texts into, and why."""
    form = find_form(data.schema)
    entrants = select_entrants(task, form, train_rows)
    tokens, reason = propose_tokens(data.part.inputs[0]) if form == "text" else ("words", "")
    if tokens == "words":
        return entrants, ()
    return tuple(one._replace(fix={**one.fix, "tokens": tokens}) for one in entrants), (reason,)


def _propose_split(place: SourceProposal, data: Dataset, task: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """By what the data asks for; else stratified where every class has enough examples, else random."""
    rows, asked = len(data.part.target), dict(place.split)
    by = asked.get("by") or ("stratified" if task in STRATIFIED_TASKS and _can_stratify(data) else "random")
    split = {"test": TEST_SHARE, **asked, "by": by}
    if by == "given":
        del split["test"]
        return {"valid": VALID_SHARE, **split}, ()
    if _has_folds(split, rows, task):
        return split, (f"{rows:,} examples are few, so validation goes by {DEFAULT_FOLDS} folds.",)
    return {"valid": VALID_SHARE, **split}, ()


def _can_stratify(data: Dataset) -> bool:
    import numpy as np

    return int(np.bincount(data.part.target).min(initial=MIN_CLASS_ROWS)) >= MIN_CLASS_ROWS


def _has_folds(split: Mapping[str, Any], rows: int, task: str) -> bool:
    return "valid" not in split and rows < FOLDED_ROWS and split["by"] in FOLDED_STRATEGIES and task != "generation"


def _train_rows(data: Dataset, split: Mapping[str, Any]) -> int:
    rows = len(data.part.target)
    if split["by"] == "given" and "part" in data.keys:
        rows = int((data.keys["part"] != "test").sum())
        return max(1, math.floor(rows * (1 - VALID_SHARE)))
    return max(1, math.floor(rows * (1 - TEST_SHARE) * (1 - VALID_SHARE)))


def _propose_augment(task: str, form: str, data: Dataset) -> dict[str, Any]:
    """Small shifts of pictures with classes or numbers, which change no answer."""
    if form != "image" or task not in ("classification", "regression"):
        return {}
    return {"augment": {"copies": "live", "shift": max(1, data.schema.inputs[0].shape[0] // 16)}}


def choose_effort(
    taken: Mapping[str, TrainingTime], defaults: Defaults, folds: int, train_rows: int, workers: int
) -> Effort:
    """The longest search that keeps to the limit: fewer trials first, then shorter trainings."""
    choices = [(trials, EPOCHS[0]) for trials in TRIALS] + [(TRIALS[-1], epochs) for epochs in EPOCHS[1:]]
    efforts = [
        Effort(
            trials,
            folds or defaults.train.seeds,
            folds > 0,
            min(epochs, defaults.budget.epochs),
            min(defaults.budget.min_steps, max(MIN_STEPS, defaults.budget.min_steps * epochs // EPOCHS[0])),
            min(MAX_STEPS * epochs // EPOCHS[0], defaults.budget.max_steps),
        )
        for trials, epochs in choices
    ]
    fitting = (
        effort
        for effort in efforts
        if sum(estimate_seconds(one, effort, train_rows, workers) for one in taken.values()) <= TIME_LIMIT
    )
    return next(fitting, efforts[-1])


def _propose_contender(
    problem: str,
    entrant: Entrant,
    taken: Mapping[str, TrainingTime],
    effort: Effort,
    defaults: Defaults,
    train_rows: int,
    workers: int,
) -> ProposedContender:
    settings: dict[str, Any] = {"problem": problem, "architecture": entrant.architecture}
    if entrant.fix:
        settings["fix"] = dict(entrant.fix)
    if effort.trials != defaults.tune.trials:
        settings["tune"] = {"trials": effort.trials}
    one = taken.get(entrant.architecture)
    if effort.epochs < defaults.budget.epochs and not (one and one.is_closed_form):
        steps = effort.epochs * train_rows / BATCH_SIZE
        settings["budget"] = {
            "epochs": effort.epochs,
            **({"min_steps": effort.min_steps} if steps < defaults.budget.min_steps else {}),
            **({"max_steps": effort.max_steps} if steps > effort.max_steps else {}),
        }
    seconds = None if one is None else estimate_seconds(one, effort, train_rows, workers)
    return ProposedContender(f"{problem}-{entrant.architecture}", settings, seconds)


def _count_classes(place: SourceProposal, data: Dataset) -> Mapping[str, Mapping[str, int]]:
    """How many examples each class has, and how many pictures each size."""
    target = data.schema.target
    if target.kind != "category" or "class" in place.counts:
        return place.counts
    import numpy as np

    counts = np.bincount(data.part.target, minlength=len(target.categories))
    classes = {name: int(count) for name, count in zip(target.categories, counts, strict=True)}
    return {"class": classes, **place.counts}


def _as_yaml(value: Any) -> Any:
    """Plain lists and dictionaries, as params.yaml is read into."""
    if isinstance(value, Mapping):
        return {name: _as_yaml(one) for name, one in value.items()}
    return [_as_yaml(one) for one in value] if isinstance(value, list | tuple) else value

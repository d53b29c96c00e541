"""Contents of report.html as plain values, read from the artifacts."""

import csv
import struct
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.data.schema import Schema, read_schema
from pipelines.evaluation.leaderboard import BASELINE, Leaderboard, LeaderboardRow
from pipelines.evaluation.number_format import format_number
from pipelines.reporting.page.curl import curl_command
from pipelines.reporting.page.training_sources import summarize_semi, summarize_start
from pipelines.reporting.plots import curves
from pipelines.reporting.views import SHARED_CAPTIONS, TASK_VIEWS
from pipelines.runtime.files import read_json
from pipelines.tasks import Metric, Task


class ContenderFolders(NamedTuple):
    tuned: Path
    trained: Path
    evaluated: Path


class ProblemFolders(NamedTuple):
    """Where the artifacts of a problem are."""

    split: Path
    augmented: Path
    compared: Path
    contenders: Mapping[str, ContenderFolders]


class Picture(NamedTuple):
    title: str
    caption: str
    data_url: str  # with the PNG inside, so that the page needs no other file
    width: int  # pixels
    height: int


class Setting(NamedTuple):
    name: str
    value: str
    fixed: bool  # by the user; not searched


class ContenderSection(NamedTuple):
    """One contender's section: its row, settings, search, training and pictures."""

    row: LeaderboardRow
    settings: tuple[Setting, ...]
    search_summary: str
    failures: tuple[str, ...]
    training_summary: str
    pictures: tuple[Picture, ...]


class PartCounts(NamedTuple):
    name: str
    examples: int
    class_counts: tuple[int, ...]


class Report(NamedTuple):
    problem: str
    schema: Schema
    findings: tuple[tuple[str, str], ...]  # (level, sentence): warnings first, then notices, then checks that passed
    notes: tuple[str, ...]
    class_names: tuple[str, ...]
    parts: tuple[PartCounts, ...]
    preview: Picture | None
    metrics: tuple[Metric, ...]  # the goal first
    board: Leaderboard
    forest_plot: Picture
    headline: str
    example_request: str  # a curl command
    reply_description: str  # what the server replies, in words
    sections: tuple[ContenderSection, ...]  # the champion's first
    valid_rows: int
    test_rows: int


FINDING_LEVELS = ("warning", "notice", "fine")
LIMIT_TEXTS = {  # of what a run of limited time did less of than was asked for
    "trials": "{done} of {asked} choices of settings",
    "seeds": "{done} of {asked} trainings of the best",
    "max_steps": "trainings of at most {done:,} steps in place of {asked:,}",
}
TRIAL_STATE_TEXTS = {
    "complete": "{} trained to the end",
    "pruned": "{} stopped early (others were ahead)",
    "failed": "{} failed",
}


def build_report(problem: str, task: Task, board: Leaderboard, folders: ProblemFolders) -> Report:
    """Read the contents of the page; draw leaderboard.png beside the leaderboard."""
    manifest = read_json(folders.split / "manifest.json")
    schema = read_schema(folders.split / "schema.json")
    sections = [
        _build_section(task, row, folders.contenders[row.contender])
        for row in board.rows
        if row.architecture != BASELINE
    ]
    sections.sort(key=lambda section: section.row is not board.champion_row)
    champion_metrics = read_json(folders.contenders[board.champion.contender].evaluated / "metrics.json")
    metrics = tuple(sorted(task.metrics, key=lambda metric: metric.name != task.goal.name))
    curves.draw_leaderboard(folders.compared / "leaderboard.png", board, metrics[:2])
    parts = manifest["parts"]
    return Report(
        problem=problem,
        schema=schema,
        findings=sort_findings(manifest["findings"]),
        notes=tuple(manifest["notes"]),
        class_names=tuple(manifest["classes"]),
        parts=tuple(
            PartCounts(name, part["examples"], tuple(part["classes"].values())) for name, part in parts.items()
        ),
        preview=embed_preview(folders.augmented / "preview.png"),
        metrics=metrics,
        board=board,
        forest_plot=embed_picture(
            folders.compared / "leaderboard.png",
            "The same as a picture",
            "A dot is a score on the test part, its line the 95 % interval. The champion is blue. Scores whose lines "
            "overlap a lot are hard to tell apart.",
        ),
        headline=TASK_VIEWS[task.name].headline(board.champion_row, champion_metrics["test_rows"], schema),
        example_request=curl_command(problem, task),
        reply_description=TASK_VIEWS[task.name].reply_description,
        sections=tuple(sections),
        valid_rows=champion_metrics["valid_rows"],
        test_rows=champion_metrics["test_rows"],
    )


def sort_findings(findings: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    ordered = sorted(findings, key=lambda finding: FINDING_LEVELS.index(finding["level"]))
    return tuple((finding["level"], finding["sentence"]) for finding in ordered)


def embed_preview(path: Path) -> Picture | None:
    if not path.exists():
        return None
    caption = "Examples of the train part: framed, or alone, unchanged; behind them, their augmented copies."
    return embed_picture(path, "What the networks saw", caption)


def embed_picture(path: Path, title: str, caption: str) -> Picture:
    """A PNG with what is said of it, ready for a page."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])  # from the PNG's first chunk, IHDR
    return Picture(title, caption, f"data:image/png;base64,{b64encode(content).decode()}", width, height)


def _build_section(task: Task, row: LeaderboardRow, folders: ContenderFolders) -> ContenderSection:
    best_trial, model = read_json(folders.tuned / "best.json"), read_json(folders.trained / "model.json")
    with (folders.tuned / "trials.csv").open(encoding="utf-8", newline="") as stream:
        trials = list(csv.DictReader(stream))
    pictures = {
        path.name: path for folder in (folders.evaluated / "pictures", folders.tuned) for path in folder.glob("*.png")
    }
    captions = {**TASK_VIEWS[task.name].captions, **SHARED_CAPTIONS}
    return ContenderSection(
        row=row,
        settings=tuple(
            Setting(
                name.replace("_", " "),
                f"{value:.4g}" if isinstance(value, float) else str(value),
                name in best_trial["fixed"],
            )
            for name, value in model["settings"].items()
        ),
        search_summary=_summarize_search(task, trials, best_trial, model),
        failures=tuple(f"trial {trial['number']}: {trial['reason']}" for trial in trials if trial["state"] == "failed"),
        training_summary=summarize_start(model) + summarize_semi(model) + _summarize_training(task, model),
        pictures=tuple(
            embed_picture(pictures[name], *caption) for name, caption in captions.items() if name in pictures
        ),
    )


def _summarize_search(
    task: Task, trials: Sequence[Mapping[str, str]], best_trial: Mapping[str, Any], model: Mapping[str, Any]
) -> str:
    """The search in one or two sentences; trials are the rows of trials.csv."""
    rows = "validation" if not model["folds"] else "the first fold" if len(trials) == 1 else "the first two folds"
    score = f"{task.goal.name.replace('_', ' ')} {format_number(best_trial['score'])} on {rows}"
    limits = _summarize_limits(best_trial.get("limits", {}))
    if len(trials) == 1:
        return f"One choice of settings was tried ({score}).{limits}"
    states = Counter(trial["state"] for trial in trials)
    endings = ", ".join(text.format(states[state]) for state, text in TRIAL_STATE_TEXTS.items() if states[state])
    return (
        f"{len(trials)} choices of settings were tried: {endings}. The best was trial {best_trial['trial']} ({score})."
        f"{limits}"
    )


def _summarize_limits(limits: Mapping[str, Mapping[str, int]]) -> str:
    """A sentence about what a run of limited time left out; empty where it left out nothing."""
    parts = [LIMIT_TEXTS[name].format(**limit) for name, limit in limits.items()]
    return f" The time of the run was limited: {', '.join(parts)}." if parts else ""


def _summarize_training(task: Task, model: Mapping[str, Any]) -> str:
    """The trainings in one to three sentences, and which of them ship.

    Args:
        model: what model.json holds.
    """
    name = task.goal.name.replace("_", " ")
    scored = {one["name"]: format_number(one["score"]) for one in model["members"] if one["score"] is not None}
    if model["folds"]:
        ships = (
            f"What ships is the average of these {model['folds']} models"
            if model["ship"] == "ensemble"
            else "What ships was trained once more, on all examples but the test's, for as many epochs as those took"
        )
        return (
            f"It was trained {model['folds']} times, each time without the examples of another fold, which it was then "
            f"measured on. {name.capitalize()} there: {', '.join(scored.values())}. {ships}."
        )
    if len(model["members"]) == 1:
        how = "trained once" if model["uses_seed"] else "solved once, as no random number has a part in it"
        return f"It was {how}: {name} {next(iter(scored.values()))} on validation."
    mean = "" if model["mean_score"] is None else f"; of their average, {format_number(model['mean_score'])}"
    ships = (
        f"What ships is the average of {len(model['shipped'])}"
        if model["ship"] == "mean"
        else f"What ships is {model['shipped'][0].replace('-', ' ')}, the best of them"
    )
    return (
        f"It was trained {len(model['members'])} times from different random starts. {name.capitalize()} on "
        f"validation: {', '.join(scored.values())}{mean}; how far these differ is luck. {ships}."
    )

"""All that the page tells, gathered from the artifacts into plain values."""

import csv
import struct
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.data.schema import Schema, read_schema
from pipelines.evaluation.leaderboard import BASELINE, Leaderboard, Row
from pipelines.evaluation.number_format import decimal
from pipelines.reporting.page.curl import curl
from pipelines.reporting.plots import curves
from pipelines.reporting.views import CAPTIONS, VIEWS
from pipelines.runtime.files import read_json
from pipelines.tasks import Metric, Task


class ContenderFolders(NamedTuple):
    tuned: Path
    trained: Path
    evaluated: Path


class Folders(NamedTuple):
    """Where the artifacts of a problem are."""

    split: Path
    augmented: Path
    compared: Path
    contenders: Mapping[str, ContenderFolders]


class Picture(NamedTuple):
    title: str
    sentence: str
    source: str  # a data: address, so that the page needs no other file
    width: int  # pixels
    height: int


class Setting(NamedTuple):
    name: str
    value: str
    fixed: bool  # by the user; not searched


class ContenderStory(NamedTuple):
    """How one contender was searched and trained, in sentences, and its pictures."""

    row: Row
    settings: tuple[Setting, ...]
    search: str
    failures: tuple[str, ...]
    training: str
    pictures: tuple[Picture, ...]


class PartCounts(NamedTuple):
    name: str
    examples: int
    classes: tuple[int, ...]


class Report(NamedTuple):
    problem: str
    schema: Schema
    findings: tuple[tuple[str, str], ...]  # (level, sentence): warnings, then notices, then what is fine
    notes: tuple[str, ...]
    classes: tuple[str, ...]
    parts: tuple[PartCounts, ...]
    preview: Picture | None
    metrics: tuple[Metric, ...]  # the goal first
    board: Leaderboard
    forest: Picture
    headline: str
    request: str  # a line for a terminal that asks the champion
    answer: str  # what comes back
    stories: tuple[ContenderStory, ...]  # the champion's first
    valid_rows: int
    test_rows: int


LEVELS = ("warning", "notice", "fine")
ENDINGS = {
    "complete": "{} trained to the end",
    "pruned": "{} stopped early (others were ahead)",
    "failed": "{} failed",
}


def gather(problem: str, task: Task, board: Leaderboard, folders: Folders) -> Report:
    """Read what the page needs; draw leaderboard.png beside the leaderboard."""
    manifest = read_json(folders.split / "manifest.json")
    schema = read_schema(folders.split / "schema.json")
    stories = [
        _story(task, row, folders.contenders[row.contender]) for row in board.rows if row.architecture != BASELINE
    ]
    stories.sort(key=lambda story: story.row is not board.winner)
    first = read_json(folders.contenders[board.champion.contender].evaluated / "metrics.json")
    metrics = tuple(sorted(task.metrics, key=lambda metric: metric.name != task.goal.name))
    curves.leaderboard(folders.compared / "leaderboard.png", board, metrics[:2])
    parts = manifest["parts"]
    return Report(
        problem=problem,
        schema=schema,
        findings=_findings(manifest["findings"]),
        notes=tuple(manifest["notes"]),
        classes=tuple(manifest["classes"]),
        parts=tuple(
            PartCounts(name, part["examples"], tuple(part["classes"].values())) for name, part in parts.items()
        ),
        preview=_preview(folders.augmented / "preview.png"),
        metrics=metrics,
        board=board,
        forest=_picture(
            folders.compared / "leaderboard.png",
            "The same as a picture",
            "A dot is a score on the test part, its line the 95 % interval. The champion is blue. Scores whose lines "
            "overlap a lot are hard to tell apart.",
        ),
        headline=VIEWS[task.name].headline(board.winner, first["test_rows"], schema),
        request=curl(problem, task),
        answer=VIEWS[task.name].answer,
        stories=tuple(stories),
        valid_rows=first["valid_rows"],
        test_rows=first["test_rows"],
    )


def _findings(found: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    ordered = sorted(found, key=lambda finding: LEVELS.index(finding["level"]))
    return tuple((finding["level"], finding["sentence"]) for finding in ordered)


def _preview(path: Path) -> Picture | None:
    if not path.exists():
        return None
    sentence = (
        "Examples of the train part; framed, or alone, as they are, and behind them the variations drawn from them."
    )
    return _picture(path, "What the networks saw", sentence)


def _picture(path: Path, title: str, sentence: str) -> Picture:
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])  # a PNG says so in its first chunk
    return Picture(title, sentence, f"data:image/png;base64,{b64encode(content).decode()}", width, height)


def _story(task: Task, row: Row, folders: ContenderFolders) -> ContenderStory:
    best, model = read_json(folders.tuned / "best.json"), read_json(folders.trained / "model.json")
    with (folders.tuned / "trials.csv").open(encoding="utf-8", newline="") as stream:
        trials = list(csv.DictReader(stream))
    pictures = {
        path.name: path for folder in (folders.evaluated / "pictures", folders.tuned) for path in folder.glob("*.png")
    }
    captions = {**VIEWS[task.name].captions, **CAPTIONS}
    return ContenderStory(
        row=row,
        settings=tuple(
            Setting(
                name.replace("_", " "),
                f"{value:.4g}" if isinstance(value, float) else str(value),
                name in best["fixed"],
            )
            for name, value in model["settings"].items()
        ),
        search=_search(task, trials, best),
        failures=tuple(f"trial {trial['number']}: {trial['reason']}" for trial in trials if trial["state"] == "failed"),
        training=_training(task, model["seeds"], model["best_seed"]),
        pictures=tuple(_picture(pictures[name], *caption) for name, caption in captions.items() if name in pictures),
    )


def _search(task: Task, trials: Sequence[Mapping[str, str]], best: Mapping[str, Any]) -> str:
    """What the search did, in words; trials are the rows of trials.csv."""
    score = f"{task.goal.name.replace('_', ' ')} {decimal(best['score'])} on validation"
    if len(trials) == 1:
        return f"One choice of settings was tried ({score})."
    states = Counter(trial["state"] for trial in trials)
    endings = ", ".join(text.format(states[state]) for state, text in ENDINGS.items() if states[state])
    return f"{len(trials)} choices of settings were tried: {endings}. The best was trial {best['trial']} ({score})."


def _training(task: Task, seeds: Sequence[Mapping[str, Any]], best: int) -> str:
    """How the trainings ended, in words; seeds are those of model.json."""
    name = task.goal.name.replace("_", " ")
    scores = [decimal(seed["score"]) for seed in seeds if seed["score"] is not None]
    if len(seeds) == 1:
        return f"It was trained once: {name} {scores[0]} on validation."
    return (
        f"It was trained {len(seeds)} times from different random starts, and the best on validation was kept "
        f"(seed {best}). {name.capitalize()} on validation: {', '.join(scores)}; how far these differ is luck."
    )

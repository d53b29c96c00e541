"""The report is one file that needs no other, shows what was found, and runs nothing it is told."""

import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema, write_schema
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.evaluation.leaderboard import Leaderboard, write_leaderboard
from pipelines.evaluation.predictions import (
    Predictions,
    score_predictions,
    write_predictions,
    write_scores,
)
from pipelines.evaluation.ranking import rank, read_entry
from pipelines.reporting.page import render
from pipelines.reporting.page.contents import (
    ContenderFolders,
    ProblemFolders,
    Report,
    build_report,
)
from pipelines.reporting.plots import curves
from pipelines.reporting.views import read_history, write_views
from pipelines.reporting.views.view import EvaluationData
from pipelines.runtime.files import write_json, write_text
from pipelines.tasks.classification import Classification, ClassReference

ROWS = 90
TARGETS = np.arange(ROWS) % 3
HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "img", "br"}


def schema(title: str) -> Schema:
    return Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=(8, 8)),),
        target=Field(name="label", kind="category", dtype="int64", shape=(), categories=("cat", "dog", HOSTILE)),
        title=title,
        origin="made here",
        licence="none",
    )


def predictions_of(skill: float, seed: int) -> np.ndarray:
    logits = np.random.default_rng(seed).normal(size=(ROWS, 3))
    logits[np.arange(ROWS), TARGETS] += skill
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def write_contender(folders: ContenderFolders, described: Schema, skill: float, parameters: int) -> None:
    """Write everything that tune, train and evaluate leave behind, for a contender of the given skill."""
    task = Classification(described)
    images = np.random.default_rng(2).integers(0, 256, (ROWS, 8, 8), dtype=np.uint8)
    part = Part((images,), TARGETS)
    floors = task.baselines(part, part)
    both = {name: (shares, shares) for name, shares in floors.items()}
    predictions = Predictions(
        predictions_of(skill, 0), ClassReference(TARGETS), predictions_of(skill, 1), ClassReference(TARGETS), both
    )
    write_predictions(folders.evaluated / "predictions.npz", predictions)
    write_scores(folders.evaluated / "metrics.json", score_predictions(task, predictions, seed=0), predictions)
    write_text(
        folders.trained / "history.csv",
        "member,epoch,kept,train_loss,valid_log_loss\nseed-0,1,0,1.0,1.1\nseed-0,2,1,0.5,0.7\nseed-0,3,0,0.3,0.8\n",
    )
    settings = {"width": 64, "learning_rate": 0.00314159, "optimizer": "adamw"}
    members = [
        {"name": f"seed-{number}", "score": score, "epochs": 3, "best_epoch": 2, "reason": ""}
        for number, score in enumerate((0.7, 0.9))
    ]
    write_json(
        folders.trained / "model.json",
        {
            "architecture": "mlp",
            "settings": settings,
            "folds": 0,
            "uses_seed": True,
            "members": members,
            "ship": "best",
            "shipped": ["seed-0"],
            "mean_score": 0.75,
            "parameters": parameters,
            "flops": 9,
            "bytes": 4 * parameters,
        },
    )
    write_json(
        folders.tuned / "best.json",
        {"trial": 2, "goal": "log_loss", "score": 0.7, "settings": settings, "fixed": {"width": 64}},
    )
    write_text(
        folders.tuned / "trials.csv",
        "number,state,score,epochs,reason,learning_rate\n0,complete,0.9,3,,0.1\n"
        f"1,failed,,0,the loss became nan {HOSTILE},9.0\n2,complete,0.7,3,,0.01\n",
    )
    curves.draw_importances(folders.tuned / "importance.png", {"learning_rate": 1.0})
    history = read_history(folders.trained / "history.csv")
    view = EvaluationData(described, task, part, predictions.test_predictions, predictions.test_reference, {}, floors)
    write_views(folders.evaluated, view, history)


def competition(root: Path, contenders: dict[str, float], title: str = "Cats and dogs") -> tuple[Leaderboard, Report]:
    """Lay out a problem's artifacts under `root`; contenders are names and skills."""
    described = schema(title)
    task = Classification(described)
    write_schema(root / "split" / "schema.json", described)
    counts = {"cat": 30, "dog": 30, HOSTILE: 30}
    write_json(
        root / "split" / "manifest.json",
        {
            "classes": counts,
            "parts": {name: {"examples": ROWS, "share": 0.3, "classes": counts} for name in ("train", "valid", "test")},
            "findings": [
                {"check": "blank", "level": "fine", "concerns": 0, "sentence": "No image is blank."},
                {
                    "check": "twins",
                    "level": "warning",
                    "concerns": 4,
                    "sentence": "Four examples contradict each other.",
                },
            ],
            "notes": ["Ink is bright."],
        },
    )
    folders = ProblemFolders(
        root / "split",
        root / "augmented",
        root / "compare",
        {
            name: ContenderFolders(*(root / part / name for part in ("tune", "train", "evaluate")))
            for name in contenders
        },
    )
    for number, (name, skill) in enumerate(contenders.items(), start=1):
        write_contender(folders.contenders[name], described, skill, parameters=1000 * number)
    entries = [read_entry(task, name, one.trained, one.evaluated) for name, one in folders.contenders.items()]
    board = rank("pets", task, entries, ChampionSettings(), seed=20)
    write_leaderboard(folders.compared, board)
    return board, build_report("pets", task, board, folders)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return competition(tmp_path_factory.mktemp("pets"), {"able": 3.0, "weak": 0.7}, title=f"Cats & {HOSTILE}")[1]


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return render.render_page(report)


class Reader(HTMLParser):
    """Collects tags; fails where one is closed that is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def readable(text: str) -> str:
    """What a browser shows."""
    return unescape(text).replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_the_page_needs_no_network_no_script_and_no_other_file(text: str, read: Reader) -> None:
    assert not {tag for tag, _ in read.seen} & {"script", "link", "iframe", "object", "embed", "form"}
    sources = [attributes["src"] or "" for _, attributes in read.seen if "src" in attributes]
    assert sources
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert not re.search(r"url\(|@import", text)
    assert all((attributes["href"] or "").startswith("#") for tag, attributes in read.seen if tag == "a")


def test_names_of_the_data_are_shown_and_never_run(text: str) -> None:
    assert HOSTILE not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_every_link_leads_somewhere_and_every_picture_has_words(read: Reader) -> None:
    places = {attributes["id"] for _, attributes in read.seen if "id" in attributes}
    links = {(attributes["href"] or "").removeprefix("#") for tag, attributes in read.seen if tag == "a"}
    assert links <= places
    assert all(attributes["alt"] for tag, attributes in read.seen if tag == "img")


def test_the_verdict_comes_first_then_warnings_then_the_leaderboard(text: str) -> None:
    order = ["Ship able.", "Four examples contradict each other.", "No image is blank.", "The leaderboard</h2>"]
    places = [text.index(sentence) for sentence in order]
    assert places == sorted(places)


def test_the_page_says_how_sure_it_is(report: Report, text: str) -> None:
    accuracy = report.board.champion_row.test_scores["accuracy"]
    assert f"it was right {round(accuracy.value * ROWS)} times" in text
    assert f"{accuracy.low * 100:.1f} to {accuracy.high * 100:.1f}&nbsp;%" in text
    assert "The test part has 90 examples" in text


def test_every_metric_is_explained(report: Report, text: str) -> None:
    plain = readable(text)
    assert [metric.description for metric in report.metrics if metric.description in plain] == [
        metric.description for metric in report.metrics
    ]


def test_the_search_is_told_with_what_failed_and_what_was_fixed(text: str) -> None:
    assert "3 choices of settings were tried: 2 trained to the end, 1 failed. The best was trial 2" in text
    assert "trial 1: the loss became nan" in text
    assert "<b>64</b> (fixed by you)" in text
    assert "<b>0.003142</b>" in text


def test_the_page_tells_how_to_ask_the_champion(text: str) -> None:
    assert "make serve" in text
    assert "http://127.0.0.1:8080/predictions/pets" in text


def test_the_same_report_gives_the_same_bytes(report: Report, tmp_path: Path) -> None:
    render.write_page(tmp_path / "one", report)
    render.write_page(tmp_path / "two", report)
    first = (tmp_path / "one" / "report.html").read_bytes()
    assert first == (tmp_path / "two" / "report.html").read_bytes()
    assert len(first) < 2_000_000


def test_a_champion_that_learned_nothing_is_not_recommended(tmp_path: Path) -> None:
    board, report = competition(tmp_path, {"blind": 0.0})
    text = render.render_page(report)
    assert "Do not ship yet: blind leads" in text
    assert "Ship blind" not in text
    assert "A competition of one proves little" in text
    assert board.champion.reason in readable(text)


def test_the_champion_is_shown_in_full_and_the_others_folded(report: Report, read: Reader) -> None:
    assert [story.row.contender for story in report.sections] == ["able", "weak"]
    assert sum(tag == "details" for tag, _ in read.seen) == 1


def test_a_report_of_rows_too_few_for_intervals_shows_none_and_says_why(report: Report) -> None:
    nan = float("nan")
    rows = tuple(
        row._replace(test_scores={name: one._replace(low=nan, high=nan) for name, one in row.test_scores.items()})
        for row in report.board.rows
    )
    text = readable(render.render_page(report._replace(board=report.board._replace(rows=rows))))
    assert "[" not in text[text.index("against the best") : text.index("The same as a picture")]
    assert "– to –" not in text
    assert "There are no brackets because these examples are too few to tell" in text
    assert "no interval is shown" in text
    assert "There are no brackets" not in readable(render.render_page(report))

"""`bakeoff explain` writes pictures, tables and a page from the artifacts, or says why it cannot."""

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from pipelines.cli.command import main
from pipelines.explanation.explained_number import NO_NUMBER
from pipelines.explanation.explanation_folder import EXPLANATIONS_FOLDER
from pipelines.explanation.report_picture import write_report_picture
from pipelines.reporting.explanations import EXPLANATIONS
from pipelines.reporting.views import SHARED_CAPTIONS
from pipelines.runtime.files import write_json
from pipelines.settings import paths
from tests.support.pages import ROOT
from tests.support.project import SMALL_PARAMS
from tests.support.small_project import make_contender

CONTENDERS = {"digits-lenet5": "lenet5", "digits-decision_tree": "decision_tree"}
LATE = "digits-mlp"  # entered, and not trained yet


@pytest.fixture(scope="module")
def made(digits_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project's folder with the artifacts of two contenders, of which one is the champion."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(digits_folder / "split", root / paths.split_folder("digits"))
    for contender, architecture in CONTENDERS.items():
        make_contender(root, contender, architecture)
    entries = {
        name: {"problem": "digits", "architecture": name.removeprefix("digits-")} for name in (*CONTENDERS, LATE)
    }
    (root / "params.yaml").write_text(yaml.safe_dump({**SMALL_PARAMS, "contenders": entries}, sort_keys=False))
    shutil.copy2(ROOT / "dvc.yaml", root / "dvc.yaml")
    write_json(root / paths.compare_folder("digits") / "champion.json", {"contender": "digits-lenet5"})
    return root


@pytest.fixture(autouse=True)
def project(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    return made


class Sources(HTMLParser):
    """What a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_champion_of_a_problem_is_explained_by_every_method_that_applies(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain", "digits", "--rows", "3"]) == 0
    folder = EXPLANATIONS_FOLDER / "digits-lenet5"
    printed = capsys.readouterr().out
    assert f"What digits-lenet5 looks at: {folder / 'index.html'}" in printed
    assert "attention does not apply: lenet5 has no attention" in printed
    for method in ("integrated_gradients", "grad_cam", "input_gradients", "occlusion"):
        assert (folder / f"{method}.png").read_bytes().startswith(b"\x89PNG")
        with (folder / f"{method}.csv").open(newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert len({row["row"] for row in rows}) == 3
        assert rows[0]["element"].startswith("row ")
    page = Sources()
    page.feed((folder / "index.html").read_text())
    assert len([one for one in page.found if one.startswith("data:image/png")]) == 4
    assert all(one.startswith(("data:", "#")) for one in page.found), "it opens without a network"


def test_one_method_is_written_where_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["explain", "digits-lenet5", "--method", "grad_cam", "--rows", "1", "--to", str(tmp_path), "--json"]) == 0
    )
    printed = json.loads(capsys.readouterr().out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["grad_cam.csv", "grad_cam.png", "index.html"]
    (method,) = printed["methods"]
    assert (printed["contender"], method["method"]) == ("digits-lenet5", "grad_cam")
    assert method["columns"] == ["row", "answer", "element", "attribution"]
    assert method["rows"][0][3] >= method["rows"][-1][3] >= 0


def test_the_same_contender_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert main(["explain", "digits-lenet5", "--rows", "2", "--to", str(tmp_path / name)]) == 0
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["digits-lenet5", "--method", "attention"],
            1,
            "these do: integrated_gradients, grad_cam, input_gradients, occlusion",
        ),
        (["digits-decision_tree", "--method", "integrated_gradients"], 1, "flat between thresholds"),
        ([LATE], 1, f"`bakeoff run {LATE}` first"),
        (["digit"], 2, "no problem or contender is called 'digit'; did you mean digits"),
        (["digits", "--method", "tea_leaves"], 2, "tea_leaves"),
    ],
)
def test_what_cannot_be_explained_gets_a_sentence(
    arguments: list[str], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", *arguments]) == code
    assert sentence in capsys.readouterr().err


def test_what_no_method_applies_to_says_why_of_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(NO_NUMBER, "classification", "as of a generator")
    assert main(["explain", "digits-decision_tree"]) == 1
    printed = capsys.readouterr().err
    assert "nothing here can say what digits-decision_tree looks at" in printed
    assert "occlusion: as of a generator" in printed
    assert write_report_picture("digits", "digits-decision_tree", tmp_path, seed=20) is None


def test_a_problem_without_a_champion_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    champion = project / paths.compare_folder("digits") / "champion.json"
    kept = champion.read_bytes()
    champion.unlink()
    try:
        assert main(["explain", "digits"]) == 1
    finally:
        champion.write_bytes(kept)
    assert "digits has no champion yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("contender", "method"), [("digits-lenet5", "integrated_gradients"), ("digits-decision_tree", "occlusion")]
)
def test_the_report_has_one_picture_that_is_the_same_every_time(contender: str, method: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        written = write_report_picture("digits", contender, tmp_path / name, seed=20)
        assert written is not None
        assert written.method == method
        assert written.picture.name in SHARED_CAPTIONS
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) == 2
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_every_caption_says_what_a_picture_is_and_is_not() -> None:
    for text in EXPLANATIONS.values():
        assert " not " in text.caption or "alone" in text.caption

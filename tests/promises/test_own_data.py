"""From a file of each kind to an endpoint, in a project that holds nothing else; a file that changes is looked at."""

import json
import signal
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from pipelines.cli.command import main
from pipelines.proposals import training_time
from pipelines.reporting.page.training_sources import summarize_semi
from pipelines.settings import paths
from pipelines.settings.params import load_params
from pipelines.training.contender_settings import SEMI_TASKS
from serving.client import Client
from serving.server.torchserve import free_port
from tests.support.data_files import CASES, ROWS, write_csv
from tests.support.project import SMALL_PARAMS, Project
from tests.support.served_rows import find_differences

KINDS = {  # a row of CASES for each kind of source that a path may be
    "table": "csv",
    "series": "series",
    "texts": "text folders",
    "pictures": "pictures",
    "masks": "masks",
    "arrays": "arrays",
    "sequences": "sequences",
    "recordings": "recordings",
}
NOTHING = {
    "seed": 20,
    "defaults": {
        "tune": {"trials": 1, "generation": 1},
        "train": {"seeds": 1},
        "budget": {"epochs": 2, "min_steps": 1},
    },
    "problems": {},
    "contenders": {},
}
UNLABELLED = 30  # rows of the table of which nobody says whether they were sold


class Added(NamedTuple):
    """A project to which a problem of each kind was added and which was run, with params.yaml before and after."""

    project: Project
    before: bytes
    after: bytes
    printed: str  # by the run


def make_files(folder: Path) -> dict[str, tuple[Path, str | None]]:
    """A file or a folder of each kind, and its target."""
    made = {}
    for kind, case in KINDS.items():
        (folder / kind).mkdir(parents=True)
        made[kind] = CASES[case].write(folder / kind), CASES[case].target
    with made["table"][0].open("a") as table:
        table.writelines(
            f"Z-{number},{number / 7:.3f},{['red', 'green'][number % 2]},\n" for number in range(UNLABELLED)
        )
    return made


def keep_one_contender_each(project: Project) -> None:
    """The first, which is the simplest, with the little that the defaults ask for."""
    params = yaml.safe_load((project.folder / "params.yaml").read_bytes())
    first: dict[str, str] = {}
    for name, entry in params["contenders"].items():
        first.setdefault(entry["problem"], name)
    kept = {
        name: {key: value for key, value in params["contenders"][name].items() if key not in ("tune", "budget")}
        for name in first.values()
    }
    project.write_params(learn_from_unlabelled_rows({**params, "contenders": kept}))


def learn_from_unlabelled_rows(params: dict[str, Any]) -> dict[str, Any]:
    """Keep the rows of the table without a target, for a network in every way to learn from them, and in none."""
    params["problems"]["table"]["source"]["unlabelled"] = "keep"
    kept = {name: entry for name, entry in params["contenders"].items() if entry["problem"] != "table"}
    for semi in ("none", *SEMI_TASKS):
        fix = {"width": 8, "depth": 1, "semi": semi, "pseudo_threshold": 0.51}
        kept[f"table-{semi}"] = {"problem": "table", "architecture": "mlp", "fix": fix}
    return {**params, "contenders": kept}


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Added:
    folder = tmp_path_factory.mktemp("own") / "project"
    folder.mkdir()
    project = Project(folder, NOTHING)
    files = make_files(folder / "files")
    before = (folder / "params.yaml").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(training_time, "MEASURED_SECONDS", 0.02)  # nothing here looks at the seconds
        for kind, (path, target) in files.items():
            stated = ["--target", target] if target else []
            assert main(["add", kind, str(path.relative_to(folder)), *stated, "--yes"]) == 0
    after = (folder / "params.yaml").read_bytes()
    keep_one_contender_each(project)
    printed = project.run_checked("python", "-m", "pipelines.cli", "run", BAKEOFF_TRACKING="off")
    return Added(project, before, after, printed)


@pytest.fixture(scope="module")
def client(added: Added) -> Iterator[Client]:
    """Of the server that `bakeoff serve` starts."""
    port = free_port()
    serve = ("serve", "--port", str(port), "--timeout", "3000")
    process = added.project.start_command("python", "-m", "pipelines.cli", *serve)
    try:
        while process.poll() is None and "Ctrl-C stops it." not in added.project.read_output():
            time.sleep(0.2)
        assert process.poll() is None, added.project.read_output()
        yield Client(f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def test_there_is_a_champion_of_each_kind(added: Added) -> None:
    for kind in KINDS:
        folder = added.project.folder / "artifacts" / kind
        assert (folder / "package" / f"{kind}.mar").exists()
        champion = json.loads((folder / "compare" / "champion.json").read_text())["contender"]
        assert champion in added.printed
    assert "majority class (baseline)" in added.printed
    assert "`bakeoff serve`" in added.printed.splitlines()[-1]


def test_rows_without_a_target_are_learned_from_where_it_is_asked_for(added: Added) -> None:
    manifest = json.loads((added.project.folder / "data/table/split/manifest.json").read_text())
    assert (manifest["examples"], manifest["unlabelled"]) == (ROWS, UNLABELLED)
    folder = added.project.folder / "artifacts/table"
    page = unescape((folder / "compare/report.html").read_text())
    assert f"{UNLABELLED} rows without a target were kept apart" in page
    models = {
        semi: json.loads((folder / f"train/table-{semi}/model.json").read_text()) for semi in ("none", *SEMI_TASKS)
    }
    assert "semi" not in models["none"]
    for semi in SEMI_TASKS:
        searched = json.loads((folder / f"tune/table-{semi}/best.json").read_text())
        assert searched["settings"]["semi"] == semi
        assert models[semi]["semi"] == {"method": semi, "rows": UNLABELLED}
        assert summarize_semi(models[semi]).strip() in page
    scores = [[member["score"] for member in model["members"]] for model in models.values()]
    assert len({tuple(one) for one in scores}) == len(models), "from the same seeds, each learned something else"


@pytest.mark.parametrize("kind", KINDS)
def test_the_server_answers_every_test_row_as_evaluated(
    kind: str, added: Added, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(added.project.folder)
    assert find_differences(added.project.folder, load_params(), kind, client) == []


@pytest.mark.parametrize(("kind", "pattern", "key"), [
    ("pictures", "*.png", "label"), ("masks", "images/*.png", "mask"), ("recordings", "*.wav", "label"),
])  # fmt: skip
def test_a_file_is_sent_as_it_lies_there(kind: str, pattern: str, key: str, added: Added, client: Client) -> None:
    file = min((added.project.folder / "files" / kind).rglob(pattern))
    assert client.predict(kind, file)[key]


def test_a_row_and_a_text_are_sent_as_they_stand_there(added: Added, client: Client) -> None:
    assert client.predict("table", instance={"size": 0.5, "colour": "red"})["label"] in ("0", "1")
    assert client.predict("texts", text="this was a fine film")["label"] in ("bad", "good")


def test_what_was_added_is_taken_out_again_to_the_byte(
    added: Added, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_bytes((added.project.folder / "dvc.yaml").read_bytes())
    paths.PARAMS_FILE.write_bytes(added.after)
    for kind in KINDS:
        assert main(["remove", kind]) == 0
    assert paths.PARAMS_FILE.read_bytes() == added.before


def bakeoff(project: Project, *arguments: str) -> tuple[int, str]:
    ended = project.run_command("python", "-m", "pipelines.cli", *arguments)
    return ended.returncode, ended.stdout


def test_a_file_that_changes_is_checked_again(tmp_path: Path) -> None:
    (tmp_path / "project" / "files").mkdir(parents=True)
    write_csv(tmp_path / "project" / "files")
    checked = Project(tmp_path / "project", {**SMALL_PARAMS, "problems": {}, "contenders": {}})
    assert bakeoff(checked, "add", "shop", "files/shop.csv", "--target", "sold", "--yes")[0] == 0

    code, printed = bakeoff(checked, "check", "shop", "--no-open")
    assert code == 0, printed
    page = checked.folder / ".state/check/shop.html"
    assert str(page.relative_to(checked.folder)) in printed
    assert "colour" in page.read_text()
    assert not (checked.folder / "artifacts").exists(), "nothing was trained"

    lines = (checked.folder / "files/shop.csv").read_text().splitlines()
    (checked.folder / "files/shop.csv").write_text("\n".join([*lines, "Z-1,0.5,blue,1", "Z-2,0.5,blue,0", ""]))
    code, printed = bakeoff(checked, "check", "shop", "--no-open")
    assert code == 0, printed
    assert "2 examples came: from 120 to 122." in printed
    assert "Categories of colour since the split before: new: blue." in printed
    assert "2 examples came" in page.read_text()

    (checked.folder / "files/shop.csv").write_text("code,size\n1,2\n")
    code, printed = bakeoff(checked, "check", "shop", "--no-open")
    assert code == 1
    assert "target: there is no column 'sold'; the columns are code, size" in printed

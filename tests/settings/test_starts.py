"""`start_from`: what is refused, what the search no longer tries, and what DVC is told of it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.resolve import complete_start, resolve
from pipelines.runtime.dvc_yaml import find_stage, read_stages
from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.jobs import check_params
from pipelines.settings.origin_graph import GRAPH_FILE, format_origin_graph
from pipelines.settings.origins import read_origins, start_files
from pipelines.settings.params import Params
from pipelines.settings.start_rules import describe_seen_rows
from tests.support.modules import ROOT

SPLIT = {"by": "random"}


def table(path: str) -> dict[str, Any]:
    return {"task": "regression", "source": {"kind": "table", "path": path, "target": "y"}, "split": SPLIT}


def params_of(contenders: dict[str, Any]) -> dict[str, Any]:
    """Problems of two files, and one more of the first."""
    digits = {"task": "classification", "source": {"kind": "sklearn", "dataset": "digits"}, "split": SPLIT}
    noisy = {"task": "denoising", "source": {"kind": "sklearn", "dataset": "noisy_digits"}, "split": SPLIT}
    problems = {"one": table("a.csv"), "two": table("b.csv"), "again": table("./a.csv"), "digits": digits}
    problems["noisy"] = noisy
    entered = {f"{name}-first": {"problem": name, "architecture": "mlp"} for name in problems}
    entered["noisy-first"]["architecture"] = "conv_autoencoder"
    return {"seed": 1, "problems": problems, "contenders": {**entered, **contenders}}


def mlp(problem: str, **settings: Any) -> dict[str, Any]:
    return {"problem": problem, "architecture": "mlp", **settings}


def check(contenders: dict[str, Any]) -> Params:
    params = Params.model_validate(params_of(contenders))
    check_params(params)
    return params


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"x": mlp("two", start_from="one-frist")}, r"x.start_from: must be a contender, or a file .*found 'one-frist'"),
    ({"x": mlp("two", start_from="x")}, r"x.start_from: leads back to where it began \(x from x\)"),
    (
        {"x": mlp("two", start_from="y"), "y": mlp("two", start_from="x")},
        r"x.start_from: leads back to where it began \(x from y from x\); one of them has to start at random",
    ),
    (
        {"x": {"problem": "two", "architecture": "tabm", "start_from": "one-first"}},
        "x.start_from: must be a contender of the same architecture, tabm; one-first is of mlp",
    ),
    (
        {"x": {"problem": "two", "architecture": "gradient_boosting", "start_from": "weights.pt"}},
        "x.start_from: is for networks that learn by gradient; gradient_boosting learns by closed form",
    ),
    ({"x": mlp("two", fix={"freeze": 1})}, "x.fix.freeze: is of what a contender starts from, found 1 without start"),
    ({"x": mlp("two", search={"start_lr_ratio": [0.1, 1.0]})}, r"x.search.start_lr_ratio: is of what .*\[0.1, 1.0\]"),
    (
        {"x": mlp("again", start_from="one-first")},
        "x.start_from: one-first was trained on the problem one, which reads a.csv as again does and splits it other",
    ),
    (
        {"way": mlp("two", start_from="one-first"), "x": mlp("one", start_from="way")},
        "x.start_from: one-first was trained on the problem one, which reads a.csv as one does",
    ),
    (
        {
            "way": {"problem": "noisy", "architecture": "conv_autoencoder"},
            "d": {"problem": "digits", "architecture": "conv_autoencoder", "start_from": "way"},
        },
        "d.start_from: way was trained on the problem noisy, which reads the digits data of sklearn as digits does",
    ),
]


@pytest.mark.parametrize(("contenders", "message"), REFUSED)
def test_what_a_contender_cannot_start_from_is_refused(contenders: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(contenders)


def test_the_rows_that_weights_have_seen_are_said() -> None:
    contenders = {
        "other": mlp("two", start_from="one-first"),
        "same": mlp("one", start_from="one-first", fix={"freeze": 1}, search={"start_lr_ratio": [0.1, 1.0]}),
        "file": mlp("one", start_from="weights/net.safetensors"),
    }
    params = check(contenders)
    said = {name: describe_seen_rows(params, name, 0) for name in contenders}
    assert said["other"] == "the rows of the problem one, which share no source with this one's"
    assert said["same"] == "this problem's train part, and chosen on its validation part as this one is"
    assert said["file"].startswith("rows that nobody here knows of")
    assert describe_seen_rows(params, "same", 5) == "this problem's rows, each fold without those that it holds out"


# DVC's graph


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """A folder with all code in which params.yaml can be written."""
    for name in ("models", "pipelines", "serving"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "dvc.yaml", tmp_path / "dvc.yaml")
    monkeypatch.chdir(tmp_path)
    for name in ("a.csv", "b.csv"):
        Path(name).write_text("x,y\n1,2\n")

    def write(contenders: dict[str, Any]) -> None:
        Path("params.yaml").write_text(yaml.safe_dump(params_of(contenders)))

    return write


def test_the_shipped_graph_is_that_of_no_starts() -> None:
    assert (ROOT / GRAPH_FILE).read_text(encoding="utf-8") == format_origin_graph({})


def test_a_start_changes_the_graph_and_the_records_of_its_contender_alone(
    project: Callable[[dict[str, Any]], None],
) -> None:
    project({"x": mlp("two")})
    resolve()
    shipped = GRAPH_FILE.read_text()
    before = {path: path.read_text() for path in paths.INPUTS_FOLDER.rglob("*.json")}
    project({"x": mlp("two", start_from="one-first")})
    with pytest.raises(UserError, match=r"what starts from what has changed, and pipelines/dvc.yaml says so now: run"):
        resolve()
    resolve()
    after = {path: path.read_text() for path in paths.INPUTS_FOLDER.rglob("*.json")}
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    x = [paths.record_file(verb, "x") for verb in ("start", "train")]
    assert changed == set(x), "that of its search is written later, and stays as it was until then"
    graph = yaml.safe_load(GRAPH_FILE.read_text())["stages"]
    outs = [next(iter(out)) for out in graph["resolve"]["outs"]]
    assert "data/inputs/tune/one-first.json" in outs
    assert "data/inputs/tune/x.json" not in outs
    assert not [path for path in after if not any(path.is_relative_to(out) for out in outs) and path.stem != "x"]
    assert graph["start"]["foreach"] == {"x": {"problem": "one", "contender": "one-first"}}
    assert graph["start"]["do"]["outs"] == ["data/inputs/tune/${key}.json"]
    project({"x": mlp("two")})
    with pytest.raises(UserError, match="run it again"):
        resolve()
    resolve()
    assert GRAPH_FILE.read_text() == shipped
    assert {path: path.read_text() for path in paths.INPUTS_FOLDER.rglob("*.json")} == before


def test_the_record_of_a_search_holds_the_weights_that_it_starts_from(
    project: Callable[[dict[str, Any]], None],
) -> None:
    project({"x": mlp("two", start_from="one-first")})
    with pytest.raises(UserError, match="run it again"):
        resolve()
    resolve()
    with pytest.raises(UserError, match="x starts from no contender that is trained; call `bakeoff run x`"):
        complete_start("x")
    folder = paths.train_folder("one", "one-first")
    record = {"best_member": "seed-1", "folds": 0, "settings": {"width": 8}}
    write_json(folder / "model.json", record)
    write_json(paths.schema_file("one"), {})
    (folder / "weights").mkdir()
    hashes = []
    for content in (b"one", b"two"):
        (folder / "weights" / "seed-1.safetensors").write_bytes(content)
        complete_start("x")
        complete = read_json(paths.record_file("tune", "x"))
        hashes.append(complete["start"]["weights"]["seed-1"])
        assert complete["start"]["settings"] == {"width": 8}
        assert {**complete, "start": None} == {**read_json(paths.record_file("start", "x")), "start": None}
    assert hashes[0] != hashes[1]
    resolve()
    assert paths.record_file("tune", "x").exists(), "resolve leaves it to the stage behind the training"
    stage = find_stage("tune", "x")
    assert stage is not None
    assert (folder / "weights").as_posix() in start_files(stage)
    assert all(not start_files(other) for other in read_stages() if other.name != "x")


def test_a_file_of_weights_is_part_of_the_record(project: Callable[[dict[str, Any]], None]) -> None:
    project({"x": mlp("two", start_from="net.pt")})
    with pytest.raises(UserError, match=r"contenders.x.start_from: there is no file net.pt; give the path of one"):
        resolve()
    Path("net.pt").write_bytes(b"weights")
    resolve()
    found = read_json(paths.record_file("tune", "x"))["start"]
    assert found["file"] == "net.pt"
    Path("net.pt").write_bytes(b"other weights")
    resolve()
    assert read_json(paths.record_file("tune", "x"))["start"]["sha256"] != found["sha256"]
    assert read_origins() == {}, "no stage of its own"

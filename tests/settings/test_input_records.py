"""Input records: what a stage depends on besides its data, and nothing that another stage depends on."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.resolve import build_records, resolve
from pipelines.runtime.dvc_yaml import find_stage, read_stages
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.input_records import build_input_records
from pipelines.settings.params import load_params
from pipelines.settings.resolved import CHECKING_CODE
from pipelines.settings.scratch import stage_fingerprint
from tests.support.modules import MODULES, ROOT, reachable_from

OF_MLP = {f"{verb}/digits-mlp" for verb in ("tune", "train", "evaluate")}


@pytest.fixture(scope="module")
def resolved_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped params.yaml and all code, resolved once."""
    folder = tmp_path_factory.mktemp("resolved")
    for name in ("models", "pipelines", "serving"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy2(ROOT / name, folder / name)
    with chdir(folder):
        resolve()
    return folder


@pytest.fixture
def project(resolved_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, and the current folder."""
    shutil.copytree(resolved_project, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written_records() -> dict[str, str]:
    """The text of every record by its stage: tune/digits-mlp."""
    return {
        path.relative_to(paths.INPUTS_FOLDER).with_suffix("").as_posix(): path.read_text()
        for path in paths.INPUTS_FOLDER.rglob("*.json")
    }


def edit_params(change: Callable[[dict[str, Any]], object]) -> None:
    content = yaml.safe_load(Path("params.yaml").read_text())
    change(content)
    Path("params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))


def changed_records() -> set[str]:
    before = written_records()
    resolve()
    return {stage for stage, text in written_records().items() if before.get(stage) != text}


def read_record(verb: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(paths.record_file(verb, name).read_text())
    return found


def test_every_stage_has_a_record_and_depends_on_it_first(project: Path) -> None:
    stages = read_stages()
    assert set(written_records()) == {f"{stage.verb}/{stage.name}" for stage in stages}
    assert [stage.deps[0] for stage in stages] == [
        paths.record_file(stage.verb, stage.name).as_posix() for stage in stages
    ]


def test_a_record_holds_settings_with_their_defaults_and_hashes_of_code(project: Path) -> None:
    record = read_record("tune", "digits-logistic_regression")
    assert record["settings"]["seed"] == 20
    assert record["settings"]["tune"] == {"trials": 12, "generation": 6}
    assert record["settings"]["contender"] == {
        "problem": "digits", "architecture": "logistic_regression", "fix": {}, "search": {},
    }  # fmt: skip
    assert record["settings"]["problem"]["augment"]["noise"] == 0, "a default"
    assert "models/logistic_regression.py" in record["code"]
    compared = read_record("compare", "digits")["settings"]["contenders"]
    assert compared == list(load_params().contender_names("digits")), "the names alone"


def test_what_did_not_change_is_not_written_again(project: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in paths.INPUTS_FOLDER.rglob("*.json")}
    resolve()
    assert {path: path.stat().st_mtime_ns for path in paths.INPUTS_FOLDER.rglob("*.json")} == times


def test_no_record_holds_a_place_of_the_machine_and_any_folder_gives_the_same(project: Path) -> None:
    before = written_records()
    assert not [stage for stage, text in before.items() if str(project) in text]
    shutil.rmtree(paths.STATE_FOLDER)
    shutil.rmtree(paths.INPUTS_FOLDER)
    resolve()
    assert written_records() == before


EDITS: list[tuple[Callable[[dict[str, Any]], object], set[str]]] = [
    (lambda p: p["contenders"]["digits-mlp"].update(fix={"depth": 2}), {"tune/digits-mlp", "train/digits-mlp"}),
    (lambda p: p["contenders"]["digits-mlp"].update(tune={"trials": 3}), {"tune/digits-mlp"}),
    (lambda p: p["contenders"]["digits-mlp"].update(tune={"trials": 12}), set()),  # what the default is
    (lambda p: p["contenders"]["digits-mlp"].update(train={"seeds": 1}), {"train/digits-mlp"}),
    (lambda p: p["problems"]["libraries"]["split"].update(valid=0.2), set()),
    (lambda p: p["problems"]["co2"].update(champion={"margin": 0.01}), {"compare/co2"}),
    (lambda p: p["problems"]["co2"].update(champion={"rule": "noninferior"}), set()),
    (
        lambda p: p["contenders"].update({"digits-small": {"problem": "digits", "architecture": "cnn"}}),
        {"tune/digits-small", "train/digits-small", "evaluate/digits-small", "compare/digits"},
    ),
]


@pytest.mark.parametrize(("edit", "expected"), EDITS)
def test_an_edit_of_params_changes_the_records_that_it_concerns(
    project: Path, edit: Callable[[dict[str, Any]], object], expected: set[str]
) -> None:
    edit_params(edit)
    assert changed_records() == expected


def test_an_edit_of_the_champion_rule_of_all_changes_every_comparison_and_nothing_else(project: Path) -> None:
    edit_params(lambda params: params["defaults"].update(champion={"rule": "best"}))
    assert changed_records() == {
        f"compare/{name}" for name in yaml.safe_load(Path("params.yaml").read_text())["problems"]
    }


def test_an_edit_of_a_problem_changes_the_records_of_its_stages_alone(project: Path) -> None:
    edit_params(lambda params: params["problems"]["co2"]["split"].update(test=0.1))
    changed = changed_records()
    assert changed
    assert all(stage.split("/")[1].startswith("co2") for stage in changed)
    assert "package/co2" not in changed, "it reads no setting"


def test_an_edit_of_an_architecture_changes_its_contenders_and_the_exports(project: Path) -> None:
    with Path("models/lenet5.py").open("a") as source:
        source.write("# edited\n")
    exports = {f"export/{name}" for name in yaml.safe_load(Path("params.yaml").read_text())["problems"]}
    assert changed_records() == exports | {f"{verb}/digits-lenet5" for verb in ("tune", "train", "evaluate")}


def test_what_the_interpreter_and_writers_leave_is_no_code(project: Path) -> None:
    (Path("models/blocks") / "__pycache__").mkdir()
    for name in ("__pycache__/a.pyc", ".unfinished-1-a.py", "x.tmp"):
        (Path("models/blocks") / name).write_text("x")
    assert changed_records() == set()


def test_an_edited_source_file_changes_the_record_of_its_split_alone(project: Path) -> None:
    Path("a.csv").write_text("x,y\n1,2\n")
    source = {"kind": "table", "path": "a.csv", "target": "y"}
    edit_params(lambda params: params["problems"]["diabetes"].update(source=source))
    resolve()
    (place,) = read_record("split", "diabetes")["sources"]
    assert (place["setting"], place["files"], place["bytes"]) == ("path", 1, 8)
    Path("a.csv").write_text("x,y\n1,3\n")
    assert changed_records() == {"split/diabetes"}
    Path("a.csv").unlink()
    resolve()
    assert read_record("split", "diabetes")["sources"] == [{"setting": "path", "missing": True}]


def test_records_of_what_left_params_are_removed(project: Path) -> None:
    edit_params(lambda params: params["contenders"].pop("digits-mlp"))
    assert changed_records() == {"compare/digits"}
    assert OF_MLP & set(written_records()) == set()


def test_building_records_writes_none(project: Path) -> None:
    before = written_records()
    edit_params(lambda params: params.update(seed=21))
    records = build_records()
    assert records[paths.record_file("split", "digits")]["settings"]["seed"] == 21
    assert written_records() == before


def test_a_wrong_setting_anywhere_stops_before_any_record_is_written(project: Path) -> None:
    before = written_records()
    edit_params(lambda params: params["contenders"]["digits-mlp"].update(fix={"widht": 3}))
    with pytest.raises(UserError, match=r"contenders\.digits-mlp: unknown setting 'widht'"):
        resolve()
    assert written_records() == before


def test_a_number_without_end_is_refused_with_its_path(project: Path) -> None:
    task = {"kind": "segmentation", "tolerance": float("inf")}
    edit_params(lambda params: params["problems"]["photographs"].update(task=task))
    with pytest.raises(UserError, match=r"problems\.photographs\.task\.tolerance: must be a finite number, found inf"):
        resolve()


def test_a_damaged_memory_of_the_check_is_made_anew(project: Path) -> None:
    for content in ("", "{", "[]", '{"digest": 1}'):
        paths.RESOLVED_PARAMS_FILE.write_text(content)
        assert changed_records() == set()


def resolve_in_a_process(*, script: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(["-c", script] if script else ["-m", "pipelines.resolve"])]
    kept = {name: value for name, value in os.environ.items() if name != "BAKEOFF_RUN"}
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=300)


def test_what_was_checked_before_is_not_checked_with_pytorch_again(project: Path) -> None:
    script = "import sys; from pipelines.resolve import resolve; resolve(); sys.exit('torch' in sys.modules)"
    assert resolve_in_a_process(script=script).returncode == 0
    edit_params(lambda params: params.update(seed=21))
    assert resolve_in_a_process(script=script).returncode == 1, "a new file is checked against the tables"


def test_beside_a_run_it_ends_with_a_sentence(project: Path) -> None:
    paths.RUN_LOCK_FILE.parent.mkdir(parents=True)
    with paths.RUN_LOCK_FILE.open("w") as lock:
        lock.write("4711\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused = resolve_in_a_process()
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.strip() == (
            "resolve: a run is under way in this folder (process 4711); wait for it, or stop it with Ctrl-C there"
        )
        assert resolve_in_a_process(BAKEOFF_RUN="4711").returncode == 0, "the run's own"
    assert resolve_in_a_process().returncode == 0, "a lock that nobody holds is an old one"


def test_all_code_that_checks_params_is_watched() -> None:
    used = {str(MODULES[module].relative_to(ROOT)) for module in reachable_from("pipelines.settings.jobs")}
    outside = {path for path in used if not path.startswith(tuple(f"{one}/" for one in CHECKING_CODE))}
    assert outside <= {"pipelines/__init__.py"}


def test_scratch_work_is_named_after_settings_code_data_and_device_but_not_reporting(project: Path) -> None:
    stage = find_stage("tune", "digits-mlp")
    assert stage is not None
    for place in stage.data:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).write_text("data")

    def name(device: str = "cpu") -> str:
        (record,) = build_input_records([stage]).values()
        return stage_fingerprint(stage, record, device)

    names = [name(), name("cuda")]
    with Path("pipelines/reporting/plots/style.py").open("a") as source:
        source.write("# edited\n")
    assert name() == names[0], "a picture drawn differently is no reason to train again"
    with Path("models/mlp.py").open("a") as source:
        source.write("# edited\n")
    names.append(name())
    edit_params(lambda params: params["contenders"]["digits-mlp"].update(fix={"depth": 2}))
    names.append(name())
    Path(stage.data[0]).write_text("other data")
    names.append(name())
    assert len(set(names)) == 5

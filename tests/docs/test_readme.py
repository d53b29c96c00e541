"""What the README's blocks say is true: they are run, or checked as far as is cheap.

Every fenced block has a line in TREATMENTS, in the order of the page; a block without one fails.
"""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from torch import nn

from models.stems import ColumnSpec, Model, build_stem
from pipelines.exporting.graphs import ExportModule
from pipelines.settings.jobs import check_params
from pipelines.settings.params import load_params
from pipelines.tracking.registry import CHAMPION_ALIAS
from serving.client.client import DEFAULT_ADDRESS, Client
from serving.worker.replies.table import build_reply
from serving.worker.request_error import RequestError
from serving.worker.requests import body as request_body
from tests.support.commands import is_a_command, is_added_run_and_served
from tests.support.expected_signatures import BaselineChampion, export_baseline
from tests.support.pages import (
    ROOT,
    Block,
    CurlRequest,
    copy_project_with_artifacts,
    fenced_blocks,
    parse_curl,
    paths_of_tree,
    run_shell,
    split_commands,
)

PROBLEM = "digits"  # what the blocks for a live server ask


def serving_blocks() -> list[str]:
    """The blocks that ask for digits at 127.0.0.1:8080, as shell scripts, in the order of the page.

    The first writes the files that the others send; it needs data/digits/split/test, as a run leaves it. They are
    to be run in the project's folder, with this environment's `python` first in PATH.
    """
    asking = [
        block
        for block, (_, check) in zip(fenced_blocks(), TREATMENTS, strict=True)
        if check in (is_requested, is_prepared)
    ]
    return [
        f"python - <<'END'\n{block.text}END\n" if block.language == "python" else f"set -e\n{block.text}"
        for block in asking
    ]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "project"
    copy_project_with_artifacts(folder)
    (folder / ".state").mkdir()
    return folder


# How a block is checked


def is_run(block: Block, project: Path) -> None:
    assert run_shell(block.text, project)


def is_a_target(block: Block, project: Path) -> None:
    for line in block.lines:
        make, target = line.split()
        assert make == "make"
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"no target {target}"
        assert run_shell(f"make --dry-run {target}", project)


def is_prepared(block: Block, project: Path) -> None:
    """The files that later blocks send are written, from the parts that the split leaves."""
    for problem in re.findall(r"data/(\w+)/split", block.text):
        export_baseline(problem, project)
    run_shell(f"python - <<'END'\n{block.text}END\n", project)


def is_prepared_too(block: Block, project: Path) -> None:
    """The same for problems that no live server is asked about here."""
    is_prepared(block, project)


def is_requested(block: Block, project: Path) -> None:
    """As far as is cheap: the paths, the contents and the names. Against a live server: `serving_blocks`."""
    if block.language == "python":
        compile(block.text, "README.md", "exec")
        for method in re.findall(r"client\.(\w+)\(", block.text):
            assert callable(getattr(Client, method))
        return
    for words in split_commands(block):
        if words[0] == "python":
            assert words[:4] == ["python", "-m", "serving.client", PROBLEM]
            continue
        sent = parse_curl(words, project)
        assert sent.problem == PROBLEM
        assert read(sent, project).examples


def is_understood(block: Block, project: Path) -> None:
    """What is sent is what the champion of that problem will accept."""
    for words in split_commands(block):
        assert read(parse_curl(words, project), project).examples


def read(sent: CurlRequest, project: Path) -> request_body.Payload:
    assert sent.address == DEFAULT_ADDRESS
    return request_body.parse_body(sent.media_type, sent.body, export_baseline(sent.problem, project).contract)


def is_answered(block: Block, project: Path) -> None:
    """The lines answer the requests of the block before, with the keys that such a champion answers with."""
    place = [check for _, check in TREATMENTS].index(is_answered)
    for words, line in zip(split_commands(fenced_blocks()[place - 1]), block.lines, strict=True):
        sent = parse_curl(words, project)
        (example,) = read(sent, project).examples
        one: BaselineChampion = export_baseline(sent.problem, project)
        assert_same_form(json.loads(line), build_reply(one.predictions, one.contract, example.extras, example.notes))


def assert_same_form(shown: Any, real: Any) -> None:
    """Names and types agree; "..." stands for what the page leaves out."""
    if isinstance(shown, dict):
        names = set(shown) - {"..."}
        assert names <= set(real), names ^ set(real)
        assert "..." in shown or names == set(real), names ^ set(real)
        for name in names:
            assert_same_form(shown[name], real[name])
    elif isinstance(shown, list):
        for item in shown:
            if item != "...":
                assert_same_form(item, real[0])
    else:
        numbers = (int, float)
        assert isinstance(real, numbers if isinstance(shown, numbers) else type(shown)), f"{shown} for {real}"


def is_part_of_the_shipped_file(block: Block, project: Path) -> None:
    shipped = yaml.safe_load((ROOT / "params.yaml").read_text())
    shown = yaml.safe_load(block.text)
    assert list(shown) == list(shipped)
    for section in ("problems", "contenders"):
        assert shown[section].items() <= shipped[section].items()
    assert {name: shown[name] for name in ("seed", "defaults")} == {
        name: shipped[name] for name in ("seed", "defaults")
    }


def is_accepted(block: Block, project: Path) -> None:
    """Laid over the shipped file: what it names replaces or joins what is there; a contender joins where none does."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, entries in yaml.safe_load(block.text).items():
        whole[section] = {**whole[section], **entries}
    entered = {contender["problem"] for contender in whole["contenders"].values()}
    for problem in set(whole["problems"]) - entered:
        whole["contenders"][f"{problem}-mlp"] = {"problem": problem, "architecture": "mlp"}
    path = project.parent / "params.yaml"
    path.write_text(yaml.safe_dump(whole))
    check_params(load_params(path))


def is_a_leaderboard(block: Block, project: Path) -> None:
    params = load_params(ROOT / "params.yaml")
    problem = block.lines[0]
    assert problem in params.problems
    for contender in params.contender_names(problem):
        assert contender in block.text
    assert "(baseline)" in block.text


def is_what_a_mistake_gets(block: Block, project: Path) -> None:
    with pytest.raises(RequestError) as refused:
        request_body.parse_body(
            request_body.JSON, b'{"image": [[1, 2], [3, 4]]}', export_baseline(PROBLEM, project).contract
        )
    assert json.loads(block.text) == {"error": refused.value.message}


def is_an_image(block: Block, project: Path) -> None:
    """There is no Docker engine to run it; test_dockerfile.py goes further."""
    port = re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert port is not None
    assert block.lines == ["docker build -t bakeoff .", f"docker run --rm -p {port[1]}:{port[1]} bakeoff"]


def is_activated(block: Block, project: Path) -> None:
    assert block.lines == ["source .venv/bin/activate"]
    assert "-m venv .venv" in run_shell("make --dry-run check", project)


def is_queued(block: Block, project: Path) -> None:
    """The experiment is put into DVC's queue, which checks the setting's path, and is not run."""
    experiment, shown = block.lines
    assert experiment.startswith("dvc exp run ")
    run_shell(experiment.replace("dvc exp run", "dvc exp run --queue"), project)
    assert "rotate" in run_shell(f"{shown} --csv", project)


def is_offered_by_mlflow(block: Block, project: Path) -> None:
    words = shlex.split(block.text)
    assert words[:4] == ["mlflow", "models", "serve", "-m"]
    assert words[4] == f"models:/{PROBLEM}@{CHAMPION_ALIAS}"
    usage = run_shell("mlflow models serve --help", project)
    assert all(word in usage for word in words if word.startswith("--"))


def is_shared(block: Block, project: Path) -> None:
    assert block.text.count("/path/to/a/shared/folder") == 1
    run_shell(block.text.replace("/path/to/a/shared/folder", str(project.parent / "shared")), project)


def is_cloned(block: Block, project: Path) -> None:
    clone, enter, test, hook = block.lines
    clone = clone.replace("ADDRESS", str(project))
    run_shell(f"rm -rf bakeoff; {clone}; {enter}; {test} --dry-run", project.parent)
    assert hook == ".venv/bin/pre-commit install"
    run_shell("pre-commit validate-config .pre-commit-config.yaml", project)


def is_the_tree(block: Block, project: Path) -> None:
    assert paths_of_tree(block.text)  # test_pages.py compares it with the folders


def is_the_chain(block: Block, project: Path) -> None:
    """Its folders are there, and its modules are those of an exported graph, in that order."""
    folders, modules = (re.split(r"\s*->\s*|\s{2,}", line) for line in block.lines[:2])
    assert all((ROOT / folder.replace("<architecture>", "mlp")).exists() for folder in folders)
    model = Model(build_stem((ColumnSpec("noise", (4,), 0, 0),), "vector"), nn.Identity())
    exported = ExportModule(model, nn.Identity())
    names = [name for module in (exported.model, exported) for name, _ in module.named_children() if name != "model"]
    assert names == modules[:-1]


TREATMENTS: list[tuple[str, Callable[[Block, Path], None]]] = [
    ("bakeoff add", is_added_run_and_served),
    ("make run", is_a_target),
    ("make serve", is_a_target),
    ("digits", is_a_leaderboard),
    ("co2", is_a_leaderboard),
    ("bakeoff status", is_a_command),
    ("seed: 20", is_part_of_the_shipped_file),
    ("contenders:", is_accepted),
    *[("problems:", is_accepted)] * 11,
    ("import json", is_prepared),
    ("curl", is_requested),
    ("curl", is_requested),
    ('{"error":', is_what_a_mistake_gets),
    ("python -m serving.client", is_requested),
    ("from serving.client import Client", is_requested),
    ("import json", is_prepared_too),
    ("curl", is_understood),
    ('{"label":', is_answered),
    ("docker build", is_an_image),
    ("source .venv", is_activated),
    ("dvc metrics show", is_run),
    ("dvc exp run", is_queued),
    ("make ui", is_a_target),
    ("make track", is_a_target),
    ("make tensorboard", is_a_target),
    ("mlflow models serve", is_offered_by_mlflow),
    ("dvc remote add", is_shared),
    ("make bench", is_a_target),
    ("README.md", is_the_tree),
    ("models/stems", is_the_chain),
    ("git clone", is_cloned),
]


def test_every_readme_block_has_a_check() -> None:
    found = [block.lines[0] for block in fenced_blocks()]
    assert len(found) == len(TREATMENTS), "a block was added or removed: say in TREATMENTS how it is checked"
    for line, (start, _) in zip(found, TREATMENTS, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("number", range(len(TREATMENTS)), ids=[f"{n}-{one[0]}" for n, one in enumerate(TREATMENTS)])
def test_a_readme_block_works(number: int, project: Path) -> None:
    _, check = TREATMENTS[number]
    check(fenced_blocks()[number], project)


def test_the_blocks_for_a_live_server_can_be_taken_out() -> None:
    scripts = serving_blocks()
    assert len(scripts) == 5
    for script in scripts:
        subprocess.run(["bash", "-n", "-c", script], check=True)

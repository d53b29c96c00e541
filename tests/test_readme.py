"""What the README says is true: its blocks are run, or checked as far as is cheap; its tables and tree are compared.

Every fenced block has a line in TREATMENTS, in the order of the page; a block without one fails.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from models import ARCHITECTURES
from models.hyperparameters import Choice, Hyperparameters, Range, defaults, space
from pipelines.settings.entries import check
from pipelines.settings.params import Contender, Params, Problem, TrainSettings, TuneSettings, load
from pipelines.sources.scikit_learn import DATASETS, ScikitLearnSettings
from pipelines.sources.splitting import SplitSettings
from pipelines.tasks import TASKS
from pipelines.tracking.registry import ALIAS
from pipelines.training.augmentation import AugmentSettings
from pipelines.training.learners import LEARNERS
from serving import payloads, signature
from serving.client import ADDRESS, Client
from serving.refusal import Refusal

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROBLEM = "digits"


class Block(NamedTuple):
    """A fenced block of the README."""

    language: str
    text: str

    @property
    def lines(self) -> list[str]:
        return self.text.strip().splitlines()


def blocks() -> list[Block]:
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)]


def serving_blocks() -> list[str]:
    """The blocks that ask a running server at 127.0.0.1:8080, as shell scripts, in the order of the page.

    The first writes the files that the others send; it needs data/digits/split/test, as a run leaves it. They are
    to be run in the project's folder, with this environment's `python` first in PATH.
    """
    asking = [block for block, (_, check) in zip(blocks(), TREATMENTS, strict=True) if check in (is_asked, is_prepared)]
    return [
        f"python - <<'END'\n{block.text}END\n" if block.language == "python" else f"set -e\n{block.text}"
        for block in asking
    ]


# A copy of the project with the smallest artifacts that `dvc metrics` and `dvc plots` can show


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BAKEOFF_", "MLFLOW_", "GIT_"))}
    people = {f"GIT_{role}_{what}": "t@localhost" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {**kept, **people, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def shell(script: str, folder: Path) -> str:
    """Run a script; return what it printed."""
    ended = subprocess.run(
        ["bash", "-c", f"set -e\n{script}"],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}"
    return ended.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "project"
    for name in listed():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / "dvc.lock").unlink(missing_ok=True)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values():
        for key, item in params[entry["foreach"].strip("${}")].items():
            write_views(folder, entry["do"], lambda path, key=key, item=item: filled(path, key, item))
    shell("git init --quiet && git add --all && git commit --quiet --message start", folder)
    shell(f"python -m pipelines.split {PROBLEM}", folder)
    return folder


def listed() -> list[str]:
    """The files of the project: in git, or on their way into it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def filled(path: str, key: str, item: dict[str, Any]) -> str:
    for name, value in item.items():
        path = path.replace(f"${{item.{name}}}", str(value))
    return path.replace("${key}", key)


def write_views(folder: Path, stage: dict[str, Any], place: Callable[[str], str]) -> None:
    for path in stage.get("metrics", []):
        write(folder / place(path), json.dumps({"test": {"accuracy": 0.5}}))
    for plot in stage.get("plots", []):
        for path, look in plot.items():
            write(folder / place(path), f"{look['x']},{look['y']}\n1,1\n2,2\n")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


# How a block is checked


def is_run(block: Block, project: Path) -> None:
    assert shell(block.text, project)


def is_prepared(block: Block, project: Path) -> None:
    shell(f"python - <<'END'\n{block.text}END\n", project)
    assert (project / ".state" / "digit.png").read_bytes().startswith(b"\x89PNG")
    found = payloads.read(payloads.JSON, (project / ".state" / "two.json").read_bytes(), contract())
    assert len(found.examples) == 2


def is_a_target(block: Block, project: Path) -> None:
    for line in block.lines:
        make, target = line.split()
        assert make == "make"
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"no target {target}"
        assert shell(f"make --dry-run {target}", project)


def is_asked(block: Block, project: Path) -> None:
    """As far as is cheap: the paths, the contents and the names. Against a live server: `serving_blocks`."""
    if block.language == "python":
        compile(block.text, "README.md", "exec")
        for method in re.findall(r"client\.(\w+)\(", block.text):
            assert callable(getattr(Client, method))
        return
    for words in commands(block):
        if words[0] == "python":
            assert words[:4] == ["python", "-m", "serving.client", PROBLEM]
            continue
        assert words[:2] == ["curl", f"{ADDRESS}/predictions/{PROBLEM}"]
        kind, body = words[words.index("-H") + 1].removeprefix("Content-Type: "), words[-1]
        content = (project / body[1:]).read_bytes() if body.startswith("@") else body.encode()
        assert payloads.read(kind, content, contract()).examples


def commands(block: Block) -> list[list[str]]:
    """The words of every command; one may span lines within quotes."""
    found, open_quote = [], ""
    for line in block.lines:
        open_quote += f"{line}\n"
        if open_quote.count("'") % 2 == 0:
            found.append(shlex.split(open_quote))
            open_quote = ""
    return found


@cache
def contract() -> signature.Signature:
    """As export writes it for digits."""
    decode = {"mode": "L", "media": ["image/png", "image/jpeg"]}
    field = {"name": "image", "kind": "image", "dtype": "uint8", "shape": [8, 8], "range": [0, 255], "decode": decode}
    document = {"name": PROBLEM, "version": "1.0", "task": "classification", "tolerance": 1e-5}
    outputs = [{"name": "probabilities", "shape": [10]}]
    return signature.read(json.dumps({**document, "inputs": [field], "outputs": outputs, "labels": list("0123456789")}))


def is_the_shipped_file(block: Block, project: Path) -> None:
    assert yaml.safe_load(block.text) == yaml.safe_load((ROOT / "params.yaml").read_text())


def is_accepted(block: Block, project: Path) -> None:
    """Laid over the shipped file: what it names replaces or joins what is there."""
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, entries in yaml.safe_load(block.text).items():
        whole[section] = {**whole[section], **entries}
    path = project.parent / "params.yaml"
    path.write_text(yaml.safe_dump(whole))
    check(load(path))


def is_a_leaderboard(block: Block, project: Path) -> None:
    assert block.lines[0] == PROBLEM
    for contender in load(ROOT / "params.yaml").entered(PROBLEM):
        assert contender in block.text
    assert "majority class (baseline)" in block.text


def is_what_a_mistake_gets(block: Block, project: Path) -> None:
    with pytest.raises(Refusal) as refused:
        payloads.read(payloads.JSON, b'{"image": [[1, 2], [3, 4]]}', contract())
    assert json.loads(block.text) == {"error": refused.value.sentence}


def is_an_image(block: Block, project: Path) -> None:
    """There is no Docker engine to run it; test_dockerfile.py goes further."""
    port = re.search(r"^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert port is not None
    assert block.lines == ["docker build -t bakeoff .", f"docker run --rm -p {port[1]}:{port[1]} bakeoff"]


def is_activated(block: Block, project: Path) -> None:
    assert block.lines == ["source .venv/bin/activate"]
    assert "-m venv .venv" in shell("make --dry-run check", project)


def is_queued(block: Block, project: Path) -> None:
    """The experiment is put into DVC's queue, which checks the setting's path, and is not run."""
    experiment, table = block.lines
    assert experiment.startswith("dvc exp run ")
    shell(experiment.replace("dvc exp run", "dvc exp run --queue"), project)
    assert "rotate" in shell(f"{table} --csv", project)


def is_offered_by_mlflow(block: Block, project: Path) -> None:
    words = shlex.split(block.text)
    assert words[:4] == ["mlflow", "models", "serve", "-m"]
    assert words[4] == f"models:/{PROBLEM}@{ALIAS}"
    usage = shell("mlflow models serve --help", project)
    assert all(word in usage for word in words if word.startswith("--"))


def is_shared(block: Block, project: Path) -> None:
    assert block.text.count("/path/to/a/shared/folder") == 1
    shell(block.text.replace("/path/to/a/shared/folder", str(project.parent / "shared")), project)


def is_cloned(block: Block, project: Path) -> None:
    clone, enter, test, hook = block.lines
    clone = clone.replace("ADDRESS", str(project))
    shell(f"rm -rf bakeoff; {clone}; {enter}; {test} --dry-run", project.parent)
    assert hook == ".venv/bin/pre-commit install"
    shell("pre-commit validate-config .pre-commit-config.yaml", project)


def is_the_tree(block: Block, project: Path) -> None:
    """Compared with the folders below."""


TREATMENTS: list[tuple[str, Callable[[Block, Path], None]]] = [
    ("make run", is_a_target),
    ("make serve", is_a_target),
    ("digits", is_a_leaderboard),
    ("seed: 20", is_the_shipped_file),
    ("contenders:", is_accepted),
    ("problems:", is_accepted),
    ("import json", is_prepared),
    ("curl", is_asked),
    ("curl", is_asked),
    ('{"error":', is_what_a_mistake_gets),
    ("python -m serving.client", is_asked),
    ("from serving.client import Client", is_asked),
    ("docker build", is_an_image),
    ("source .venv", is_activated),
    ("dvc metrics show", is_run),
    ("dvc exp run", is_queued),
    ("make ui", is_a_target),
    ("make track", is_a_target),
    ("mlflow models serve", is_offered_by_mlflow),
    ("dvc remote add", is_shared),
    ("make bench", is_a_target),
    ("README.md", is_the_tree),
    ("git clone", is_cloned),
]


def test_every_block_has_a_treatment() -> None:
    found = [block.lines[0] for block in blocks()]
    assert len(found) == len(TREATMENTS), "a block was added or removed: say in TREATMENTS how it is checked"
    for line, (start, _) in zip(found, TREATMENTS, strict=True):
        assert line.startswith(start)


@pytest.mark.parametrize("number", range(len(TREATMENTS)), ids=[f"{n}-{one[0]}" for n, one in enumerate(TREATMENTS)])
def test_a_block_does_what_it_says(number: int, project: Path) -> None:
    _, check = TREATMENTS[number]
    check(blocks()[number], project)


def test_the_blocks_for_a_live_server_can_be_taken_out() -> None:
    scripts = serving_blocks()
    assert len(scripts) == 5
    for script in scripts:
        subprocess.run(["bash", "-n", "-c", script], check=True)


# What the page says besides its blocks

PAGES = [README, *((ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", "Makefile"))]


@pytest.mark.parametrize(
    "module", sorted({found for page in PAGES for found in re.findall(r"python -m ([\w.]+)", page)})
)
def test_every_module_that_is_to_be_run_says_how(module: str) -> None:
    if module in ("venv", "pip", "pytest"):
        return
    path = ROOT / Path(*module.split("."))
    path = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    assert 'if __name__ == "__main__":' in text
    if "ArgumentParser" in text or path.name == "__main__.py":
        assert "usage:" in shell(f"python -m {module} --help", ROOT)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").rglob("*.md"))),
    ],
)
def test_every_link_leads_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


def tree() -> list[str]:
    """The paths of the README's tree, folders without a slash at the end."""
    (text,) = (block.text for block, (_, check) in zip(blocks(), TREATMENTS, strict=True) if check is is_the_tree)
    parents: list[str] = []
    paths = []
    for line in text.splitlines():
        found = re.fullmatch(r"((?:  )*)(\S+) {2,}\S.*", line)
        assert found, f"a line of the tree is an indented name, two spaces or more, and a caption: {line!r}"
        parents = parents[: len(found[1]) // 2]
        paths.append("".join(parents) + found[2].rstrip("/"))
        parents.append(found[2])
    return paths


def test_everything_in_the_tree_is_there() -> None:
    assert [path for path in tree() if not (ROOT / path).exists() and path != "dvc.lock"] == []


def test_everything_there_is_in_the_tree() -> None:
    files = listed()
    top = {name.split("/")[0] for name in files} | {"dvc.lock"}
    rooms = {str(Path(name).parent) for name in files if re.fullmatch(r"pipelines/\w+/__init__\.py", name)}
    stages = {name for name in files if re.fullmatch(r"pipelines/\w+\.py", name)}
    assert sorted((top | rooms | stages) - set(tree())) == []


def table(title: str) -> list[list[str]]:
    """The cells of the table with that first column, without quotes around names."""
    rows = re.search(rf"^\| {title} \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)
    assert rows, title
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in rows[1].splitlines()]
    return [[re.sub(r"^`([^`]*)`$", r"\1", cell) for cell in line] for line in cells]


SETTINGS = {
    "": Params,
    "defaults.tune.": TuneSettings,
    "defaults.train.": TrainSettings,
    "problems.*.": Problem,
    "problems.*.source.": ScikitLearnSettings,
    "problems.*.split.": SplitSettings,
    "problems.*.augment.": AugmentSettings,
    "contenders.*.": Contender,
}
SECTIONS = {"defaults", "problems", "contenders", "problems.*.source", "problems.*.split", "problems.*.augment"}


def test_every_setting_is_explained_with_its_default() -> None:
    explained = {name: default for name, default, _ in table("setting")}
    known = {f"{place}{name}": field for place, model in SETTINGS.items() for name, field in model.model_fields.items()}
    assert set(explained) == set(known) - SECTIONS
    goal = TASKS["classification"].__init__.__defaults__[0]  # type: ignore[misc,index]
    for name, default in explained.items():
        field = known[name]
        expected = "none" if field.is_required() else str(goal if field.default is None else field.default)
        assert default == (expected.lower() if isinstance(field.default, bool) else expected), name
    meanings = {name: meaning for name, _, meaning in table("setting")}
    assert all(f"`{dataset}`" in meanings["problems.*.source.dataset"] for dataset in DATASETS)


def written(value: object) -> str:
    return f"{value:.5f}".rstrip("0") if isinstance(value, float) and 0 < value < 1e-4 else str(value)


def row(owner: str, config: type[Hyperparameters], name: str, extent: Range | Choice) -> list[str]:
    default = str(defaults(config)[name])
    if isinstance(extent, Choice):
        options = ", ".join(map(str, extent.options))
        return [owner, name, *((default, options) if options != "False, True" else ("false", "false, true"))]
    return [owner, name, default, f"{written(extent.low)} to {written(extent.high)}{', logarithmic' * extent.log}"]


def test_every_hyperparameter_is_listed_with_what_is_searched() -> None:
    owners = {name: one.config for name, one in ARCHITECTURES.items()}
    owners["all that learn by gradient"] = LEARNERS["gradient"].settings
    owners["all that are solved at once"] = LEARNERS["closed_form"].settings
    expected = [row(owner, config, *entry) for owner, config in owners.items() for entry in space(config).items()]
    assert sorted(table("architecture")) == sorted(expected)


def test_every_stage_is_in_the_table() -> None:
    stages = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
    assert [cells[0] for cells in table("stage")] == stages

"""A refusal leaves its reader with something to do: it names the setting that lifts it, where there is one."""

import ast
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

import pipelines.sources
from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.kinds import SourceSettings, load_dataset
from tests.support.refusals import REFUSALS

ROOT = Path(pipelines.sources.__file__).parent
SETTINGS = {name for model in get_args(get_args(SourceSettings)[0]) for name in model.model_fields}


def refusals(file: Path) -> Iterator[str]:
    """The sentences of every UserError in a file, with {} for what is filled in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
            yield sentence_of(node.args[0])


def sentence_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence_of(value) for value in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return f"{node.func.id}()" if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else "{}"


def words_of(file: Path) -> str:
    constants = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
    return " ".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_refusal_is_in_the_table(file: Path) -> None:
    pieces = REFUSALS.get(str(file.relative_to(ROOT)), {})
    unlisted = [sentence for sentence in refusals(file) if not any(piece in sentence for piece in pieces)]
    assert not unlisted, "add a row to tests/support/refusals.py, with the setting that lets it pass"


@pytest.mark.parametrize("file", REFUSALS)
def test_every_row_of_the_table_is_of_a_refusal_that_names_its_setting(file: str) -> None:
    sentences, words = set(refusals(ROOT / file)), words_of(ROOT / file)
    for piece, setting in REFUSALS[file].items():
        (sentence,) = [sentence for sentence in sentences if piece in sentence]
        if setting is None:
            continue
        assert setting in SETTINGS
        spoken = sentence if re.search(rf"\b{setting}\b", sentence) else words  # filled in, or a helper's
        assert re.search(rf"\b{setting}\b", spoken), f"{sentence!r} does not name `{setting}`"


class Lifted(NamedTuple):
    """What is refused, and read with a further setting."""

    write: Callable[[Path], dict[str, Any]]  # into an empty folder: the settings of the source
    sentence: str  # in which the setting is named
    lifted_by: dict[str, Any]


def rows(kind: str, name: str, content: str | bytes, **settings: Any) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return {"kind": kind, "path": str(folder / name), **settings}

    return write


def arrays(inputs: np.ndarray[Any, Any], target: np.ndarray[Any, Any]) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        np.save(folder / "x.npy", inputs)
        np.save(folder / "y.npy", target)
        return {"kind": "arrays", "inputs": str(folder / "x.npy"), "target": str(folder / "y.npy")}

    return write


def files(kind: str, content: dict[str, bytes], **settings: str) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        for name, raw in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(raw)
        places = {name: str(folder / place) for name, place in settings.items()} or {"path": str(folder)}
        return {"kind": kind, **places}

    return write


def picture(level: int, size: tuple[int, int] = (8, 8), mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, level).save(file, "PNG")
    return file.getvalue()


def mask(*levels: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.tile(np.array(levels, dtype=np.uint8), (8, 8 // len(levels)))).save(file, "PNG")
    return file.getvalue()


HOURS = [f"2024-01-01 {hour:02d}:00" for hour in range(24)] + [f"2024-01-02 {hour:02d}:00" for hour in range(24)]
SERIES = "time,load\n" + "".join(f"{hour},{place}\n" for place, hour in enumerate(HOURS))
WINDOW = {"time": "time", "window": 4, "horizon": 2}
PAIRS = {f"photos/{n}.png": picture(n) for n in range(9)} | {f"masks/{n}.png": mask(0, 1) for n in range(9)}
STEPS = "who,when,x,label\n" + "".join(f"{who},{step},1,{who % 2}\n" for who in range(6) for step in range(2))

LIFTED = {
    "pictures that are broken": Lifted(
        files("images", {**{f"{c}/{n}.png": picture(n) for c in "ab" for n in range(3)}, "a/odd.png": b""}),
        "`unusable: skip`",
        {"unusable": "skip"},
    ),
    "texts that are none": Lifted(
        files("text", {**{f"{c}/{n}.txt": b"good" for c in "ab" for n in range(3)}, "a/odd.txt": b"\0\0"}),
        "`unusable: skip`",
        {"unusable": "skip"},
    ),
    "texts in an old encoding": Lifted(
        files("text", {f"{c}/{n}": b"caf\xe9" for c in "ab" for n in range(3)}),
        "`encoding: cp1252`",
        {"encoding": "cp1252"},
    ),
    "sequences without labels": Lifted(
        rows(
            "sequences",
            "s.csv",
            STEPS.replace(",1\n", ",\n").replace("0,1,1,0", "0,1,1,").replace("0,0,1,0", "0,0,1,"),
            id="who",
            step="when",
            target="label",
            target_kind="category",
        ),
        "`unusable: skip`",
        {"unusable": "skip"},
    ),
    "masks that are broken": Lifted(
        files("masks", {**PAIRS, "masks/0.png": b"", "masks/1.png": b""}, images="photos", masks="masks"),
        "`unusable: skip`",
        {"unusable": "skip"},
    ),
    "images without masks": Lifted(
        files(
            "masks", {**PAIRS, **{f"photos/odd{n}.png": picture(9) for n in range(5)}}, images="photos", masks="masks"
        ),
        "`unmatched: skip`",
        {"unmatched": "skip"},
    ),
    "masks called otherwise": Lifted(
        files(
            "masks",
            {re.sub(r"masks/(\d)", r"masks/truth_\1_x", name): raw for name, raw in PAIRS.items()},
            images="photos",
            masks="masks",
        ),
        "`pair: number`",
        {"pair": "number"},
    ),
    "many whole numbers": Lifted(
        arrays(np.zeros((1200, 2), np.float32), np.arange(1200)), "`target_kind: number`", {"target_kind": "number"}
    ),
    "labels of whole numbers that are floats": Lifted(
        lambda folder: {
            **arrays(np.zeros((4, 2), np.float32), np.array([0.0, 1, 0, 1]))(folder),
            "labels": ["no", "yes"],
        },
        "`target_kind: category`",
        {"target_kind": "category"},
    ),
    "a column of almost numbers": Lifted(
        lambda folder: (
            files(
                "images",
                {
                    "list.csv": ("file,house\n" + "".join(f"{n}.png,{n}\n" for n in range(19)) + "19.png,x\n").encode(),
                    **{f"{n}.png": picture(n) for n in range(20)},
                },
                path="list.csv",
                folder=".",
            )(folder)
            | {"target": "house"}
        ),
        "`target_kind: category`",
        {"target_kind": "category"},
    ),
    "a list of pictures": Lifted(
        lambda folder: (
            files(
                "images",
                {"list.csv": b"file,a\n0.png,x\n1.png,y\n", "0.png": picture(0), "1.png": picture(1)},
                path="list.csv",
            )(folder)
            | {"target": "a"}
        ),
        "set `folder`",
        {"folder": "{folder}"},
    ),
    "texts of one line": Lifted(
        rows("text", "t.tsv", "hello there\tham\n", text=1, target=2), "`header: false`", {"header": False}
    ),
    "a table of another separator": Lifted(
        rows("table", "t.csv", "a|b\n" + "1|2,5\n3|4\n5|6\n7,1|9\n" * 3, target="b", separator=","),
        "`separator`",
        {"separator": "|"},
    ),
    "a table in an old encoding": Lifted(
        rows("table", "t.csv", b"caf\xe9,b\n1,2\n3,4\n", target="b"), "`encoding: latin-1`", {"encoding": "latin-1"}
    ),
    "ids as a target": Lifted(
        rows("table", "t.csv", "x,who\n" + "".join(f"{n}.5,name{n}\n" for n in range(40)), target="who"),
        "`types`",
        {"types": {"who": "category"}},
    ),
    "a series whose times repeat": Lifted(
        rows("series", "s.csv", SERIES + "2024-01-01 03:00,9\n", **WINDOW), "repeats: first", {"repeats": "first"}
    ),
    "a series with a gap": Lifted(
        rows("series", "s.csv", SERIES.replace(f"{HOURS[5]},5\n", ""), **WINDOW),
        "gaps: interpolate",
        {"gaps": "interpolate"},
    ),
    "a series with a long gap": Lifted(
        rows(
            "series",
            "s.csv",
            "".join(line for n, line in enumerate(SERIES.splitlines(keepends=True)) if n not in range(6, 11)),
            gaps="previous",
            **WINDOW,
        ),
        "raise longest_gap",
        {"longest_gap": 5},
    ),
    "a series that is short": Lifted(
        rows("series", "s.csv", SERIES, time="time"), "make window or horizon smaller", {"window": 4, "horizon": 2}
    ),
    "numbers with a comma": Lifted(
        rows(
            "series",
            "s.csv",
            SERIES.replace(",", ";").replace(";load", ";load").replace("\n2024", ",5\n2024"),
            **WINDOW,
        ),
        "state `decimal`",
        {"decimal": ","},
    ),
}


def load(source: dict[str, Any], downloads: Path) -> Dataset:
    settings: Any = TypeAdapter(SourceSettings).validate_python(source)
    return load_dataset(settings, downloads)


@pytest.mark.parametrize("name", LIFTED)
def test_the_setting_that_a_refusal_names_lets_it_pass(name: str, tmp_path: Path) -> None:
    case = LIFTED[name]
    source = case.write(tmp_path)
    with pytest.raises(UserError) as refused:
        load(source, tmp_path / "downloads")
    assert case.sentence in str(refused.value)
    lifted = {
        key: value.format(folder=tmp_path) if isinstance(value, str) else value for key, value in case.lifted_by.items()
    }
    assert len(load({**source, **lifted}, tmp_path / "downloads").part.target) > 0

"""What sources refuse, and read with the setting that their sentence names."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.support.refused_sources import (
    HOURS,
    PAIRS,
    SERIES,
    STEPS,
    WINDOW,
    arrays,
    clocks_set_back,
    files,
    picture,
    rows,
    several_arrays,
    two_sheets,
    two_tables,
)


class Lifted(NamedTuple):
    """What is refused, and read with a further setting."""

    write: Callable[[Path], dict[str, Any]]  # into an empty folder: the settings of the source
    sentence: str  # in which the setting is named
    lifted_by: dict[str, Any]


LIFTED: dict[str, Lifted] = {
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
    "several arrays in a file": Lifted(
        several_arrays,
        "set `path` to it",
        {"path": "{folder}/all.npz", "arrays": {"inputs": "x", "target": "y"}, "inputs": None, "target": None},
    ),
    "an array that is not there": Lifted(
        lambda folder: (
            several_arrays(folder)
            | {
                "inputs": None,
                "target": None,
                "path": str(folder / "all.npz"),
                "arrays": {"inputs": "z", "target": "y"},
            }
        ),
        "name one under `arrays`",
        {"arrays": {"inputs": "x", "target": "y"}},
    ),
    "labels that are too few": Lifted(
        lambda folder: arrays(np.zeros((4, 2), np.float32), np.array([0, 1, 2, 0]))(folder) | {"labels": ["no", "yes"]},
        "add labels",
        {"labels": ["no", "yes", "maybe"]},
    ),
    "a sheet among several": Lifted(two_sheets, "name one with `sheet`", {"sheet": "sales"}),
    "a sheet that is not there": Lifted(
        lambda folder: two_sheets(folder) | {"sheet": 3}, "sheet: there is no sheet 3", {"sheet": 1}
    ),
    "a table among several": Lifted(two_tables, "name one with `table`", {"table": "sales"}),
    "a table that is not there": Lifted(
        lambda folder: two_tables(folder) | {"table": "costs"},
        "table: there is no table 'costs'",
        {"table": "shops"},
    ),
    "a query that fails": Lifted(
        lambda folder: two_tables(folder) | {"query": "SELECT c FROM sales"},
        "check the address, the table or the query",
        {"query": "SELECT a, b FROM sales"},
    ),
    "a series whose clocks were set back": Lifted(clocks_set_back, "state time_zone", {"time_zone": "Europe/Berlin"}),
    "a time zone that nobody knows": Lifted(
        lambda folder: clocks_set_back(folder) | {"time_zone": "Europe/Ulm"},
        "time_zone: 'Europe/Ulm' is not known",
        {"time_zone": "Europe/Berlin"},
    ),
    "a series of very many words": Lifted(
        rows(
            "series",
            "s.csv",
            "time,load,who\n" + "".join(f"2024-01-{1 + n // 24:02d} {n % 24:02d}:00,{n},w{n}x\n" for n in range(60)),
            **WINDOW,
        ),
        "naming the others under `inputs`",
        {"inputs": ["load"]},
    ),
    "yes, no and perhaps": Lifted(
        rows("table", "t.csv", "x,y\n" + "1,yes\n2,no\n3,perhaps\n" * 9, target="y", types={"y": "boolean"}),
        "state `types: {y: category}`",
        {"types": {"y": "category"}},
    ),
    "days or months": Lifted(
        rows("table", "t.csv", "day,y\n" + "01/02/2024,1.5\n03/04/2024,2.5\n" * 9, target="y", types={"day": "date"}),
        "state `types: {day: category}`",
        {"types": {"day": "category"}},
    ),
    "a category of very many values": Lifted(
        rows(
            "table",
            "t.csv",
            "who,y\n" + "".join(f"w{n % 1100}x,{n}.5\n" for n in range(2300)),
            target="y",
            types={"who": "category"},
        ),
        "state `types: {who: text}`",
        {"types": {"who": "text"}},
    ),
    "a missing cell written otherwise": Lifted(
        rows("table", "t.csv", "x,y\n" + "1.5,1.5\n*,2.5\n" * 9, target="y", types={"x": "number"}),
        "list what means a missing cell under `missing`",
        {"missing": ["*"]},
    ),
    "a target that is not there": Lifted(
        rows("table", "t.csv", "x,y\n" + "1.5,1.5\n2,2.5\n" * 9, target="z"),
        "target: there is no column 'z'",
        {"target": "y"},
    ),
    "no input that is left": Lifted(
        rows("table", "t.csv", "code,y\n" + "".join(f"A{n},{n}.5\n" for n in range(40)), target="y"),
        "name the columns to use under `inputs`",
        {"inputs": ["code"]},
    ),
    "mask values without a name": Lifted(
        lambda folder: files("masks", PAIRS, images="photos", masks="masks")(folder) | {"classes": {"no": 0, "odd": 9}},
        "which `classes` does not name",
        {"classes": {"no": 0, "yes": 1}},
    ),
    "a text that is its own class": Lifted(
        rows("text", "t.csv", "a,b\n" + "good film,x\nbad film,y\n" * 9, text="a", target="a"),
        "text and target are the same column",
        {"target": "b"},
    ),
    "sequences without a step": Lifted(
        rows("sequences", "s.csv", STEPS, id="who", target="label"), "needs the settings", {"step": "when"}
    ),
    "sequences with a column that is not there": Lifted(
        rows("sequences", "s.csv", STEPS, id="who", step="when", target="label", columns=["z"]),
        "name these in id, step, target, columns and keys",
        {"columns": ["x"]},
    ),
}

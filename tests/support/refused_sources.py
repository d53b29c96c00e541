"""Files that a source refuses, written into an empty folder, and the settings of that source."""

import io
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl
from PIL import Image


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


def several_arrays(folder: Path) -> dict[str, Any]:
    np.savez(folder / "all.npz", x=np.zeros((4, 2), np.float32), y=np.arange(4.0) / 2)
    return {"kind": "arrays", "inputs": str(folder / "all.npz"), "target": str(folder / "all.npz")}


def two_sheets(folder: Path) -> dict[str, Any]:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name in ("sales", "costs"):
        sheet = workbook.create_sheet(name)
        for line in (("a", "b"), *((number % 7 + 0.5, number + 0.5) for number in range(20))):
            sheet.append(line)
    workbook.save(folder / "t.xlsx")
    return {"kind": "table", "path": str(folder / "t.xlsx"), "target": "b"}


def two_tables(folder: Path) -> dict[str, Any]:
    connection = sqlite3.connect(folder / "t.db")
    for name in ("sales", "shops"):
        connection.execute(f"CREATE TABLE {name} (a REAL, b REAL)")
        connection.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(n % 7 + 0.5, n + 0.5) for n in range(20)])
    connection.commit()
    connection.close()
    return {"kind": "table", "path": str(folder / "t.db"), "target": "b"}


def clocks_set_back(folder: Path) -> dict[str, Any]:
    first = datetime(2024, 10, 26, tzinfo=UTC)
    hours = [(first + timedelta(hours=hour)).astimezone(ZoneInfo("Europe/Berlin")) for hour in range(48)]
    content = "time,load\n" + "".join(f"{hour:%Y-%m-%d %H:%M},{place}\n" for place, hour in enumerate(hours))
    return rows("series", "s.csv", content, **WINDOW)(folder)

"""A small file or folder of every kind that `bakeoff add` tells apart."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openpyxl
import pyarrow
import soundfile
from PIL import Image
from pyarrow import parquet

DRAWN = np.random.default_rng(0)
ROWS = 120


SPEAKERS = ("ann", "bob", "cid", "dee", "eve", "fay", "gus", "hal", "ida", "jon")


class Case(NamedTuple):
    """What is written, and what is proposed for it."""

    write: Callable[[Path], Path]  # into an empty folder; the place that the user names
    target: str | None
    source: dict[str, Any]  # some of the settings of the proposed source
    task: str
    split: str  # its `by`


def table_rows() -> list[list[Any]]:
    sizes = DRAWN.normal(size=ROWS).round(3)
    return [
        [f"A-{number:04d}", float(size), ["red", "green"][number % 2], int(size > 0)]
        for number, size in enumerate(sizes)
    ]


COLUMNS = ["code", "size", "colour", "sold"]


def write_csv(folder: Path, separator: str = ",", name: str = "shop.csv") -> Path:
    lines = [COLUMNS, *table_rows()]
    (folder / name).write_text("".join(f"{separator.join(map(str, line))}\n" for line in lines))
    return folder / name


def write_excel(folder: Path) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for line in (COLUMNS, *table_rows()):
        sheet.append(line)
    workbook.save(folder / "shop.xlsx")
    return folder / "shop.xlsx"


def write_json_lines(folder: Path) -> Path:
    import json

    objects = (dict(zip(COLUMNS, row, strict=True)) for row in table_rows())
    (folder / "shop.jsonl").write_text("".join(json.dumps(one) + "\n" for one in objects))
    return folder / "shop.jsonl"


def write_parquet(folder: Path) -> Path:
    columns = zip(*table_rows(), strict=True)
    parquet.write_table(
        pyarrow.table({name: list(cells) for name, cells in zip(COLUMNS, columns, strict=True)}),
        folder / "shop.parquet",
    )
    return folder / "shop.parquet"


def write_sqlite(folder: Path) -> Path:
    connection = sqlite3.connect(folder / "shop.db")
    connection.execute("CREATE TABLE orders (code TEXT, size REAL, colour TEXT, sold INTEGER)")
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?)", table_rows())
    connection.commit()
    connection.close()
    return folder / "shop.db"


def write_houses(folder: Path) -> Path:
    lines = [f"{number % 7},{DRAWN.normal():.3f},{100 + DRAWN.normal():.2f}" for number in range(ROWS)]
    (folder / "houses.csv").write_text("\n".join(["rooms,garden,price", *lines, ""]))
    return folder / "houses.csv"


def write_visits(folder: Path) -> Path:
    lines = [f"p{number % 20},{DRAWN.normal():.3f},{'yn'[number % 20 > 9]}" for number in range(ROWS)]
    (folder / "visits.csv").write_text("\n".join(["patient,pulse,ill", *lines, ""]))
    return folder / "visits.csv"


def write_messages(folder: Path) -> Path:
    """Without a line of names."""
    words = ["offer", "win", "prize", "home", "late", "lunch", "train", "call"]
    lines = [
        f"{'spam' if number % 3 == 0 else 'ham'}\t{' '.join(DRAWN.choice(words, 7))} {number}" for number in range(ROWS)
    ]
    (folder / "messages.tsv").write_text("\n".join([*lines, ""]))
    return folder / "messages.tsv"


def write_text_folders(folder: Path) -> Path:
    for number in range(40):
        path = folder / "reviews" / ("good" if number % 2 else "bad") / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"this was {'a fine' if number % 2 else 'no good'} film number {number}")
    return folder / "reviews"


def write_series(folder: Path) -> Path:
    """With a time that stands twice, so that the source refuses it as it is."""
    hours = [np.datetime64("2021-03-01T00") + hour for hour in range(400)]
    lines = [f"{str(hour).replace('T', ' ')}:00,{np.sin(n / 4):.4f},{n % 24}" for n, hour in enumerate(hours)]
    (folder / "load.csv").write_text("\n".join(["when,load,clock", *lines, lines[-1], ""]))
    return folder / "load.csv"


def write_split_times(folder: Path) -> Path:
    days = [np.datetime64("2021-01-01") + day for day in range(300)]
    lines = [f"{day.astype(object):%Y,%m,%d},{number % 7}.5" for number, day in enumerate(days)]
    (folder / "days.csv").write_text("\n".join(["year,month,day,visits", *lines, ""]))
    return folder / "days.csv"


def write_strokes(folder: Path) -> Path:
    lines = [
        f"{stroke},{step},{DRAWN.normal():.3f},{'ab'[stroke % 2]},w{stroke % 12}"
        for stroke in range(48)
        for step in range(6)
    ]
    (folder / "strokes.csv").write_text("\n".join(["stroke,step,x,letter,writer", *lines, ""]))
    return folder / "strokes.csv"


def write_ts(folder: Path) -> Path:
    header = "@problemName Moves\n@timeStamps false\n@univariate false\n@classLabel true up down\n@data\n"
    for part in ("TRAIN", "TEST"):
        lines = [
            f"{','.join(f'{value:.3f}' for value in DRAWN.normal(size=8))}:{['up', 'down'][number % 2]}"
            for number in range(40)
        ]
        (folder / f"Moves_{part}.ts").write_text(header + "\n".join(lines) + "\n")
    return folder


def save_picture(path: Path, pixels: "np.ndarray[Any, Any]") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def write_pictures(folder: Path) -> Path:
    """In a folder around the classes, beside a licence."""
    for number in range(40):
        save_picture(folder / "signs" / "all" / "ab"[number % 2] / f"{number}.png", DRAWN.integers(0, 256, (12, 12)))
    (folder / "signs" / "LICENSE").write_text("free")
    return folder / "signs"


def write_picture_list(folder: Path) -> Path:
    for number in range(40):
        save_picture(folder / "pictures" / f"{number}.png", DRAWN.integers(0, 256, (12, 12)))
    lines = [f"{number}.png,{'ab'[number % 2]}" for number in range(40)]
    (folder / "pictures" / "list.csv").write_text("\n".join(["image,shows", *lines, ""]))
    return folder / "pictures" / "list.csv"


def write_masks(folder: Path) -> Path:
    """Masks named otherwise than their pictures, and two pictures without one of eight."""
    for number in range(1, 9):
        pixels = DRAWN.integers(0, 256, (16, 16))
        save_picture(folder / "eyes" / "images" / f"{number:02d}_training.png", pixels)
        if number < 7:
            save_picture(folder / "eyes" / "manual" / f"{number:02d}_by_hand.png", (pixels > 128) * 255)
    return folder / "eyes"


def write_arrays(folder: Path) -> Path:
    for part, count in (("train", 60), ("test", 20)):
        np.save(folder / f"x_{part}.npy", DRAWN.normal(size=(count, 4)).astype(np.float32))
        np.save(folder / f"y_{part}.npy", np.arange(count) % 2)
    return folder


def write_npz(folder: Path) -> Path:
    np.savez(folder / "all.npz", x=DRAWN.normal(size=(60, 4)).astype(np.float32), y=DRAWN.normal(size=60))
    return folder / "all.npz"


def write_recordings(folder: Path, per_speaker: int = 4) -> Path:
    """Words of two pitches, by speakers of several voices: yes_ann_0.wav."""
    time = np.arange(1600) / 8000
    for word, pitch in (("yes", 300), ("no", 900)):
        for place, speaker in enumerate(SPEAKERS):
            for take in range(per_speaker):
                sound = 0.4 * np.sin(2 * np.pi * (pitch + 10 * place) * time) + DRAWN.normal(size=1600) * 0.05
                soundfile.write(folder / f"{word}_{speaker}_{take}.wav", sound, 8000)
    return folder


def write_recording_list(folder: Path) -> Path:
    write_recordings(folder)
    names = sorted(path.name for path in folder.glob("*.wav"))
    (folder / "clips.csv").write_text("clip,word\n" + "".join(f"{name},{name.split('_')[0]}\n" for name in names))
    return folder / "clips.csv"


SHOP = {"kind": "table", "target": "sold"}
CASES: dict[str, Case] = {
    "csv": Case(write_csv, "sold", SHOP, "classification", "stratified"),
    "semicolons": Case(lambda folder: write_csv(folder, ";"), "sold", SHOP, "classification", "stratified"),
    "excel": Case(write_excel, "sold", SHOP, "classification", "stratified"),
    "json lines": Case(write_json_lines, "sold", SHOP, "classification", "stratified"),
    "parquet": Case(write_parquet, "sold", SHOP, "classification", "stratified"),
    "sqlite": Case(write_sqlite, "sold", SHOP, "classification", "stratified"),
    "numbers": Case(write_houses, None, {"kind": "table", "target": "price"}, "regression", "random"),
    "groups": Case(write_visits, "ill", {"kind": "table", "keys": ["patient"]}, "classification", "group"),
    "texts": Case(
        write_messages, "column_1", {"kind": "text", "header": False, "target": 1, "text": 2},
        "classification", "stratified",
    ),
    "text folders": Case(write_text_folders, None, {"kind": "text"}, "classification", "stratified"),
    "series": Case(
        write_series, "load", {"kind": "series", "time": "when", "targets": ["load"], "repeats": "mean"},
        "forecasting", "time",
    ),
    "split times": Case(
        write_split_times, None, {"kind": "series", "time": ["year", "month", "day"]}, "forecasting", "time"
    ),
    "sequences": Case(
        write_strokes, "letter", {"kind": "sequences", "id": "stroke", "step": "step", "keys": ["writer"]},
        "classification", "group",
    ),
    "ts": Case(write_ts, None, {"kind": "sequences"}, "classification", "given"),
    "pictures": Case(write_pictures, None, {"kind": "images"}, "classification", "stratified"),
    "picture list": Case(
        write_picture_list, "shows", {"kind": "images", "file": "image", "target": "shows"},
        "classification", "stratified",
    ),
    "recordings": Case(
        write_recordings, None,
        {"kind": "audio", "label": "(?:^|/)([^/_]+)[^/]*$", "speaker": "(?:^|/)(?:[^/_]*_){1}([^/_]+)[^/]*$"},
        "classification", "group",
    ),
    "recording list": Case(
        write_recording_list, "word", {"kind": "audio", "file": "clip", "target": "word"},
        "classification", "stratified",
    ),
    "masks": Case(
        write_masks, None, {"kind": "masks", "pair": "number", "unmatched": "skip"}, "segmentation", "random"
    ),
    "arrays": Case(write_arrays, None, {"kind": "arrays"}, "classification", "given"),
    "npz": Case(
        write_npz, None, {"kind": "arrays", "arrays": {"inputs": "x", "target": "y"}}, "regression", "random"
    ),
}  # fmt: skip

"""Files of series for tests."""

from pathlib import Path

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.sources.series.load import SeriesSettings, load_series

HOURS = [f"2020-01-{1 + hour // 24:02d} {hour % 24:02d}:00" for hour in range(60)]


def written(
    folder: Path, times: list[str], header: str = "when,load,heat", cells: dict[int, str] | None = None
) -> Path:
    """A CSV file; `cells` are other rows than `time,row,row/2`, by their place."""
    rows = [f"{time},{row},{row / 2}" for row, time in enumerate(times)]
    for row, text in (cells or {}).items():
        rows[row] = text
    path = folder / "load.csv"
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return path


def read(path: Path, **more: object) -> Dataset:
    said = {"kind": "series", "path": str(path), "time": "when", "window": 6, "horizon": 2}
    return load_series(SeriesSettings.model_validate(said | more))


def months(first: str, count: int, every: int = 1) -> list[str]:
    start = np.datetime64(first, "M")
    return [str(start + every * month) for month in range(count)]

"""How the tests read a table."""

from pathlib import Path
from typing import Any

import numpy as np

from pipelines.data.dataset import Dataset, Finding
from pipelines.sources.table.load import TableSettings, load_table
from tests.support.hostile_tables import (
    Content,
)


def table(folder: Path, content: Content, name: str = "t.csv", **stated: Any) -> Dataset:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_table(TableSettings(**{"kind": "table", "path": str(path), "target": "y", **stated}))


def column(data: Dataset, name: str) -> np.ndarray:
    return data.part.inputs[[field.name for field in data.schema.inputs].index(name)]


def field(data: Dataset, name: str) -> Any:
    return next(field for field in (*data.schema.inputs, data.schema.target) if field.name == name)


def finding(data: Dataset, check: str) -> Finding:
    return next(each for each in data.findings if each.check == check)

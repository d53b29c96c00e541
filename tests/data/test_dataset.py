"""Arrays cut into chunks."""

import hashlib
import json
import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset, Finding, chunks
from pipelines.data.parts import PARTS, Part, read_part
from pipelines.data.schema import Field, Schema, read_schema
from pipelines.data_checks.checks import run_checks
from pipelines.data_checks.manifest import build_manifest
from pipelines.runtime.array_files import write_array
from pipelines.sources.kinds import LOADERS, SourceSettings
from pipelines.sources.bundled.scikit_learn import DATASETS, ScikitLearnSettings, load_scikit_learn
from pipelines.splitting.duplicates import duplicate_ids
from pipelines.splitting.split import (
    SplitRows,
    SplitSettings,
    split_rows,
    write_split,
)


def test_chunks_cover_every_row_once_and_in_order() -> None:
    values = np.zeros((10, 2**21), dtype=np.uint64)  # 16 MiB a row: one row a chunk
    assert [(rows.start, rows.stop) for rows in chunks(values)] == [(row, row + 1) for row in range(10)]
    assert [(rows.start, rows.stop) for rows in chunks(np.zeros(5))] == [(0, 5)]

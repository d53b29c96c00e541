"""JSON output: what `--json` prints."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def print_json(value: Any) -> None:
    """Print one JSON document on stdout; see `json_value`."""
    print(json.dumps(json_value(value), indent=2, allow_nan=False, ensure_ascii=False))


def json_value(value: Any) -> Any:
    """Named tuples as objects, paths as texts, and null for what is undefined, as JSON has no NaN."""
    if hasattr(value, "_asdict"):
        return json_value(value._asdict())
    if isinstance(value, Mapping):
        return {name: json_value(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(one) for one in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and math.isnan(value) else value

"""Types of settings that several sources have."""

from typing import Annotated, Any

from pydantic import BeforeValidator


def list_to_tuple(value: Any) -> Any:
    """A list of YAML as a tuple, which is hashable."""
    return tuple(value) if isinstance(value, list) else value


ColumnNames = Annotated[tuple[str, ...], BeforeValidator(list_to_tuple)]

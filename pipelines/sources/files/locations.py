"""Location settings: which settings of a source name a file, a folder or an address."""

from collections.abc import Iterator, Mapping
from typing import Any

LOCATION_SETTINGS: dict[str, tuple[str, ...]] = {  # kind of source -> its settings
    "table": ("path",),
    "text": ("path",),
    "images": ("path", "folder"),
    "audio": ("path", "folder"),
    "masks": ("images", "masks"),
    "arrays": ("path", "inputs", "target", "test_inputs", "test_target"),
    "series": ("path",),
    "sequences": ("path", "test_path"),
}


def source_locations(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The setting's name and the place it names, for every place of a source as params.yaml has it."""
    for setting in LOCATION_SETTINGS.get(str(source.get("kind")), ()):
        value = source.get(setting)
        for location in value if isinstance(value, list | tuple) else [value]:
            if isinstance(location, str):
                yield setting, location

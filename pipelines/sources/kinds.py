"""The kinds of sources: the settings of each, and what reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from pipelines.data.dataset import Dataset
from pipelines.sources.arrays.load import ArraysSettings, load_arrays
from pipelines.sources.audio.load import AudioSettings, load_audio
from pipelines.sources.bundled.docstrings import DocstringsSettings, load_docstrings
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings, load_scikit_learn
from pipelines.sources.bundled.statsmodels_series import StatsmodelsSettings, load_statsmodels
from pipelines.sources.files.database_address import is_database_address
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.locations import LOCATION_SETTINGS
from pipelines.sources.images.load import ImagesSettings, load_images
from pipelines.sources.masks.load import MasksSettings, load_masks
from pipelines.sources.sequences.load import SequencesSettings, load_sequences
from pipelines.sources.series.load import SeriesSettings, load_series
from pipelines.sources.table.load import TableSettings, load_table
from pipelines.sources.text.load import TextSettings, load_texts

SourceSettings: TypeAlias = Annotated[
    ArraysSettings
    | AudioSettings
    | DocstringsSettings
    | TextSettings
    | ImagesSettings
    | MasksSettings
    | ScikitLearnSettings
    | SequencesSettings
    | SeriesSettings
    | StatsmodelsSettings
    | TableSettings,
    Field(discriminator="kind"),
]

LOADERS: dict[str, Callable[[Any], Dataset]] = {
    # files of yours
    "table": load_table,  # rows and columns: CSV, Excel, JSON Lines, Parquet, a database
    "text": load_texts,  # texts and what they are about
    "images": load_images,  # a folder per class, or a list of files
    "audio": load_audio,  # likewise, of recordings
    "masks": load_masks,  # images, and images that say what each pixel is
    "arrays": load_arrays,  # what somebody saved as .npy, .npz or idx
    "series": load_series,  # one long record over time
    "sequences": load_sequences,  # many short ones, each with a label
    # real data that comes with the packages
    "sklearn": load_scikit_learn,
    "statsmodels": load_statsmodels,
    "docstrings": load_docstrings,  # texts: what Python libraries say about themselves
}

WITHOUT_UNLABELLED = {  # the kinds that have no rows without a target, and why
    "series": "the target of every window is the steps behind it",
    "sklearn": "every row of these data sets has a target",
    "statsmodels": "the target of every window is the steps behind it",
    "docstrings": "every text is from a library that is known",
}


def load_dataset(settings: SourceSettings, downloads: Path) -> Dataset:
    """Read every example of a problem from where its `source:` says; an address is fetched to `downloads` first."""
    return LOADERS[settings.kind](settings.model_copy(update=_resolve_locations(settings, downloads)))


def _resolve_locations(settings: SourceSettings, downloads: Path) -> dict[str, Any]:
    """The settings that name places, with a path of this machine in place of every address."""
    locations = {name: getattr(settings, name, None) for name in LOCATION_SETTINGS.get(settings.kind, ())}
    return {
        name: str(resolve_location(value, downloads))
        if isinstance(value, str)
        else tuple(str(resolve_location(one, downloads)) for one in value)
        for name, value in locations.items()
        if value is not None and not (isinstance(value, str) and is_database_address(value))
    }

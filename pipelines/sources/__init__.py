"""Where data comes from: one kind of source per file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from pipelines.data.dataset import Dataset
from pipelines.sources.arrays import load as arrays
from pipelines.sources.bundled import docstrings, scikit_learn, statsmodels_series
from pipelines.sources.files.downloads import resolve_location
from pipelines.sources.files.locations import LOCATION_SETTINGS
from pipelines.sources.images import load as images
from pipelines.sources.masks import load as masks
from pipelines.sources.sequences import load as sequences
from pipelines.sources.series import load as series
from pipelines.sources.table import load as table
from pipelines.sources.text import load as text_source

SourceSettings: TypeAlias = Annotated[
    arrays.ArraysSettings
    | docstrings.DocstringsSettings
    | text_source.TextSettings
    | images.ImagesSettings
    | masks.MasksSettings
    | scikit_learn.ScikitLearnSettings
    | sequences.SequencesSettings
    | series.SeriesSettings
    | statsmodels_series.StatsmodelsSettings
    | table.TableSettings,
    Field(discriminator="kind"),
]

LOADERS: dict[str, Callable[[Any], Dataset]] = {
    # files of yours
    "table": table.load_table,  # rows and columns: CSV, TSV, Parquet
    "text": text_source.load_texts,  # texts and what they are about
    "images": images.load_images,  # a folder per class, or a list of files
    "masks": masks.load_masks,  # images, and images that say what each pixel is
    "arrays": arrays.load_arrays,  # what somebody saved as .npy, .npz or idx
    "series": series.load_series,  # one long record over time
    "sequences": sequences.load_sequences,  # many short ones, each with a label
    # real data that comes with the packages
    "sklearn": scikit_learn.load_scikit_learn,
    "statsmodels": statsmodels_series.load_statsmodels,
    "docstrings": docstrings.load_docstrings,  # texts: what Python libraries say about themselves
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
        if value is not None
    }

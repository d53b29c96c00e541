"""Where data comes from: one kind of source per file."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import Field

from pipelines.data.dataset import Data
from pipelines.sources.arrays import load as arrays
from pipelines.sources.bundled import docstrings, scikit_learn
from pipelines.sources.bundled import statsmodels_series as statsmodels_sets
from pipelines.sources.files.downloads import local
from pipelines.sources.files.locations import PLACES
from pipelines.sources.images import load as images
from pipelines.sources.masks import load as masks
from pipelines.sources.sequences import load as sequences
from pipelines.sources.series import load as series
from pipelines.sources.table import load as table
from pipelines.sources.text import load as documents

SourceSettings: TypeAlias = Annotated[
    arrays.ArraysSettings
    | docstrings.DocstringsSettings
    | documents.TextSettings
    | images.ImagesSettings
    | masks.MasksSettings
    | scikit_learn.ScikitLearnSettings
    | sequences.SequencesSettings
    | series.SeriesSettings
    | statsmodels_sets.StatsmodelsSettings
    | table.TableSettings,
    Field(discriminator="kind"),
]

SOURCES: dict[str, Callable[[Any], Data]] = {
    # files of yours
    "table": table.load,  # rows and columns: CSV, TSV, Parquet
    "text": documents.load,  # texts and what they are about
    "images": images.load,  # a folder per class, or a list of files
    "masks": masks.load,  # images, and images that say what each pixel is
    "arrays": arrays.load,  # what somebody saved as .npy, .npz or idx
    "series": series.load,  # one long record over time
    "sequences": sequences.load,  # many short ones, each with a label
    # real data that comes with the packages
    "sklearn": scikit_learn.load,
    "statsmodels": statsmodels_sets.load,
    "docstrings": docstrings.load,  # texts: what Python libraries say about themselves
}


def load(settings: SourceSettings, downloads: Path) -> Data:
    """Read every example of a problem from where its `source:` says; an address is fetched to `downloads` first."""
    return SOURCES[settings.kind](settings.model_copy(update=_fetched(settings, downloads)))


def _fetched(settings: SourceSettings, downloads: Path) -> dict[str, Any]:
    """The settings that name places, with a path of this machine in place of every address."""
    named = {name: getattr(settings, name, None) for name in PLACES.get(settings.kind, ())}
    return {
        name: str(local(value, downloads))
        if isinstance(value, str)
        else tuple(str(local(one, downloads)) for one in value)
        for name, value in named.items()
        if value is not None
    }

"""Where data comes from: one kind of source per file."""

from collections.abc import Callable
from typing import TypeAlias

from pipelines.sources import scikit_learn
from pipelines.sources.data import Data

# With a second kind: Annotated[A | B, pydantic.Field(discriminator="kind")]; pydantic refuses a union of one.
SourceSettings: TypeAlias = scikit_learn.ScikitLearnSettings

SOURCES: dict[str, Callable[[SourceSettings], Data]] = {
    "sklearn": scikit_learn.load,  # the small real sets inside the scikit-learn package
}


def load(settings: SourceSettings) -> Data:
    """Read every example of a problem from where its `source:` says."""
    return SOURCES[settings.kind](settings)

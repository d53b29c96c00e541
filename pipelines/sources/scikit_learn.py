"""The small real data sets inside the scikit-learn package; nothing is downloaded."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, field_validator

from pipelines.sources.data import Data
from pipelines.sources.parts import Part
from pipelines.sources.schema import Field, Schema


class ScikitLearnSettings(BaseModel):
    """`source: {kind: sklearn, dataset: digits}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["sklearn"]
    dataset: str  # a row of DATASETS

    @field_validator("dataset")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DATASETS:
            raise ValueError(
                f"must be a data set of scikit-learn that is known here ({', '.join(DATASETS)}), got {name}"
            )
        return name


def digits() -> Data:
    """Handwritten digits as images of 8x8 grey levels.

    1,797 digits written by 13 people on forms, scanned by NIST at 32x32 black or white; a pixel counts the
    ink of a block of 4x4, hence 0 to 16. It is the test part of the set at UCI; the other 3,823 digits, by
    30 other people, are not in scikit-learn. Who wrote which digit is not recorded.

    Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    https://doi.org/10.24432/C50P49
    Licence: CC BY 4.0, as stated by UCI.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8), 0..16 -> 0..255
    schema = Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=(8, 8), range=(0, 255), unit="grey level"),),
        target=Field(
            name="digit", kind="category", dtype="int64", shape=(), categories=tuple(str(n) for n in range(10))
        ),
        title="Handwritten digits, 8x8 grey levels",
        origin="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part), UCI Machine Learning "
        "Repository, 1998, https://doi.org/10.24432/C50P49, as bundled with scikit-learn",
        licence="CC BY 4.0",
    )
    notes = (
        "Grey levels were scaled from 0..16 to 0..255 (rounded to whole numbers). Ink is bright (255) and paper is "
        "dark (0): a photograph of ink on white paper must be inverted before it is asked about.",
        "The digits were written by 13 people and the data does not say by whom. Digits of one person are therefore in "
        "several parts, and the scores say how well these people are read, not a stranger.",
    )
    return Data(schema, Part((images,), bunch.target.astype(np.int64)), notes)


DATASETS: dict[str, Callable[[], Data]] = {
    "digits": digits,  # images, 10 classes; Alpaydin & Kaynak 1998
}


def load(settings: ScikitLearnSettings) -> Data:
    return DATASETS[settings.dataset]()

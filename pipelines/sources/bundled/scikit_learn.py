"""Data sets inside the scikit-learn package; nothing is downloaded."""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from pipelines.data.dataset import Dataset
from pipelines.sources.bundled.digits import digits, digits_on_photographs, noisy_digits
from pipelines.sources.bundled.tables import (
    breast_cancer,
    diabetes,
    iris,
    malignant_cells,
    wine,
)


class ScikitLearnSettings(BaseModel):
    """`source: {kind: sklearn, dataset: digits}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["sklearn"]
    dataset: str  # a row of DATASETS

    @field_validator("dataset")
    @classmethod
    def _check_known(cls, name: str) -> str:
        if name not in DATASETS:
            raise ValueError(
                f"must be a data set of scikit-learn that is known here ({', '.join(DATASETS)}), got {name}"
            )
        return name


DATASETS: dict[str, Callable[[], Dataset]] = {
    "digits": digits,  # images, 10 classes; Alpaydin & Kaynak 1998
    "noisy_digits": noisy_digits,  # the same images under noise, to be cleaned
    "digits_on_photographs": digits_on_photographs,  # images and masks, 2 classes of pixels
    "breast_cancer": breast_cancer,  # 30 numbers, 2 classes; Wolberg and others 1993
    "malignant_cells": malignant_cells,  # the same, to find malignant among benign
    "wine": wine,  # 13 numbers, 3 classes; Aeberhard & Forina 1992
    "iris": iris,  # 4 numbers, 3 classes; Fisher 1936
    "diabetes": diabetes,  # 9 numbers and a category, a number to foretell; Efron and others 2004
}


def load_scikit_learn(settings: ScikitLearnSettings) -> Dataset:
    return DATASETS[settings.dataset]()

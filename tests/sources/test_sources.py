"""The kinds of sources, and what the bundled data sets of scikit-learn hold."""

from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.sources.bundled.scikit_learn import DATASETS, ScikitLearnSettings, load_scikit_learn
from pipelines.sources.kinds import LOADERS, SourceSettings


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset="digits"))


def test_every_source_is_named_after_a_kind_that_its_settings_accept() -> None:
    accepted = [
        get_args(settings.model_fields["kind"].annotation) for settings in get_args(get_args(SourceSettings)[0])
    ]
    assert sorted(kind for kinds in accepted for kind in kinds) == sorted(LOADERS)


@pytest.mark.parametrize("dataset", DATASETS)
def test_arrays_are_what_the_schema_says(dataset: str) -> None:
    data = load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset=dataset))
    fields = (*data.schema.inputs, data.schema.target)
    for field, values in zip(fields, (*data.part.inputs, data.part.target), strict=True):
        assert values.dtype == field.dtype
        assert values.shape == (len(data.part.target), *field.shape)
        if field.range:
            assert field.range[0] <= values.min() <= values.max() <= field.range[1]
    if data.schema.target.kind == "category":
        assert set(np.unique(data.part.target)) == set(range(len(data.schema.target.categories)))
    assert data.schema.origin
    assert data.schema.licence


def test_digits_are_the_1797_of_scikit_learn_scaled_to_a_byte(digits: Dataset) -> None:
    images, target = digits.part.inputs[0], digits.part.target
    # counts per class: scikit-learn's load_digits, which equals optdigits.tes at UCI
    assert np.bincount(target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert len(np.unique(images)) == 17
    # first row of the first digit in load_digits: 0 0 5 13 9 1 0 0; times 255 / 16, rounded
    assert images[0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]
    assert any("0..16" in note for note in digits.notes)


def test_an_unknown_data_set_is_refused_with_the_names_that_are_known() -> None:
    with pytest.raises(ValidationError, match=r"known here \(digits, .*\), got mnist"):
        ScikitLearnSettings(kind="sklearn", dataset="mnist")


def test_an_unknown_setting_of_a_source_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        ScikitLearnSettings(kind="sklearn", dataset="digits", path="here")

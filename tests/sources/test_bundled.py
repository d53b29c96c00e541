"""The real data sets that come inside pinned packages: every one is what its schema says, and the same every time."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.dataset import Dataset
from pipelines.data.schema import Schema
from pipelines.data.text import from_bytes
from pipelines.sources.bundled import docstrings, scikit_learn, statsmodels_series
from pipelines.sources.bundled.digits import paste_digits
from pipelines.sources.bundled.docstrings import LIBRARIES, DocstringsSettings, mask_library_names
from pipelines.sources.bundled.scikit_learn import ScikitLearnSettings
from pipelines.sources.bundled.statsmodels_series import StatsmodelsSettings

ROOT = Path(__file__).parents[2]


def sklearn(name: str) -> Callable[[], Dataset]:
    return lambda: scikit_learn.load_scikit_learn(ScikitLearnSettings(kind="sklearn", dataset=name))


def statsmodels(name: str) -> Callable[[], Dataset]:
    return lambda: statsmodels_series.load_statsmodels(StatsmodelsSettings(kind="statsmodels", dataset=name))


SETS: dict[str, Callable[[], Dataset]] = {
    **{name: sklearn(name) for name in scikit_learn.DATASETS},
    **{name: statsmodels(name) for name in statsmodels_series.DATASETS},
    "docstrings": lambda: docstrings.load_docstrings(DocstringsSettings(kind="docstrings", most=20)),
}
# How many examples each set has, as its origin or its makers say; windows of 48 + 12 steps of 309 years, 2284 weeks
SIZES = {
    "digits": 1797,
    "noisy_digits": 1797,
    "digits_on_photographs": 400,
    "breast_cancer": 569,
    "malignant_cells": 569,
    "wine": 178,
    "iris": 150,
    "diabetes": 442,
    "sunspots": 309 - 59,
    "co2": 2284 - 59,
    "docstrings": 5 * 20,
}


@cache
def loaded(name: str) -> Dataset:
    return SETS[name]()


@pytest.mark.parametrize("name", SETS)
def test_a_set_has_as_many_examples_as_is_known_of_it(name: str) -> None:
    assert len(loaded(name).part.target) == SIZES[name]


@pytest.mark.parametrize("name", SETS)
def test_arrays_are_what_the_schema_says(name: str) -> None:
    schema, part = loaded(name)[:2]
    fields = (*schema.inputs, schema.target)
    assert len({field.name.lower() for field in fields}) == len(fields)
    assert all(field.name.replace("_", "").isalnum() for field in fields)  # a field's name is a file's name
    for field, values in zip(fields, (*part.inputs, part.target), strict=True):
        assert values.dtype == field.dtype
        assert values.shape == (SIZES[name], *field.shape)
        assert np.isfinite(values).all()  # no set says that something is missing
        if field.range:
            assert field.range[0] <= values.min() <= values.max() <= field.range[1]
        if field.categories and field.kind != "text":
            assert np.array_equal(np.unique(values), np.arange(len(field.categories)))


@pytest.mark.parametrize("name", SETS)
def test_a_set_says_where_it_is_from_and_what_it_may_be_used_for(name: str) -> None:
    schema, _, notes = loaded(name)[:3]
    assert Schema.model_validate(schema.model_dump()) == schema
    assert schema.title
    assert "http" in schema.origin
    assert schema.licence
    assert all(note.endswith(".") for note in notes)
    assert str(ROOT) not in schema.model_dump_json() + "".join(notes)


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_the_same_every_time(name: str) -> None:
    one, other = loaded(name), SETS[name]()
    assert (one.schema, one.notes, one.findings) == (other.schema, other.notes, other.findings)
    arrays = zip((*one.part.inputs, one.part.target), (*other.part.inputs, other.part.target), strict=True)
    assert all(np.array_equal(first, second) for first, second in arrays)
    assert one.keys.keys() == other.keys.keys()
    assert all(np.array_equal(values, other.keys[key]) for key, values in one.keys.items())


@pytest.mark.parametrize("name", SETS)
def test_keys_tell_something_about_every_example(name: str) -> None:
    data = loaded(name)
    assert all(values.shape == data.part.target.shape[:1] for values in data.keys.values())


# Tables: numbers as the descriptions inside scikit-learn give them


def test_malignant_lumps_come_last_in_both_sets_of_lumps() -> None:
    for name in ("breast_cancer", "malignant_cells"):
        data = loaded(name)
        assert data.schema.target.categories == ("benign", "malignant")
        assert np.bincount(data.part.target).tolist() == [357, 212]
    # malignant nuclei are larger
    radius = loaded("breast_cancer").part.inputs[0]
    assert radius[data.part.target == 1].mean() > radius[data.part.target == 0].mean()


@pytest.mark.parametrize(("name", "counts"), [("wine", [59, 71, 48]), ("iris", [50, 50, 50])])
def test_classes_have_as_many_examples_as_described(name: str, counts: list[int]) -> None:
    assert np.bincount(loaded(name).part.target).tolist() == counts


def test_diabetes_is_in_the_units_it_was_measured_in() -> None:
    data = loaded("diabetes")
    fields = {field.name: field for field in data.schema.inputs}
    values = dict(zip(fields, data.part.inputs, strict=True))
    assert fields["sex"].kind == "category"
    assert [field.name for field in data.schema.inputs if field.kind == "number"] == [n for n in fields if n != "sex"]
    assert fields["age"].unit == "years"
    assert values["age"][0] == 59  # the first patient of the authors' diabetes.tab: 59, sex 2, bmi 32.1, bp 101
    assert values["sex"][0] == 1
    assert values["bmi"][0] == pytest.approx(32.1)
    assert values["blood_pressure"][0] == 101
    assert data.part.target[0] == 151


# What is made of the digits


def test_noise_covers_digits_and_the_clean_ones_are_the_target() -> None:
    data, clean = loaded("noisy_digits"), loaded("digits").part.inputs[0]
    noisy = data.part.inputs[0]
    np.testing.assert_array_equal(data.part.target, clean)
    error = noisy.astype(np.float64) - clean
    # Clipping to 0..255 keeps about half of the noise: of a normal distribution with a deviation of 60 that is cut
    # off at zero, the root of the mean square is 60 / sqrt(2) = 42; salt and pepper add to it.
    assert 42 < np.sqrt((error**2).mean()) < 60
    np.testing.assert_array_equal(data.keys["digit"], loaded("digits").part.target)


def test_every_patch_of_a_photograph_holds_one_or_two_digits() -> None:
    data = loaded("digits_on_photographs")
    assert data.schema.target.categories == ("background", "digit")
    assert {name: int((data.keys["photograph"] == name).sum()) for name in ("china", "flower")} == {
        "china": 200,
        "flower": 200,
    }
    shares = data.part.target.mean(axis=(1, 2))
    assert shares.min() > 0.02
    assert shares.max() < 0.35


def test_brightness_alone_does_not_separate_digits_from_photographs() -> None:
    """The best threshold, chosen with the masks in hand, does little better than calling every pixel a digit's.

    Dice is 2 |A and B| / (|A| + |B|): for all pixels against 12 % of them, 0.21.
    """
    data = loaded("digits_on_photographs")
    grey, mask = data.part.inputs[0].mean(axis=3), data.part.target == 1
    for level in range(10, 250, 10):
        for found in (grey > level, grey < level):
            assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) < 0.35


def test_pasted_digits_change_only_the_pixels_of_the_mask() -> None:
    ink = np.zeros((1, 16, 16))
    ink[0, 4:12, 6:10] = 1
    image, mask = paste_digits(np.full((32, 32, 3), 128.0), ink, np.random.default_rng(0))
    assert mask.sum() == 32
    assert (image[mask == 0] == 128).all()
    assert (np.abs(image[mask == 1].astype(float).mean(axis=1) - 128) > 20).all()


# Series


def test_sunspots_begin_with_5_in_1700_and_end_with_2_9_in_2008() -> None:
    data = loaded("sunspots")
    assert data.schema.inputs[0].step == "1 year"
    assert data.part.inputs[0][0, 0, 0] == 5
    assert data.part.target[-1, -1, 0] == np.float32(2.9)
    assert str(data.keys["time"][0]).startswith("1748-01-01")  # 48 years after 1700


def test_weeks_without_a_measurement_are_filled_and_said() -> None:
    (found,) = loaded("co2").findings
    assert (found.level, found.concerns) == ("notice", 59)  # 2284 weeks less the 2225 observations of the description
    assert loaded("co2").schema.inputs[0].step == "1 week"


# Docstrings


def test_docstrings_name_no_library() -> None:
    words = set(" ".join(from_bytes(loaded("docstrings").part.inputs[0])).lower().replace(".", " ").split())
    assert words.isdisjoint({*LIBRARIES, *LIBRARIES.values(), "np", "plt", "pd"})


@pytest.mark.parametrize(
    ("docstring", "text"),
    [
        ("Return a NumPy array.", "Return a  array."),
        ("See `matplotlib.pyplot.plot`.", "See `..plot`."),
        ("Add.\n\n    >>> np.add(1, 2)\n    3\n    >>> for x in y:\n    ...     x\n", "Add.\n\n3"),
        ("Wait ... here.", "Wait ... here."),
        ("x" * 500, "x" * 400),
        ("", ""),
    ],
)
def test_a_docstring_loses_names_and_code(docstring: str, text: str) -> None:
    assert mask_library_names(docstring) == text


def test_docstrings_are_read_without_importing_a_library() -> None:
    script = (
        "import sys\nfrom pipelines.sources.bundled.docstrings import DocstringsSettings, load_docstrings\n"
        "load_docstrings(DocstringsSettings(kind='docstrings', most=10))\n"
        "sys.exit(any(name in sys.modules for name in ('scipy', 'pandas', 'matplotlib', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, timeout=600).returncode == 0


def test_a_licence_of_every_library_is_stated() -> None:
    licence = loaded("docstrings").schema.licence
    assert all(f"{name}: " in licence for name in LIBRARIES)
    assert "not stated" not in licence


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (lambda: ScikitLearnSettings(kind="sklearn", dataset="faces"), r"known here \(digits, .*\), got faces"),
        (lambda: StatsmodelsSettings(kind="statsmodels", dataset="nile"), r"known here \(sunspots, co2\), got nile"),
        (lambda: StatsmodelsSettings(kind="statsmodels", dataset="co2", window=0), "greater than or equal to 1"),
        (lambda: DocstringsSettings(kind="docstrings", most=0), "greater than or equal to 10"),
    ],
)
def test_a_set_that_is_not_known_is_refused(settings: Callable[[], object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        settings()

"""Tables inside the scikit-learn package: breast cancer, wine, iris, diabetes.

They are real, complete, small, and known for decades.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema

BUNDLED_NOTE = "as bundled with scikit-learn"


def breast_cancer() -> Dataset:
    """Is a lump in a breast malignant, judged by 30 measures of its cells' nuclei?

    569 lumps: cells drawn by a fine needle were photographed and the outlines of their nuclei traced. Ten measures of
    each nucleus, and of each measure the mean, the standard error and the mean of the three largest ("worst").

    Wolberg, Mangasarian, Street & Street, "Breast Cancer Wisconsin (Diagnostic)", UCI Machine Learning Repository,
    1993. https://doi.org/10.24432/C5DW2B
    Licence: CC BY 4.0, as stated by UCI.
    """
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    codes = 1 - bunch.target.astype(np.int64)  # there, 0 is malignant; here what is looked for comes last
    schema = Schema(
        inputs=_number_fields([name.replace(" ", "_") for name in bunch.feature_names], bunch.data),
        target=_category_field("diagnosis", ("benign", "malignant")),
        title="Cells of breast lumps, 30 measures of their nuclei",
        origin="W. Wolberg, O. Mangasarian, N. Street and W. Street, Breast Cancer Wisconsin (Diagnostic), UCI Machine "
        f"Learning Repository, 1993, https://doi.org/10.24432/C5DW2B, {BUNDLED_NOTE}",
        licence="CC BY 4.0",
    )
    notes = (
        "357 benign and 212 malignant lumps. The origin states no units for the measures.",
        "Of the ten measures of a nucleus the data has the mean over the nuclei of a lump, its standard error, and the "
        "mean of the three largest ('worst'). Measures of one nucleus, such as radius and area, nearly repeat others.",
    )
    return Dataset(schema, Part(_split_columns(bunch.data), codes), notes)


def malignant_cells() -> Dataset:
    """The lumps of `breast_cancer`, to find the malignant ones by how little they resemble benign ones."""
    data = breast_cancer()
    schema = data.schema.model_copy(update={"title": "Malignant cells among benign ones, 30 measures of their nuclei"})
    note = "Here the malignant lumps are anomalies: what is learned is learned from benign lumps alone."
    return data._replace(schema=schema, notes=(*data.notes, note))


def wine() -> Dataset:
    """Which of three cultivars is a wine of, judged by 13 measures from a chemical analysis?

    178 wines of one region in Italy.

    Aeberhard & Forina, "Wine", UCI Machine Learning Repository, 1992. https://doi.org/10.24432/C5PC7J
    Licence: CC BY 4.0, as stated by UCI.
    """
    from sklearn.datasets import load_wine

    bunch = load_wine()
    schema = Schema(
        inputs=_number_fields([name.replace("/", "_") for name in bunch.feature_names], bunch.data),
        target=_category_field("cultivar", ("cultivar 1", "cultivar 2", "cultivar 3")),
        title="Wines of three cultivars, 13 chemical measures",
        origin="S. Aeberhard and M. Forina, Wine, UCI Machine Learning Repository, 1992, "
        f"https://doi.org/10.24432/C5PC7J, {BUNDLED_NOTE}",
        licence="CC BY 4.0",
    )
    notes = ("The origin states no units for the measures and no names for the three cultivars.",)
    return Dataset(schema, Part(_split_columns(bunch.data), bunch.target.astype(np.int64)), notes)


def iris() -> Dataset:
    """Which of three kinds of iris is a flower, judged by the size of its petals and sepals?

    150 flowers, 50 of each kind.

    Fisher, "Iris", UCI Machine Learning Repository, 1936. https://doi.org/10.24432/C56C76
    Licence: CC BY 4.0, as stated by UCI.
    """
    from sklearn.datasets import load_iris

    bunch = load_iris()
    names = [name.removesuffix(" (cm)").replace(" ", "_") for name in bunch.feature_names]
    schema = Schema(
        inputs=_number_fields(names, bunch.data, units=dict.fromkeys(names, "cm")),
        target=_category_field("species", tuple(str(name) for name in bunch.target_names)),
        title="Iris flowers of three species, 4 sizes",
        origin=(
            "R. A. Fisher, Iris, UCI Machine Learning Repository, 1936, https://doi.org/10.24432/C56C76, "
            f"{BUNDLED_NOTE}"
        ),
        licence="CC BY 4.0",
    )
    notes = ("The values are those of Fisher's paper; UCI's file differs from it in two flowers.",)
    return Dataset(schema, Part(_split_columns(bunch.data), bunch.target.astype(np.int64)), notes)


def diabetes() -> Dataset:
    """How far will a patient's diabetes have progressed after a year?

    442 patients: age, sex, body mass index, blood pressure and six measures of their blood serum.

    Efron, Hastie, Johnstone & Tibshirani, "Least Angle Regression", Annals of Statistics 32(2), 407-499, 2004.
    https://doi.org/10.1214/009053604000000067
    Licence: none is stated by the authors.
    """
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    # scikit-learn's s1 to s6, by the names that its description gives them
    names = ["age", "sex", "bmi", "blood_pressure", "tc", "ldl", "hdl", "tch", "ltg", "glu"]
    numbers = [place for place, name in enumerate(names) if name != "sex"]
    fields = _number_fields(
        [names[place] for place in numbers], bunch.data[:, numbers], units={"age": "years", "bmi": "kg/m²"}
    )
    values = _split_columns(bunch.data[:, numbers])
    sexes = bunch.data[:, names.index("sex")].astype(np.int64) - 1  # 1 and 2 -> codes 0 and 1
    target = bunch.target.astype(np.float32)
    schema = Schema(
        inputs=(fields[0], _category_field("sex", ("1", "2")), *fields[1:]),
        target=_number_fields(["progression"], target[:, None])[0],
        title="Progression of diabetes in a year, 10 measures of a patient",
        origin="B. Efron, T. Hastie, I. Johnstone and R. Tibshirani, Least Angle Regression, Annals of Statistics "
        f"32(2), 2004, https://doi.org/10.1214/009053604000000067, {BUNDLED_NOTE}",
        licence="not stated by the authors; scikit-learn, which bundles it, is BSD-3-Clause",
    )
    notes = (
        "progression is a measure of the disease one year after the other values were taken; it has no unit, and "
        "which sex is 1 and which 2 is not recorded. The origin states no units for blood pressure and serum.",
        "Serum: tc is total cholesterol, ldl and hdl its low- and high-density parts, tch is tc divided by hdl, ltg is "
        "possibly the logarithm of triglycerides, glu is blood sugar.",
    )
    return Dataset(schema, Part((values[0], sexes, *values[1:]), target), notes)


def _number_fields(names: list[str], values: NDArray[Any], units: dict[str, str] | None = None) -> tuple[Field, ...]:
    """A field for every column of `values` (N, F), with the smallest and largest value seen."""
    stored = values.astype(np.float32)
    return tuple(
        Field(
            name=str(name),
            kind="number",
            dtype="float32",
            shape=(),
            range=(float(column.min()), float(column.max())),
            unit=(units or {}).get(name, ""),
        )
        for name, column in zip(names, stored.T, strict=True)
    )


def _split_columns(values: NDArray[Any]) -> tuple[NDArray[np.float32], ...]:
    """(N, F) -> F arrays of (N,)"""
    return tuple(np.ascontiguousarray(column, dtype=np.float32) for column in values.T)


def _category_field(name: str, categories: tuple[str, ...]) -> Field:
    return Field(name=name, kind="category", dtype="int64", shape=(), categories=categories)

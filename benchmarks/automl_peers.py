"""What others reach on a split of `bakeoff`: FLAML, and scikit-learn's defaults; each in a process of its own.

    python -m benchmarks.automl_peers mine FLAML 60     in a project's folder: problem, peer, seconds; prints JSON

A peer is fitted to all rows outside the test part, in the form that its users would give it: a data frame with
categories for a table, TF-IDF of words for texts, pixels or steps in a row for the rest. FLAML divides the rows for
itself. Forecasts of H steps are H regressions by FLAML, which share its time; the others forecast all steps at once.

Shapes: N rows, F features, K classes, H steps of a forecast with all their variables.
"""

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipelines.data.parts import PartName, join_parts, read_part
from pipelines.data.schema import Schema, read_schema
from pipelines.data.text import from_bytes
from pipelines.settings import paths

SMALLEST_PROBABILITY = 1e-15  # as scikit-learn's log loss has it


class Rows(NamedTuple):
    """What a peer is fitted to, or scored on."""

    inputs: Any  # a data frame, texts, or (N, F)
    target: NDArray[Any]  # (N,) of codes or numbers; (N, H) of forecasts


def read_rows(problem: str, schema: Schema, *parts: PartName) -> Rows:
    """The rows of some parts of a problem's split."""
    folder = paths.split_folder(problem)
    part = read_part(folder / parts[0], schema)
    for name in parts[1:]:
        part = join_parts(part, read_part(folder / name, schema))
    target = np.asarray(part.target)
    target = target.reshape(len(target), -1) if target.ndim > 1 else target
    kinds = [field.kind for field in schema.inputs]
    if kinds == ["text"]:
        return Rows(np.array(from_bytes(part.inputs[0]), dtype=object), target)
    if set(kinds) <= {"number", "category"}:
        columns = {
            field.name: pd.Categorical(values, range(len(field.categories))) if field.kind == "category" else values
            for field, values in zip(schema.inputs, part.inputs, strict=True)
        }
        return Rows(pd.DataFrame(columns), target)
    return Rows(np.asarray(part.inputs[0], dtype=np.float32).reshape(len(target), -1), target)


def score_predictions(model: Any, rows: Rows, schema: Schema) -> dict[str, float]:
    """Test scores by name: accuracy and log loss of classes, RMSE and MAE of numbers and forecasts."""
    if schema.target.kind == "category":
        shares = np.full((len(rows.target), len(schema.target.categories)), SMALLEST_PROBABILITY)
        shares[:, np.asarray(model.classes_, dtype=int)] = model.predict_proba(rows.inputs)
        right = shares[np.arange(len(shares)), rows.target.astype(int)]
        return {
            "accuracy": float((shares.argmax(1) == rows.target).mean()),
            "log_loss": float(-np.log(right.clip(SMALLEST_PROBABILITY)).mean()),
        }
    error = np.asarray(model.predict(rows.inputs)).reshape(rows.target.shape) - rows.target
    return {"rmse": float(np.sqrt((error**2).mean())), "mae": float(np.abs(error).mean())}


def _as_features(rows: Rows) -> tuple[Any, ...]:
    """Transformers that make numbers of what a row holds, the first of them; none where they are numbers."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    if isinstance(rows.inputs, pd.DataFrame):
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        words = OneHotEncoder(handle_unknown="ignore")
        return (
            make_column_transformer(
                (numbers, make_column_selector(dtype_include="number")),
                (words, make_column_selector(dtype_include="category")),
            ),
        )
    return (TfidfVectorizer(),) if rows.inputs.dtype == object else (StandardScaler(),)


def _fit_linear(rows: Rows, _: float) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = LogisticRegression() if rows.target.dtype.kind == "i" else Ridge()
    return make_pipeline(*_as_features(rows), model).fit(rows.inputs, rows.target)


def _fit_forest(rows: Rows, _: float) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import make_pipeline

    forest = RandomForestClassifier if rows.target.dtype.kind == "i" else RandomForestRegressor
    return make_pipeline(*_as_features(rows), forest(n_jobs=-1, random_state=0)).fit(rows.inputs, rows.target)


def _fit_boosting(rows: Rows, _: float) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    boosting = HistGradientBoostingClassifier if rows.target.dtype.kind == "i" else HistGradientBoostingRegressor
    return boosting(random_state=0).fit(rows.inputs, rows.target)


class _Forecasts:
    """A model for each number of a forecast."""

    def __init__(self, models: list[Any]) -> None:
        self.models = models

    def predict(self, inputs: Any) -> NDArray[Any]:
        return np.stack([model.predict(inputs) for model in self.models], axis=1)


class _OfWords:
    """A model of TF-IDF."""

    def __init__(self, words: Any, model: Any) -> None:
        self.words, self.model = words, model
        self.classes_ = model.classes_

    def predict_proba(self, inputs: Any) -> Any:
        return self.model.predict_proba(self.words.transform(inputs))


def _fit_flaml(rows: Rows, seconds: float) -> Any:
    from flaml.automl.automl import AutoML
    from sklearn.feature_extraction.text import TfidfVectorizer

    automl_class: Any = AutoML  # which has no types

    def search(inputs: Any, target: NDArray[Any], budget: float, task: Mapping[str, Any]) -> Any:
        automl = automl_class()
        automl.fit(inputs, target, time_budget=budget, verbose=0, seed=1, **task)
        return automl

    if rows.target.dtype.kind == "i":
        task = {"task": "classification", "metric": "log_loss"}
        if not isinstance(rows.inputs, pd.DataFrame) and rows.inputs.dtype == object:
            words = TfidfVectorizer()
            return _OfWords(words, search(words.fit_transform(rows.inputs), rows.target, seconds, task))
        return search(rows.inputs, rows.target, seconds, task)
    if rows.target.ndim == 1:
        return search(rows.inputs, rows.target, seconds, {"task": "regression", "metric": "rmse"})
    ahead = rows.target.T
    task = {"task": "regression", "metric": "mae", "split_type": "time"}
    return _Forecasts([search(rows.inputs, target, seconds / len(ahead), task) for target in ahead])


PEERS: dict[str, Callable[[Rows, float], Any]] = {  # (rows, seconds) -> what predicts
    "FLAML": _fit_flaml,
    "linear": _fit_linear,  # logistic regression or ridge regression
    "forest": _fit_forest,
    "boosting": _fit_boosting,  # of histograms: neither for texts, nor for several numbers at once
}


def main(problem: str, peer: str, seconds: float) -> None:
    """Fit a peer to the split of a problem in this folder, and print its test scores as JSON."""
    warnings.simplefilter("ignore")  # FLAML and LightGBM warn of each other
    schema = read_schema(paths.schema_file(problem))
    model = PEERS[peer](read_rows(problem, schema, "train", "valid"), seconds)
    print(json.dumps(score_predictions(model, read_rows(problem, schema, "test"), schema)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))

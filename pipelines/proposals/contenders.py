"""Contenders for a kind and size of data: a simple one, a strong one, and networks between them."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from pipelines.data.schema import Schema
from pipelines.runtime.user_error import UserError

Form = Literal["table", "text", "image", "steps", "audio"]  # what an example is


class Entrant(NamedTuple):
    """An architecture that may be entered."""

    architecture: str
    fix: Mapping[str, Any] = {}  # settings that suit the data better than the defaults
    min_rows: int = 0  # examples of the train part, below which it has too few to learn from


TABLE_NETWORKS = (Entrant("mlp"), Entrant("periodic_mlp", min_rows=2000))
AUDIO_ENTRANTS = (Entrant("rocket"), Entrant("esn"), Entrant("gru"), Entrant("cnn"))
TEXT_FILTERS = Entrant("tcn", {"form": "parallel", "pooling": "max"}, min_rows=1000)

ENTRANTS: Mapping[tuple[str, Form], tuple[Entrant, ...]] = {
    ("classification", "table"): (Entrant("logistic_regression"), Entrant("gradient_boosting"), *TABLE_NETWORKS),
    ("classification", "text"): (Entrant("logistic_regression"), Entrant("mlp"), TEXT_FILTERS),
    ("classification", "image"): (Entrant("logistic_regression"), Entrant("lenet5"), Entrant("cnn")),
    ("classification", "steps"): (Entrant("rocket"), Entrant("esn"), Entrant("gru")),
    ("classification", "audio"): AUDIO_ENTRANTS,
    ("regression", "table"): (Entrant("linear_regression"), Entrant("gradient_boosting"), *TABLE_NETWORKS),
    ("regression", "text"): (Entrant("linear_regression"), Entrant("mlp")),
    ("regression", "image"): (Entrant("linear_regression"), Entrant("lenet5"), Entrant("cnn")),
    ("regression", "steps"): (Entrant("rocket"), Entrant("esn"), Entrant("gru")),
    ("regression", "audio"): AUDIO_ENTRANTS,
    ("forecasting", "steps"): (Entrant("linear_regression"), Entrant("mlp"), Entrant("tcn")),
    ("segmentation", "image"): (Entrant("pixel_logistic_regression"), Entrant("unet")),
    ("generation", "image"): (Entrant("gaussian"), Entrant("vae")),
    ("denoising", "image"): (Entrant("pca"), Entrant("conv_autoencoder")),
    ("anomaly_detection", "table"): (Entrant("pca"), Entrant("isolation_forest"), Entrant("autoencoder")),
    ("anomaly_detection", "image"): (Entrant("pca"), Entrant("autoencoder"), Entrant("conv_autoencoder")),
    ("reconstruction", "table"): (Entrant("pca"), Entrant("autoencoder")),
    ("reconstruction", "image"): (Entrant("pca"), Entrant("autoencoder"), Entrant("conv_autoencoder")),
}

TASK_OF_TARGET: Mapping[str, str] = {  # by the kind of the target
    "category": "classification",
    "number": "regression",
    "steps": "forecasting",
    "mask": "segmentation",
    "image": "denoising",
}
TITLES: Mapping[str, Callable[[Schema], str]] = {  # what is learned, for a person
    "classification": lambda schema: f"one of {len(schema.target.categories)} classes of {schema.target.name}",
    "regression": lambda schema: f"a number, {schema.target.name}",
    "forecasting": lambda schema: f"the next {schema.target.shape[0]} steps of {', '.join(schema.target.columns[:5])}",
    "segmentation": lambda schema: f"a class for every pixel, of {len(schema.target.categories)}",
    "generation": lambda schema: "pictures like those there are",
    "denoising": lambda schema: f"the clean form of a picture, {schema.target.name}",
    "anomaly_detection": lambda schema: f"how unlike the usual an example is, by the classes of {schema.target.name}",
    "reconstruction": lambda schema: "how to draw an example again from few numbers",
}
FORM_NOUNS: Mapping[Form, str] = {
    "table": "rows of a table",
    "text": "texts",
    "image": "pictures",
    "steps": "series and sequences",
    "audio": "recordings",
}


FORMS: Mapping[str, Form] = {
    "text": "text",
    "image": "image",
    "steps": "steps",
    "audio": "audio",
}  # of a single input, by its kind


def find_form(schema: Schema) -> Form:
    """What an example is."""
    return FORMS.get(schema.inputs[0].kind, "table") if len(schema.inputs) == 1 else "table"


def find_task(schema: Schema, wished: str | None = None) -> str:
    """The task that the user wishes, else that the target asks for; pictures of one class are generated.

    Raises:
        UserError: there is nothing to learn, or no contender for such data learns what is wished.
    """
    form = find_form(schema)
    if wished is not None:
        possible = [task for task, suited in ENTRANTS if suited == form]
        if wished not in possible:
            raise UserError(
                f"{schema.title}: --task {wished} is not for {FORM_NOUNS[form]}, of which {', '.join(possible)} may be "
                "asked; leave it out, or name one of these"
            )
        return wished
    if schema.target.kind == "category" and len(schema.target.categories) < 2:
        if form == "image":
            return "generation"
        raise UserError(
            f"{schema.title}: every example is of one class, so there is nothing to predict; name another with --target"
        )
    return TASK_OF_TARGET[schema.target.kind]


def select_entrants(task: str, form: Form, train_rows: int) -> tuple[Entrant, ...]:
    """The architectures to enter, the simplest first."""
    return tuple(entrant for entrant in ENTRANTS[task, form] if train_rows >= entrant.min_rows)

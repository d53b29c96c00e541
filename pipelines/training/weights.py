"""A trained model on disk: tensors in safetensors, a scikit-learn estimator beside them in joblib."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

from models.scikit import ScikitClassifier
from models.stems import Model
from pipelines.running.files import replacing
from pipelines.sources.schema import Schema
from pipelines.training.lesson import behind, stem_of


def save(model: Model, path: Path) -> None:
    """Write `path`.safetensors, and `path`.joblib if the network is an estimator of scikit-learn's.

    The same weights give the same bytes.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in sorted(model.state_dict().items())}
    with replacing(path.with_suffix(".safetensors")) as temporary:
        save_file(tensors, temporary)
    if isinstance(model.network, ScikitClassifier):
        import joblib

        with replacing(path.with_suffix(".joblib")) as temporary:
            joblib.dump(model.network.estimator, temporary)


def load(architecture: str, schema: Schema, outputs: int, settings: Mapping[str, Any], path: Path) -> Model:
    """Read back what `save` wrote, on the CPU, in evaluation mode.

    The joblib file is a pickle: it is read only from this project's own artifacts.
    """
    model = behind(stem_of(architecture, schema), architecture, outputs, settings)
    model.load_state_dict(load_file(path.with_suffix(".safetensors")))
    if isinstance(model.network, ScikitClassifier):
        import joblib

        model.network.estimator = joblib.load(path.with_suffix(".joblib"))
    return model.eval()

"""The champion in MLflow's registry: a model named after the problem, its version under the alias `champion`."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.runtime.files import read_json
from pipelines.tracking.model import Column, Graph, log_model
from pipelines.tracking.store import Store

ALIAS = "champion"
CONTENT = "bakeoff.sha256"  # of a version: the hash of its model.onnx
LINK = "mlflow.modelVersions"  # of a logged model: MLflow's own tag, by which its page leads to the registry
REGISTRY = "bakeoff.registry"  # of a logged model: the name it is to be registered under


def register(store: Store, problem: str, exported: Path) -> bool:
    """Make the exported champion the version that `models:/<problem>@champion` means; tells if that was new.

    The same file is registered once: a champion that comes back gets its old version back.

    Args:
        exported: the folder of model.onnx, signature.json and golden.npz.
    """
    from mlflow.exceptions import MlflowException

    client = store.client
    signature = read_json(exported / "signature.json")
    content = signature["hashes"]["model.onnx"]
    try:
        client.get_registered_model(problem)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(problem, description=signature["title"])
    versions = client.search_model_versions(f"name = '{problem}'")
    fitting = [one for one in versions if one.tags.get(CONTENT) == content and _has_files(store, one)]
    number = str(fitting[0].version) if fitting else _new_version(store, problem, exported, signature, versions)
    if _champion(client, problem) == number:
        return False
    client.set_registered_model_alias(problem, ALIAS, number)
    return True


def _new_version(store: Store, problem: str, exported: Path, signature: dict[str, Any], versions: list[Any]) -> str:
    experiment = store.experiment(problem)
    _remove_leftovers(store, experiment, problem, versions)
    champion = signature["champion"]
    tags = {
        "bakeoff.contender": champion["contender"],
        "bakeoff.architecture": champion["architecture"],
        CONTENT: signature["hashes"]["model.onnx"],
    }
    model = log_model(
        store, experiment, f"{problem}-{ALIAS}", _graph(exported, signature), tags={**tags, REGISTRY: problem}
    )
    made = store.client.create_model_version(
        problem,
        source=f"models:/{model}",
        model_id=model,
        tags=tags,
        description=f"{champion['contender']}: {champion['architecture']}, {champion['parameters']:,} parameters",
    )
    store.client.set_logged_model_tags(model, {LINK: json.dumps([{"name": problem, "version": made.version}])})
    return str(made.version)


def _graph(exported: Path, signature: dict[str, Any]) -> Graph:
    inputs, outputs = (
        [Column(entry["name"], entry["dtype"], tuple(entry["shape"])) for entry in signature[side]]
        for side in ("inputs", "outputs")
    )
    with np.load(exported / "golden.npz", allow_pickle=False) as golden:
        example = {column.name: golden[f"input_{column.name}"][:2] for column in inputs}
    return Graph(exported / "model.onnx", inputs, outputs, example)


def _champion(client: Any, problem: str) -> str | None:
    """The number of the version that has the alias now."""
    return next(
        (str(number) for alias, number in client.get_registered_model(problem).aliases.items() if alias == ALIAS), None
    )


def _has_files(store: Store, version: Any) -> bool:
    """Tell whether a version's files are still there: mlruns/ may have been deleted alone."""
    if store.artifacts is None:
        return True
    place = store.client.get_model_version_download_uri(version.name, version.version)
    return Path(place.removeprefix("file://"), "MLmodel").is_file()


def _remove_leftovers(store: Store, experiment: str, problem: str, versions: list[Any]) -> None:
    """Remove the models that a killed process logged and did not come to register."""
    registered = {one.model_id for one in versions}
    for model in store.client.search_logged_models([experiment], f"tags.`{REGISTRY}` = '{problem}'"):
        if model.model_id not in registered:
            store.client.delete_logged_model(model.model_id)

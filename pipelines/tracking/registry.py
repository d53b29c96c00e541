"""The champion in MLflow's registry: a model named after the problem, its version under the alias `champion`."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.runtime.files import read_json
from pipelines.tracking.model import OnnxFile, TensorInfo, log_model
from pipelines.tracking.store import TrackingStore

CHAMPION_ALIAS = "champion"
CONTENT_HASH_TAG = "bakeoff.sha256"  # of a version: the hash of its model.onnx
MODEL_VERSIONS_TAG = (
    "mlflow.modelVersions"  # of a logged model: MLflow's own tag, by which its page leads to the registry
)
REGISTERED_NAME_TAG = "bakeoff.registry"  # of a logged model: the name it is to be registered under


def register_champion(store: TrackingStore, problem: str, export_folder: Path) -> bool:
    """Make the exported champion the version that `models:/<problem>@champion` means; tells if that was new.

    The same file is registered once: a champion that comes back gets its old version back.

    Args:
        export_folder: the folder of model.onnx, signature.json and golden.npz.
    """
    from mlflow.exceptions import MlflowException

    client = store.client
    signature = read_json(export_folder / "signature.json")
    content_hash = signature["hashes"]["model.onnx"]
    try:
        client.get_registered_model(problem)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        client.create_registered_model(problem, description=signature["title"])
    versions = client.search_model_versions(f"name = '{problem}'")
    same_content = [
        one for one in versions if one.tags.get(CONTENT_HASH_TAG) == content_hash and _has_files(store, one)
    ]
    number = (
        str(same_content[0].version)
        if same_content
        else _create_version(store, problem, export_folder, signature, versions)
    )
    if _champion_version(client, problem) == number:
        return False
    client.set_registered_model_alias(problem, CHAMPION_ALIAS, number)
    return True


def _create_version(
    store: TrackingStore, problem: str, export_folder: Path, signature: dict[str, Any], versions: list[Any]
) -> str:
    experiment = store.get_or_create_experiment(problem)
    _delete_unregistered_models(store, experiment, problem, versions)
    champion = signature["champion"]
    tags = {
        "bakeoff.contender": champion["contender"],
        "bakeoff.architecture": champion["architecture"],
        CONTENT_HASH_TAG: signature["hashes"]["model.onnx"],
    }
    model = log_model(
        store,
        experiment,
        f"{problem}-{CHAMPION_ALIAS}",
        _exported_onnx_file(export_folder, signature),
        tags={**tags, REGISTERED_NAME_TAG: problem},
    )
    created = store.client.create_model_version(
        problem,
        source=f"models:/{model}",
        model_id=model,
        tags=tags,
        description=f"{champion['contender']}: {champion['architecture']}, {champion['parameters']:,} parameters",
    )
    store.client.set_logged_model_tags(
        model, {MODEL_VERSIONS_TAG: json.dumps([{"name": problem, "version": created.version}])}
    )
    return str(created.version)


def _exported_onnx_file(export_folder: Path, signature: dict[str, Any]) -> OnnxFile:
    inputs, outputs = (
        [TensorInfo(entry["name"], entry["dtype"], tuple(entry["shape"])) for entry in signature[side]]
        for side in ("inputs", "outputs")
    )
    with np.load(export_folder / "golden.npz", allow_pickle=False) as golden:
        example = {tensor.name: golden[f"input_{tensor.name}"][:2] for tensor in inputs}
    return OnnxFile(export_folder / "model.onnx", inputs, outputs, example)


def _champion_version(client: Any, problem: str) -> str | None:
    """The number of the version that has the alias now."""
    return next(
        (
            str(number)
            for alias, number in client.get_registered_model(problem).aliases.items()
            if alias == CHAMPION_ALIAS
        ),
        None,
    )


def _has_files(store: TrackingStore, version: Any) -> bool:
    """Tell whether a version's files are still there: mlruns/ may have been deleted alone."""
    if store.artifacts is None:
        return True
    uri = store.client.get_model_version_download_uri(version.name, version.version)
    return Path(uri.removeprefix("file://"), "MLmodel").is_file()


def _delete_unregistered_models(store: TrackingStore, experiment: str, problem: str, versions: list[Any]) -> None:
    """Remove the models that a killed process logged and did not come to register."""
    registered = {one.model_id for one in versions}
    for model in store.client.search_logged_models([experiment], f"tags.`{REGISTERED_NAME_TAG}` = '{problem}'"):
        if model.model_id not in registered:
            store.client.delete_logged_model(model.model_id)

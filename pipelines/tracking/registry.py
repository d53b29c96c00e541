"""The champion in MLflow's registry: a model named after the problem, its version under the alias `champion`."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.runtime.files import read_json
from pipelines.tracking.champion_run import describe_champion_run
from pipelines.tracking.model import OnnxFile, TensorInfo, log_model
from pipelines.tracking.store import TrackingStore

CHAMPION_ALIAS = "champion"
CONTENT_HASH_TAG = "bakeoff.sha256"  # of a version: the hash of its model.onnx
MODEL_VERSIONS_TAG = (
    "mlflow.modelVersions"  # of a logged model: MLflow's own tag, by which its page leads to the registry
)
SHIP_TAG = "bakeoff.ship"  # of a version and of the champion's run: true or false
STABILITY_TAG = "bakeoff.stability"  # of the champion's run: how often it wins when rows and trainings are drawn again
REGISTERED_NAME_TAG = "bakeoff.registry"  # of a logged model: the name it is to be registered under


def register_champion(store: TrackingStore, problem: str, export_folder: Path, stability: float | None = None) -> bool:
    """Make the exported champion the version that `models:/<problem>@champion` means; tells if anything was new.

    The same file is registered once: a champion that comes back gets its old version back. Whether to ship it, and why,
    stands with the version, with the registered model and with the champion's run, and follows the verdict.

    Args:
        export_folder: the folder of model.onnx, signature.json and golden.npz.
        stability: share of drawings of rows and trainings that the champion wins; None where it is not known.
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
    is_new = _champion_version(client, problem) != number
    if is_new:
        client.set_registered_model_alias(problem, CHAMPION_ALIAS, number)
    return _describe_verdict(store, problem, number, signature, stability) or is_new


def _describe_verdict(
    store: TrackingStore, problem: str, number: str, signature: dict[str, Any], stability: float | None
) -> bool:
    """Say whether to ship the champion wherever a person may look for it; tells if that was news."""
    client, champion = store.client, signature["champion"]
    ship, verdict = str(champion["ship"]).lower(), _verdict_text(champion)
    version = client.get_model_version(problem, number)
    described = f"{champion['contender']}: {champion['architecture']}, {champion['parameters']:,} parameters. {verdict}"
    changed = version.tags.get(SHIP_TAG) != ship or version.description != described
    if changed:
        client.set_model_version_tag(problem, number, SHIP_TAG, ship)
        client.update_model_version(problem, number, described)
        client.update_registered_model(problem, f"{signature['title']}\n\n{verdict}")
    tags = {SHIP_TAG: ship, STABILITY_TAG: "not known" if stability is None else f"{stability:g}"}
    return describe_champion_run(store, problem, champion["contender"], verdict, tags) or changed


def _verdict_text(champion: dict[str, Any]) -> str:
    return champion["reason"] if champion["ship"] else f"DO NOT SHIP. {champion['reason']}"


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

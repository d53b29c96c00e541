"""MLflow's store: opened by one process at a time, created whole or not at all.

By default a SQLite file and a folder in the project, `mlflow.db` and `mlruns/`, which is also where a
plain `mlflow ui` looks; any other store by MLFLOW_TRACKING_URI. Either may be deleted at any time: it is
a view of the artifacts, and `python -m pipelines.tracking` makes it again.
"""

import logging
import os
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.runtime.locks import exclusive_lock
from pipelines.runtime.user_error import UserError

DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlruns")

EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # what MLflow's list of experiments calls it

# Set before MLflow is imported, unless the user has set them.
ENVIRONMENT_DEFAULTS = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",  # what goes wrong is raised; the rest is about MLflow itself
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would call home
    "ORT_DISABLE_TELEMETRY": "1",  # and so would ONNX Runtime, which MLflow loads
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # two lines for every trial
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # a server that is down is reported in seconds, not in minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",  # seconds
}


class TrackingStore(NamedTuple):
    """An opened store. `client` is MLflow's MlflowClient."""

    client: Any
    uri: str
    artifacts: Path | None  # where files go; None: the server decides

    def get_or_create_experiment(self, problem: str) -> str:
        """The number of the experiment of that name, which is created, or taken out of the bin, if need be.

        Raises:
            UserError: if the experiment's files belong to a folder that is not this project's.
        """
        artifact_location = None if self.artifacts is None else str(self.artifacts / problem)
        found = self.client.get_experiment_by_name(problem)
        if found is None:
            return str(
                self.client.create_experiment(problem, artifact_location=artifact_location, tags=EXPERIMENT_TAGS)
            )
        if artifact_location is not None and found.artifact_location.removeprefix("file://") != artifact_location:
            raise UserError(
                f"{DATABASE} keeps the files of {problem!r} in {found.artifact_location}, which is not in this "
                f"project's folder: it was made elsewhere; delete {DATABASE} and {ARTIFACTS}, then run `make track`"
            )
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


@contextmanager
def open_store(lock: Path) -> Iterator[TrackingStore]:
    """Open the store, alone: others that open it wait at the file `lock`. The kernel frees it when a holder dies."""
    with exclusive_lock(lock, "waiting: another process is showing results in MLflow"):
        _silence_mlflow()
        with warnings.catch_warnings():
            # MLflow uses a loading strategy that SQLAlchemy deprecates; only MLflow can change that.
            warnings.filterwarnings("ignore", "The ``noload`` loader strategy is deprecated", DeprecationWarning)
            # MLflow, when imported, warns of a type hint in its own classes.
            warnings.filterwarnings("ignore", r".*Any type hint is inferred as AnyType", UserWarning)
            yield _connect_store()


def _connect_store() -> TrackingStore:
    from mlflow import MlflowClient
    from sqlalchemy import Engine, event

    environment_uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if environment_uri:
        return TrackingStore(MlflowClient(environment_uri, registry_uri=environment_uri), environment_uri, None)
    event.listen(Engine, "connect", _leave_writing_to_the_kernel)
    if not DATABASE.exists():
        _create_database()
    uri = f"sqlite:///{DATABASE.absolute()}"
    return TrackingStore(MlflowClient(uri, registry_uri=uri), uri, ARTIFACTS.absolute())


def _leave_writing_to_the_kernel(connection: Any, _record: Any) -> None:
    """Have SQLite not wait for the disk after each of some hundred transactions per contender.

    A killed process loses nothing by that; a power failure may cost the database, which `make track` makes again.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def _create_database() -> None:
    """Make the database aside and move it into place: one whose making was killed can never be opened again."""
    from mlflow import MlflowClient

    for leftover in Path().glob(f"{DATABASE}.new-*"):
        leftover.unlink()
    new = Path(f"{DATABASE}.new-{os.getpid()}")
    uri = f"sqlite:///{new.absolute()}"
    MlflowClient(uri, registry_uri=uri).search_experiments(max_results=1)
    new.replace(DATABASE)


def _silence_mlflow() -> None:
    for name, value in ENVIRONMENT_DEFAULTS.items():
        os.environ.setdefault(name, value)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)

"""Connection of this process to the Ray cluster that BAKEOFF_CLUSTER names; the code travels with it."""

import logging
import os
import signal
import socket
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipelines.runtime.user_error import UserError

CLUSTER_VARIABLE = "BAKEOFF_CLUSTER"
CODE_ENTRIES = ("params.yaml", "dvc.yaml", "models", "pipelines", "serving")  # what stages run from
ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the same code makes the same zip, which Ray then has already
REACH_SECONDS = 10.0  # seconds in which a cluster's address answers
CONNECTING = threading.Lock()


def cluster_address() -> str:
    """What BAKEOFF_CLUSTER names; empty if tasks are to run on this machine alone.

    Raises:
        UserError: if it is not an address.
    """
    address = os.environ.get(CLUSTER_VARIABLE, "")
    _, _, port = address.removeprefix("ray://").rpartition(":")
    if address not in ("", "auto") and not port.isdigit():
        raise UserError(f"BAKEOFF_CLUSTER must be auto, host:port or ray://host:port, found {address!r}")
    return address


def project_folder_on_nodes() -> str:
    """The path at which nodes look for the project's folder: BAKEOFF_CLUSTER_FOLDER, else where it is here."""
    folder = os.environ.get("BAKEOFF_CLUSTER_FOLDER", "") or str(Path.cwd())
    if not Path(folder).is_absolute():
        raise UserError(f"BAKEOFF_CLUSTER_FOLDER must be an absolute path, found {folder!r}")
    return folder


def connect_to_cluster() -> Any:
    """Connect this process, once, and send the project's code; the module `ray`.

    Raises:
        UserError: if Ray is not installed, if nothing answers, or if the cluster is of other versions.
    """
    address = cluster_address()
    # Ray warns of a default that it will change; this is the coming one: a task without a GPU sees what is there.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise UserError(
            "BAKEOFF_CLUSTER is set, but Ray is not installed; pip install 'bakeoff[cluster]', or unset it"
        ) from None
    with CONNECTING:
        if not ray.is_initialized():
            _check_reachable(address)
            with tempfile.TemporaryDirectory() as folder:
                package = Path(folder) / "code.zip"
                _write_code_package(package)
                handler = signal.getsignal(signal.SIGTERM)
                try:
                    ray.init(
                        address,
                        runtime_env={"working_dir": str(package)},
                        log_to_driver=False,  # a task's result says what there is to say
                        logging_level=logging.ERROR,
                    )
                except (ConnectionError, RuntimeError, ValueError, TimeoutError, ray.exceptions.RayError) as error:
                    raise UserError(_connection_failure(address, error)) from None
                if threading.current_thread() is threading.main_thread():
                    signal.signal(signal.SIGTERM, handler)  # Ray sets one of its own
    return ray


def _connection_failure(address: str, error: Exception) -> str:
    hint = (
        "this machine must be a node of the cluster (`ray status` says what is running); from elsewhere, "
        "use ray://host:10001"
    )
    if address.startswith("ray://"):
        hint = "this machine and the cluster must have the same versions of Python and Ray"
    return f"BAKEOFF_CLUSTER is {address}, but connecting failed: {' '.join(str(error).split())[:400]}; {hint}"


def _check_reachable(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would try for minutes and say less."""
    if address == "auto":
        address = _latest_address()
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise UserError(
            f"BAKEOFF_CLUSTER is {cluster_address()}, but no cluster answers at {address} ({error}); "
            "start one (docs/cluster.md), or unset it to use this machine alone"
        ) from None


def _latest_address() -> str:
    """The cluster that a node was last started for on this machine, where Ray notes it; RAY_ADDRESS overrules."""
    noted = Path(os.environ.get("RAY_TMPDIR", "/tmp"), "ray", "ray_current_cluster")
    address = os.environ.get("RAY_ADDRESS", "") or (noted.read_text().strip() if noted.exists() else "")
    if not address:
        raise UserError(
            "BAKEOFF_CLUSTER is auto, but no cluster was started on this machine; `ray start` makes it a node "
            "(docs/cluster.md), ray://host:10001 reaches a cluster from outside"
        )
    return address


def _write_code_package(path: Path) -> None:
    """Zip the code and its settings, without data: Ray's working directory is fixed once a process is connected."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for file in list_files(Path(entry) for entry in CODE_ENTRIES):
            package.writestr(zipfile.ZipInfo(file.as_posix(), ZIP_DATE), file.read_bytes(), zipfile.ZIP_DEFLATED)


def list_files(paths: Iterable[Path]) -> Iterator[Path]:
    """The files among `paths` and in the folders among them, in order; none that Python compiled."""
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)

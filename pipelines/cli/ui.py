"""bakeoff ui: MLflow's pages on what was run."""

import os
import socket
from typing import NoReturn

import click

DEFAULT_STORE = "sqlite:///mlflow.db"
HOST = "127.0.0.1"

EPILOG = """\b
Examples:
  bakeoff ui                         http://127.0.0.1:5000
  bakeoff ui --port 5001             ... at another port
"""


@click.command("ui", short_help="Compare all runs in MLflow, in a browser, until Ctrl-C.", epilog=EPILOG)
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port to listen on.")
def ui_command(port: int) -> NoReturn:
    """Bring MLflow in line with the artifacts, and show it in a browser, until Ctrl-C.

    It is the MLflow that the variable MLFLOW_TRACKING_URI names; otherwise mlflow.db in this folder.
    """
    from pipelines.cli.processes import become_module, run_module
    from pipelines.cli.project import check_folder

    check_folder()
    check_port_is_free(port)
    run_module("pipelines.tracking")  # it names what it cannot show, such as a contender that is just being trained
    address = f"http://{HOST}:{port}/#/experiments?workflowType=machine_learning"
    print(f"Open {address} once it answers; Ctrl-C stops it.")
    store = os.environ.get("MLFLOW_TRACKING_URI") or DEFAULT_STORE
    become_module("mlflow", "ui", "--port", str(port), "--backend-store-uri", store)


def check_port_is_free(port: int) -> None:
    """Check that nothing listens at a port of this machine.

    Raises:
        UserError: something does.
    """
    from pipelines.runtime.user_error import UserError

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection just closed is no listener
        try:
            listener.bind((HOST, port))
        except OSError as error:
            raise UserError(
                f"port {port} cannot be listened on ({error.strerror}); choose another: --port {port + 1}"
            ) from None

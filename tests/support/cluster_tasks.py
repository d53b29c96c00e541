"""Tasks for a cluster's nodes: short ones, one that waits where a node is about to be killed, and ones that fail."""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from pipelines.runtime.user_error import UserError

NODE_VARIABLE = "RAY_RAYLET_PID"  # the process that stands for a node; Ray tells it to every process there


class FolderTask(NamedTuple):
    folder: Path


def wait_on_the_doomed_node(task: FolderTask) -> str:
    """Never return on the node that the file `doomed` names; elsewhere as soon as that node has a task."""
    if os.environ[NODE_VARIABLE] == (task.folder.parent / "doomed").read_text():
        task.folder.mkdir()
        while True:
            time.sleep(1)
    while not any(path.is_dir() for path in task.folder.parent.iterdir()):
        time.sleep(0.05)
    return "done"


def add_a_line(task: FolderTask) -> int:
    """How many lines the task's file has now: files go to the node and come back."""
    task.folder.mkdir(parents=True, exist_ok=True)
    path = task.folder / "lines.txt"
    path.write_text((path.read_text() if path.exists() else "") + "line\n")
    return len(path.read_text().splitlines())


def visible_gpus(task: FolderTask) -> str:
    return os.environ.get("CUDA_VISIBLE_DEVICES", f"all that {task.folder.name} finds")


def always_die(task: FolderTask) -> str:
    os.kill(os.getpid(), signal.SIGABRT)
    return str(task.folder)


def refuse_it(task: FolderTask) -> str:
    raise UserError(f"{task.folder.name} is not a task")


def write_to_a_full_disk(task: FolderTask) -> str:
    Path("/dev/full").write_text("x")
    return str(task.folder)

"""A real Ray cluster on this machine's loopback: a node of one CPU, and others that come and are killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.support.pages import ROOT

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20, "include_dashboard": False}
HEAD_ADDRESS, SECOND_ADDRESS = "127.0.0.2", "127.0.0.3"  # loopback too; Ray replaces 127.0.0.1 by the machine's address


@contextmanager
def running_cluster() -> Iterator[Any]:
    """A cluster of one node of one CPU, and of a GPU that is there in name alone; stopped at the end."""
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")  # short: sockets lie in it
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # else Ray warns of a default that it will change
        patch.setenv("RAY_worker_niceness", "0")  # else the other tests of this machine come first, for minutes
        patch.setenv("PYTHONPATH", str(ROOT))  # the nodes import the tests' tasks
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "num_gpus": 1, "node_ip_address": HEAD_ADDRESS})
        try:
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def second_node(cluster: Any) -> Iterator[Any]:
    """One more node; killed at the end if it is still there."""
    folder = (
        f"{os.environ['RAY_TMPDIR']}/second"  # its own, as on another machine; a node unpacks code anew as it starts
    )
    node = cluster.add_node(**NODE, node_ip_address=SECOND_ADDRESS, temp_dir=folder)
    try:
        yield node
    finally:
        kill_node(cluster, node)


def kill_node(cluster: Any, node: Any) -> None:
    """`kill -9` all of a node's processes, as a power cut does."""
    if node in cluster.worker_nodes:
        processes = psutil.Process(raylet_of(node)).children(recursive=True)
        cluster.remove_node(node, allow_graceful=False)
        for process in processes:
            if process.is_running():
                process.kill()


def raylet_of(node: Any) -> int:
    """The number of the process that stands for a node."""
    number: int = node.all_processes["raylet"][0].process.pid
    return number

"""The environment of the tests' own processes, and that of what they start as a user does."""

import os
import sys
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
NOT_A_USERS = (*THREAD_VARIABLES, "PYTHONDONTWRITEBYTECODE")  # every process would translate this project anew


def hold_to_one_thread() -> None:
    """Have the workers of pytest-xdist, which start later, compute on one thread each, as a stage does.

    Threads of several workers on few cores wait for one another by turning in a loop.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))


def users_environment(**extra: str) -> dict[str, str]:
    """A shell's in which this environment's programs are found, and nothing of this project is set but `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_A_USERS and not name.startswith(("BAKEOFF_", "MLFLOW_"))
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **extra}

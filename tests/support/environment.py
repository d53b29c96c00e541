"""The environment of the tests' own processes, and that of what they start as a user does."""

import os
import sys
from pathlib import Path

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def share_the_machine() -> None:
    """Set what the workers of pytest-xdist, which start later, and their processes begin with.

    They compute on one thread each, as a stage does: threads of several workers on few cores wait for one another by
    turning in a loop. And they keep their bytecode: else every process would translate this project anew.
    """
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def users_environment(**extra: str) -> dict[str, str]:
    """A shell's in which this environment's programs are found, and nothing of this project is set but `extra`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in THREAD_VARIABLES and not name.startswith(("BAKEOFF_", "MLFLOW_"))
    }
    return {**kept, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", **extra}

"""params.yaml with its defaults filled in, checked as a whole, and remembered until it or the checking code changes."""

import hashlib
import math
import sys
from pathlib import Path
from typing import Any

from pipelines.runtime.files import read_json, write_json
from pipelines.runtime.hash_cache import HashCache, hash_code
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths

CHECKING_CODE = (  # what decides whether params.yaml is right, and what its defaults are
    "models",
    *(
        f"pipelines/{room}"
        for room in ("data", "evaluation", "runtime", "settings", "sources", "splitting", "tasks", "training")
    ),
)


def resolve_params() -> dict[str, Any]:
    """Seed, problems and contenders of params.yaml as plain values, every setting with its default.

    A contender's `tune` and `train` are what they come to with `defaults`. The check needs the tables of tasks and
    architectures, and PyTorch with them: two seconds, which an unchanged params.yaml does not cost again.

    Raises:
        UserError: with the YAML path of what is wrong.
    """
    digest = _params_digest()
    remembered = _read_remembered()
    if remembered.get("digest") == digest:
        found: dict[str, Any] = remembered["params"]
        return found
    from pipelines.settings.jobs import check_params  # here for the reason above
    from pipelines.settings.params import load_params

    params = load_params()
    check_params(params)
    resolved = params.resolve_defaults()
    for section, settings in resolved.items():
        _check_finite(settings, section)
    write_json(paths.RESOLVED_PARAMS_FILE, {"digest": digest, "params": resolved})
    return resolved


def _check_finite(value: Any, place: str) -> None:
    """Refuse numbers that JSON has no word for, and no setting a meaning."""
    if isinstance(value, dict):
        for name, one in value.items():
            _check_finite(one, f"{place}.{name}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            _check_finite(one, f"{place}.{number}")
    elif isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{paths.PARAMS_FILE}: {place}: must be a finite number, found {value}")


def _params_digest() -> str:
    """A hash of params.yaml and of everything that checks it."""
    hashes = HashCache(paths.CODE_HASHES_FILE)
    digest = hashlib.sha256(sys.version.encode())
    digest.update(paths.PARAMS_FILE.read_bytes() if paths.PARAMS_FILE.exists() else b"")
    for path in CHECKING_CODE:
        digest.update(hash_code(Path(path), hashes).encode())
    hashes.save()
    return digest.hexdigest()


def _read_remembered() -> dict[str, Any]:
    """What an earlier check wrote; nothing if that is missing or damaged."""
    try:
        found = read_json(paths.RESOLVED_PARAMS_FILE)
    except UserError:
        return {}
    return found if isinstance(found, dict) and "params" in found else {}

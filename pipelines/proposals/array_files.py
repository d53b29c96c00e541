"""Proposals for saved arrays: .npy, .npz and idx files, told apart by what they are called."""

import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.proposals.source_proposal import SourceProposal, Wishes
from pipelines.runtime.user_error import UserError
from pipelines.sources.arrays.load import ArraysSettings

IDX_NAME = re.compile(r"idx[1-4]-u?byte(\.gz)?$", re.IGNORECASE)
TEST_NAME = re.compile(r"(?:^|[^a-z])(test|t10k|testing)(?:[^a-z]|$)", re.IGNORECASE)
TARGET_NAME = re.compile(r"(?:^|[^a-z])(y|labels?|targets?|class(?:es)?|masks?)(?:[^a-z]|$)", re.IGNORECASE)
SEQUENCE_ARRAYS = {"x", "y", "lengths"}  # what an .npz of sequences holds


def is_array_file(name: str) -> bool:
    return name.lower().endswith((".npy", ".npy.gz")) or bool(IDX_NAME.search(name))


def propose_array_files(place: str, names: Sequence[str], wishes: Wishes) -> SourceProposal:
    """A source of kind arrays for a folder's files, or for one file and those beside it.

    Raises:
        UserError: the names do not say which file holds what.
    """
    roles = _find_roles(place, names, wishes, "set inputs and target with --set inputs=FILE --set target=FILE")
    source = {"kind": "arrays", **{role: f"{place.rstrip('/')}/{name}" for role, name in roles.items()}}
    return _build_proposal(source, roles, wishes)


def propose_npz(path: str, wishes: Wishes) -> SourceProposal:
    """A source of kind arrays, or of kind sequences, for an .npz file.

    Raises:
        UserError: it is no .npz, or its names do not say which array is what.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    except (OSError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: is no .npz that can be read ({error})") from None
    if set(names) >= SEQUENCE_ARRAYS and wishes.kind in (None, "sequences"):
        return SourceProposal({"kind": "sequences", "path": path}, "sequences with their labels")
    roles = _find_roles(path, names, wishes, "state --target NAME")
    return _build_proposal({"kind": "arrays", "path": path, "arrays": roles}, roles, wishes)


def _build_proposal(source: Mapping[str, Any], roles: Mapping[str, str], wishes: Wishes) -> SourceProposal:
    stated = {name: value for name, value in wishes.settings.items() if name in ArraysSettings.model_fields}
    has_test = "test_inputs" in roles
    reasons = [f"{name} holds the {role.replace('_', ' ')}." for role, name in roles.items()]
    if has_test:
        reasons.append("The published test set stays the test part.")
    split = {"by": "given"} if has_test else {}
    return SourceProposal({**source, **stated}, "saved arrays", split=split, reasons=tuple(reasons))


def _find_roles(place: str, names: Sequence[str], wishes: Wishes, advice: str) -> dict[str, str]:
    """Which file or array holds the inputs, the target, and those for testing."""
    targets = [name for name in names if TARGET_NAME.search(name)]
    if wishes.target is not None:
        if wishes.target not in names:
            raise UserError(f"{place}: there is no {wishes.target!r} to predict; there are {', '.join(names)}")
        targets = [wishes.target, *(name for name in targets if TEST_NAME.search(name))]
    found: dict[str, list[str]] = {"inputs": [], "target": [], "test_inputs": [], "test_target": []}
    for name in names:
        role = "target" if name in targets else "inputs"
        found[f"test_{role}" if TEST_NAME.search(name) else role].append(name)
    if not found["inputs"] or any(len(one) > 1 for one in found.values()):
        raise UserError(
            f"{place}: the names {', '.join(names[:10])} do not say which holds the inputs and which the target; "
            f"call them x and y, or x_train, y_train, x_test, y_test; or {advice}"
        )
    roles = {role: one[0] for role, one in found.items() if one}
    if "target" not in roles or ("test_inputs" in roles) != ("test_target" in roles):
        roles = {role: name for role, name in roles.items() if role in ("inputs", "target")}
    return roles

"""Integrity checks: a model's files match their checksums, and its golden inputs give the golden outputs.

The checksums find damage, not malice: whoever can rewrite a file can rewrite its checksum.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.signature import Signature

CHECKSUM_FILE = "SHA256SUMS"
Arrays = dict[str, NDArray[Any]]


class InvalidArchive(RuntimeError):
    """A model must not be served; the message names the file, the rule, what was found and what to do."""


def check_files(listing: bytes, read: Callable[[str], bytes], required: Iterable[str], where: str) -> None:
    """Compare every listed file with its checksum; `read` gives a file's bytes by its name.

    Raises:
        InvalidArchive: a required file is not listed, a listed one is absent, or its bytes differ.
    """
    expected = dict(
        line.split("  ", 1)[::-1] for line in listing.decode("utf-8", "replace").splitlines() if "  " in line
    )
    if absent := [name for name in required if name not in expected]:
        raise InvalidArchive(f"{where}: {CHECKSUM_FILE} must list {absent[0]} and does not; build the archive again")
    for name, digest in expected.items():
        try:
            found = hashlib.sha256(read(name)).hexdigest()
        except (OSError, KeyError) as error:
            raise InvalidArchive(
                f"{where}: {name} is listed in {CHECKSUM_FILE} and absent; build the archive again"
            ) from error
        if found != digest:
            raise InvalidArchive(
                f"{where}: {name} does not match its checksum in {CHECKSUM_FILE} (expected {digest[:12]}..., "
                f"found {found[:12]}...); the file was damaged or altered, build the archive again"
            )


def check_names(what: str, found: Iterable[str], known: Collection[str]) -> None:
    """Check that this version of serving knows all names of one kind in a signature.

    Raises:
        InvalidArchive: a name is unknown.
    """
    for name in found:
        if name not in known:
            raise InvalidArchive(f"signature.json: {what} must be one of {', '.join(known)}, found {name!r}")


def split_golden(golden: Mapping[str, NDArray[Any]], signature: Signature) -> tuple[Arrays, Arrays]:
    """Split golden.npz into inputs and outputs, by their names in the graph.

    Raises:
        InvalidArchive: an array is absent.
    """
    try:
        inputs = {field.name: golden[f"input_{field.name}"] for field in signature.inputs}
        return inputs, {output.name: golden[output.name] for output in signature.outputs}
    except KeyError as missing:
        raise InvalidArchive(
            f"{signature.name}: golden.npz has no array {missing}; export the model again"
        ) from missing


def error_scale(golden: Mapping[str, NDArray[Any]], signature: Signature) -> NDArray[np.float64]:
    """The scale of the outputs, in the shape of one example's: errors are measured relative to it.

    It is the array `scale` in golden.npz, measured over the whole test part. Where that is absent: 1 for
    probabilities, and the largest magnitude of all golden outputs for other numbers.
    """
    output = signature.outputs[0]
    if "scale" in golden:
        return golden["scale"].astype(np.float64)
    magnitudes = np.abs(golden[output.name].astype(np.float64))
    largest = 1.0 if output.name == "probabilities" else float(magnitudes.max(initial=0.0)) or 1.0
    return np.full(magnitudes.shape[1:], largest)


def check_golden(golden: Mapping[str, NDArray[Any]], found: Arrays, signature: Signature, source: str) -> None:
    """Compare outputs with the golden ones; `source` says in a message where they come from.

    Raises:
        InvalidArchive: a shape differs, a number differs by more than the tolerance times its scale, or one is NaN.
    """
    _, expected = split_golden(golden, signature)
    scale = error_scale(golden, signature)
    for name, wanted in expected.items():
        if wanted.shape != found[name].shape:
            raise InvalidArchive(
                f"{signature.name}: golden.npz expects {name} of shape {wanted.shape}, {source} gives "
                f"{found[name].shape}"
            )
        difference = np.abs(wanted.astype(np.float64) - found[name].astype(np.float64)) / scale
        if not (difference <= signature.tolerance).all():
            worst = float(np.nanmax(difference)) if np.isfinite(difference).any() else float("nan")
            row = int(np.argmax(np.nan_to_num(difference, nan=np.inf).reshape(len(difference), -1).max(axis=1)))
            raise InvalidArchive(
                f"{signature.name}: {source} does not give the golden outputs: {name} differs by {worst:.3g} "
                f"in row {row}, the tolerance is {signature.tolerance:g}; export the model again"
            )

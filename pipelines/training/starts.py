"""Starts: the weights that a training begins with in place of random ones, and how they are read from files."""

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parsed
from torch import Tensor

from pipelines.runtime.files import copy_file, read_json, write_json
from pipelines.runtime.user_error import UserError

WHAT_DAMAGE_RAISES = (  # by a file that is no weights, or not safe: code in a pickle is refused, never run
    *(SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError),
    *(ValueError, KeyError, IndexError, TypeError, AttributeError),
)


@dataclass(frozen=True)
class Start:
    """Where the weights of a contender begin."""

    origin: str  # the contender's name or the file, as params.yaml names it
    seen: str  # which rows its weights have learned from, in words
    files: tuple[Path, ...]  # one; or one per fold, each of a model that has not seen what the fold holds out
    keeps_stem: bool = False  # whether the columns are those that the weights were trained for, vocabularies included
    keeps_head: bool = True  # whether the target is

    def file_for(self, fold: int | None) -> Path:
        """The weights that a training on a fold begins with; None: on all rows, of which the first fold's stand in."""
        return self.files[(fold or 0) % len(self.files)]


def start_folder(trial_folder: Path) -> Path:
    """Where the folder of the best trial has what the search started from."""
    return trial_folder / "start"


def write_start(start: Start, folder: Path) -> None:
    """Keep a start, its files included: what a search began with is what is trained."""
    names = [f"{number}{path.suffix}" for number, path in enumerate(start.files)]
    for name, path in zip(names, start.files, strict=True):
        copy_file(path, folder / name)
    kept = {"origin": start.origin, "seen": start.seen, "keeps_stem": start.keeps_stem, "keeps_head": start.keeps_head}
    write_json(folder / "start.json", {**kept, "files": names})


def read_start(folder: Path) -> Start | None:
    """What `write_start` kept; None where nothing was."""
    if not folder.exists():
        return None
    found: dict[str, Any] = read_json(folder / "start.json")
    return Start(**{**found, "files": tuple(folder / name for name in found["files"])})


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name: safetensors, or a state dict that `torch.save` wrote.

    Raises:
        UserError: the file is missing, or holds anything else; a pickle is never run.
    """
    try:
        if path.suffix == ".safetensors":
            return parsed(path.read_bytes())
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Detected pickle protocol")  # read all the same, or refused
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"start_from: there is no file {path}; give a contender's name or a file of weights") from None
    except WHAT_DAMAGE_RAISES as error:
        reason = " ".join(str(error).split()).partition(". ")[0][:160]
        raise UserError(
            f"start_from: {path} holds no weights that can be read safely ({reason}); {_EXPECTED}"
        ) from None
    tensors = found.get("state_dict", found) if isinstance(found, Mapping) else None
    if not isinstance(tensors, Mapping) or not tensors or not all(isinstance(one, Tensor) for one in tensors.values()):
        kind = type(found).__name__ if tensors is None else "other things than tensors"
        raise UserError(f"start_from: {path} holds no weights but {kind}; {_EXPECTED}")
    return {str(name): tensor for name, tensor in tensors.items()}


_EXPECTED = "give a state dict saved by `torch.save(model.state_dict(), path)`, or a .safetensors file"

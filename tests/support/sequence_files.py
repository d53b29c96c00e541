"""Files of sequences for tests."""

from pathlib import Path

import numpy as np

from pipelines.data.dataset import Dataset
from pipelines.sources.sequences.load import SequencesSettings, load_sequences

HEADER = "# a comment\n@problemName Moves\n@timeStamps false\n@univariate false\n@classLabel true up down\n@data\n"


LINES = ["1,2,3:10,20,30:up", "4,5:40,50:down", "6:60:up", "7,8,9:70,80,90:down"]


def write(folder: Path, text: str, name: str = "moves.ts") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **more: object) -> Dataset:
    return load_sequences(SequencesSettings.model_validate({"kind": "sequences", "path": str(path)} | more))


def npz(folder: Path, **arrays: np.ndarray) -> Path:
    path = folder / "moves.npz"
    np.savez(path, **arrays)
    return path


ROWS = "who,when,x,y,move,site\na,2,3,4,up,north\na,1,1,2,up,north\nb,1,5,6,down,south\nb,2,7,8,,south\n"


COLUMNS = {"id": "who", "step": "when", "target": "move", "keys": ["site"]}

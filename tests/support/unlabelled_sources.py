"""Every way to write down examples of which some have no target, for sources that keep these."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import TypeAdapter

from pipelines.data.dataset import Dataset
from pipelines.data.parts import read_part, write_part
from pipelines.data.schema import read_schema
from pipelines.data.unlabelled import read_unlabelled, write_unlabelled
from pipelines.sources.kinds import SourceSettings, load_dataset
from pipelines.splitting.split import SplitSettings, split_rows, write_split
from pipelines.tasks import settings_from_json
from pipelines.training.augment_settings import AugmentSettings
from pipelines.training.augmented_copies import augmented_copies
from pipelines.training.job import TrainingJob
from tests.support.image_files import grey, written
from tests.support.mask_files import CODES, photo, png
from tests.support.request_bodies import wav

ROWS = 30
MISSING = (3, 4, 11, 28)  # rows without a target
Missing = Collection[int]


def drawn(row: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(row).normal(size=shape).round(3)


def name_of(row: int) -> str:
    return "ab"[row % 2]


def cells(missing: Missing) -> list[str]:
    """The target of every row as text, empty where it is missing."""
    return ["" if row in missing else name_of(row) for row in range(ROWS)]


def listing(folder: Path, ending: str, missing: Missing) -> Path:
    lines = [f"{row:02}{ending},{cell}" for row, cell in enumerate(cells(missing))]
    (folder / "list.csv").write_text("\n".join(["file,kind", *lines, ""]))
    return folder / "list.csv"


def table(folder: Path, missing: Missing) -> dict[str, Any]:
    lines = [f"{drawn(row)},{['red', 'blue'][row % 2]},{cell}" for row, cell in enumerate(cells(missing))]
    (folder / "t.csv").write_text("\n".join(["size,colour,kind", *lines, ""]))
    return {"kind": "table", "path": str(folder / "t.csv"), "target": "kind"}


def texts(folder: Path, missing: Missing) -> dict[str, Any]:
    lines = [f"message {drawn(row)} of {name_of(row) * 3},{cell}" for row, cell in enumerate(cells(missing))]
    (folder / "t.csv").write_text("\n".join(["body,kind", *lines, ""]))
    return {"kind": "text", "path": str(folder / "t.csv"), "text": "body", "target": "kind"}


def in_folders(folder: Path, missing: Missing, ending: str, content: Callable[[int], bytes]) -> Path:
    """A folder of every class; what has none lies beside them."""
    places = {row: "" if row in missing else f"{name_of(row)}/" for row in range(ROWS)}
    return written(folder, {f"{place}{row:02}{ending}": content(row) for row, place in places.items()})


def text_folders(folder: Path, missing: Missing) -> dict[str, Any]:
    path = in_folders(folder, missing, ".txt", lambda row: f"message {drawn(row)} of {name_of(row) * 3}".encode())
    return {"kind": "text", "path": str(path), "unusable": "skip"}


def sound(row: int) -> bytes:
    wave = np.sin(2 * np.pi * (300 + 20 * row) * np.arange(1600) / 8000)
    return wav(0.5 * wave, 8000)


def image_folders(folder: Path, missing: Missing) -> dict[str, Any]:
    return {"kind": "images", "path": str(in_folders(folder, missing, ".png", grey)), "unusable": "skip"}


def image_list(folder: Path, missing: Missing) -> dict[str, Any]:
    written(folder / "files", {f"{row:02}.png": grey(row) for row in range(ROWS)})
    path = listing(folder, ".png", missing)
    return {"kind": "images", "path": str(path), "folder": str(folder / "files"), "target": "kind", "unusable": "skip"}


def recording_folders(folder: Path, missing: Missing) -> dict[str, Any]:
    return {"kind": "audio", "path": str(in_folders(folder, missing, ".wav", sound)), "unusable": "skip"}


def recording_names(folder: Path, missing: Missing) -> dict[str, Any]:
    names = {f"{row:02}{f'-{cell}' * bool(cell)}.wav": sound(row) for row, cell in enumerate(cells(missing))}
    return {"kind": "audio", "path": str(written(folder, names)), "label": "-([ab])$", "unusable": "skip"}


def recording_list(folder: Path, missing: Missing) -> dict[str, Any]:
    written(folder / "files", {f"{row:02}.wav": sound(row) for row in range(ROWS)})
    path = listing(folder, ".wav", missing)
    return {"kind": "audio", "path": str(path), "folder": str(folder / "files"), "target": "kind", "unusable": "skip"}


def masks(folder: Path, missing: Missing) -> dict[str, Any]:
    images = {f"images/{row:02}.png": photo(row) for row in range(ROWS)}
    outlines = {f"masks/{row:02}.png": png(CODES) for row in range(ROWS) if row not in missing}
    written(folder, {**images, **outlines})
    return {"kind": "masks", "images": str(folder / "images"), "masks": str(folder / "masks"), "unmatched": "skip"}


def arrays_of(target: Callable[[int], Any], gap: Any, *shape: int) -> Callable[[Path, Missing], dict[str, Any]]:
    """Files of arrays: inputs of a shape, and targets of which the missing ones hold a sign."""

    def write(folder: Path, missing: Missing) -> dict[str, Any]:
        values = np.stack([drawn(row, *shape) for row in range(ROWS)]).astype(np.float32)
        np.save(folder / "x.npy", values)
        np.save(folder / "y.npy", np.array([gap if row in missing else target(row) for row in range(ROWS)]))
        return {"kind": "arrays", "inputs": str(folder / "x.npy"), "target": str(folder / "y.npy")}

    return write


def packed_arrays(folder: Path, missing: Missing) -> dict[str, Any]:
    source = arrays_of(lambda row: row % 2, -1, 6, 2)(folder, missing)
    np.savez(folder / "all.npz", x=np.load(source["inputs"]), y=np.load(source["target"]))
    return {"kind": "arrays", "path": str(folder / "all.npz"), "arrays": {"inputs": "x", "target": "y"}}


def whole_floats(folder: Path, missing: Missing) -> dict[str, Any]:
    return {**arrays_of(lambda row: row % 2 + 0.0, np.nan, 3)(folder, missing), "target_kind": "category"}


def sequences_ts(folder: Path, missing: Missing) -> dict[str, Any]:
    header = "@timeStamps false\n@classLabel true a b\n@data"
    lines = [f"{','.join(map(str, drawn(row, 6)))}:{cell or '?'}" for row, cell in enumerate(cells(missing))]
    (folder / "s.ts").write_text("\n".join([header, *lines, ""]))
    return {"kind": "sequences", "path": str(folder / "s.ts")}


def sequences_csv(folder: Path, missing: Missing) -> dict[str, Any]:
    lines = [
        f"s{row},{step},{value},{cell}"
        for row, cell in enumerate(cells(missing))
        for step, value in enumerate(drawn(row, 6))
    ]
    (folder / "s.csv").write_text("\n".join(["who,step,x,kind", *lines, ""]))
    return {"kind": "sequences", "path": str(folder / "s.csv"), "id": "who", "step": "step", "target": "kind"}


def sequences_npz(target: Callable[[int], Any], gap: Any) -> Callable[[Path, Missing], dict[str, Any]]:
    def write(folder: Path, missing: Missing) -> dict[str, Any]:
        targets = np.array([gap if row in missing else target(row) for row in range(ROWS)])
        np.savez(folder / "s.npz", x=np.stack([drawn(row, 6, 2) for row in range(ROWS)]), y=targets)
        return {"kind": "sequences", "path": str(folder / "s.npz")}

    return write


class Case(NamedTuple):
    """A way to write examples down, and a network that learns from them."""

    write: Callable[[Path, Missing], dict[str, Any]]  # into an empty folder: the settings of the source
    architecture: str
    task: str = "classification"


CASES = {
    "a table": Case(table, "mlp"),
    "a file of texts": Case(texts, "lstm"),
    "folders of texts": Case(text_folders, "lstm"),
    "folders of images": Case(image_folders, "cnn"),
    "a list of images": Case(image_list, "cnn"),
    "folders of recordings": Case(recording_folders, "lstm"),
    "names of recordings": Case(recording_names, "lstm"),
    "a list of recordings": Case(recording_list, "lstm"),
    "masks": Case(masks, "unet", "segmentation"),
    "arrays of classes": Case(arrays_of(lambda row: row % 2, -1, 3), "mlp"),
    "arrays of class names": Case(arrays_of(name_of, "", 3), "mlp"),
    "arrays of classes as floats": Case(whole_floats, "mlp"),
    "arrays of numbers": Case(arrays_of(lambda row: row / 7, np.nan, 3), "mlp", "regression"),
    "packed arrays": Case(packed_arrays, "lstm"),
    "sequences in .ts": Case(sequences_ts, "lstm"),
    "sequences in rows": Case(sequences_csv, "lstm"),
    "sequences with classes": Case(sequences_npz(lambda row: row % 2, -1), "lstm"),
    "sequences with numbers": Case(sequences_npz(lambda row: row / 7, np.nan), "lstm", "regression"),
}


def load_case(name: str, folder: Path, missing: Missing = MISSING, **settings: Any) -> Dataset:
    """Write the examples of a case into a folder, and read them."""
    folder.mkdir(parents=True, exist_ok=True)
    source: SourceSettings = TypeAdapter(SourceSettings).validate_python(
        {**CASES[name].write(folder, missing), **settings}
    )
    return load_dataset(source, folder / "downloads")


def job_of_case(name: str, folder: Path) -> TrainingJob:
    """Split and augment what a source keeps as the stages do, and describe the training."""
    case, data = CASES[name], load_case(name, folder, unlabelled="keep")
    write_split(folder / "split", data, split_rows(data, SplitSettings(by="random", valid=0.3), seed=1))
    schema = read_schema(folder / "split" / "schema.json")
    part = read_part(folder / "split" / "train", schema)
    write_part(folder / "augmented", schema, augmented_copies(part, schema, AugmentSettings(), 1))
    write_unlabelled(folder / "augmented", schema, read_unlabelled(folder / "split" / "train", schema))
    return TrainingJob(
        architecture=case.architecture,
        task_settings=settings_from_json({"kind": case.task}),
        goal=None,
        schema_file=folder / "split" / "schema.json",
        train_part_folder=folder / "augmented",
        valid_part_folder=folder / "split" / "valid",
        augment=AugmentSettings(),
        device="cpu",
    )

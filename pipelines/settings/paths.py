"""Paths of artifacts: the only file that spells a path of `data/`, `artifacts/` or `.state/`.

All paths are relative to the project's folder, which is where DVC runs the stages.
"""

from pathlib import Path

PARAMS_FILE = Path("params.yaml")
STATE_FOLDER = Path(".state")  # scratch: may be deleted at any time, nothing but time is lost


DOWNLOADS_FOLDER = STATE_FOLDER / "downloads"  # what was fetched from an address, by its hash
SOURCE_HASHES_FILE = STATE_FOLDER / "fingerprints.json"  # of the files that sources name, by size and time
CODE_HASHES_FILE = STATE_FOLDER / "code.json"  # of the project's own files
RESOLVED_PARAMS_FILE = STATE_FOLDER / "params.json"  # params.yaml as it was last found right
LIMITS_FOLDER = STATE_FOLDER / "run" / "limits"  # of a run of limited time: a file per contender
RUN_LOCK_FILE = STATE_FOLDER / "run" / "lock"  # locked while a run is under way; holds the number of its process
INPUTS_FOLDER = Path("data", "inputs")


def record_file(verb: str, name: str) -> Path:
    """What a stage depends on besides its data: settings, hashes of its code, what its source's files hold."""
    return INPUTS_FOLDER / verb / f"{name}.json"


def split_folder(problem: str) -> Path:
    """train/ valid/ test/ with one .npy per field, schema.json, manifest.json; in valid/, folds.npz."""
    return Path("data", problem, "split")


def schema_file(problem: str) -> Path:
    return split_folder(problem) / "schema.json"


def folds_file(problem: str) -> Path:
    return split_folder(problem) / "valid" / "folds.npz"


def manifest_file(problem: str) -> Path:
    return split_folder(problem) / "manifest.json"


def data_page_file(problem: str) -> Path:
    """The page about a problem's data, which `bakeoff check` writes."""
    return STATE_FOLDER / "check" / f"{problem}.html"


def data_summary_file(problem: str) -> Path:
    """A few numbers of every column at the last split, which the next one is compared with."""
    return STATE_FOLDER / "data" / "summaries" / f"{problem}.json"


def data_changes_file(problem: str) -> Path:
    """What the last split found changed since the one before, in sentences."""
    return STATE_FOLDER / "data" / "changes" / f"{problem}.json"


def augment_folder(problem: str) -> Path:
    """train/ with one .npy per field and a leading axis of copies, preview.png. With folds, valid's rows are behind."""
    return Path("data", problem, "augmented")


def tune_folder(problem: str, contender: str) -> Path:
    """best.json, trials.csv, trial/ with the best one's weights, history.png, importance.png."""
    return Path("artifacts", problem, "tune", contender)


def train_folder(problem: str, contender: str) -> Path:
    """weights/ of every member, model.json, machine.json, history.csv, curve.csv."""
    return Path("artifacts", problem, "train", contender)


def trained_schema_file(problem: str, contender: str) -> Path:
    """The schema with the vocabularies of a contender whose tokens are not the split's; with them alone it is there."""
    return train_folder(problem, contender) / "weights" / "schema.json"


def evaluate_folder(problem: str, contender: str) -> Path:
    """metrics.json, calibration.json, predictions.npz, model.onnx, pictures/, tables/."""
    return Path("artifacts", problem, "evaluate", contender)


def compare_folder(problem: str) -> Path:
    """leaderboard.csv, leaderboard.png, champion.json, metrics.json, report.html."""
    return Path("artifacts", problem, "compare")


def export_folder(problem: str) -> Path:
    """model.onnx, model.pt, signature.json, golden.npz, parity.json."""
    return Path("artifacts", problem, "export")


def package_folder(problem: str) -> Path:
    """<problem>.mar"""
    return Path("artifacts", problem, "package")

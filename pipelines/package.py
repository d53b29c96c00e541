"""Stage package: the archive that TorchServe loads, and the champion in MLflow's registry."""

import hashlib

from pipelines.runtime.files import read_json
from pipelines.runtime.stage_runner import run_stage
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.tracking.background import start_in_background
from serving import archive


def package(name: str) -> None:
    folder = paths.export_folder(name)
    for file, expected in read_json(folder / "signature.json")["hashes"].items():
        if hashlib.sha256((folder / file).read_bytes()).hexdigest() != expected:
            raise UserError(f"{folder / file} is not the file that was proven equal; run `dvc repro -f export@{name}`")
    try:
        archive.build_archive(
            paths.package_folder(name) / f"{name}.mar",
            signature=folder / "signature.json",
            model=folder / "model.onnx",
            golden=folder / "golden.npz",
        )
    except ValueError as error:  # serving knows nothing of our failures
        raise UserError(str(error)) from None
    start_in_background("--registry", name)


if __name__ == "__main__":
    run_stage(package, paths.STATE_FOLDER)

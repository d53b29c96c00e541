"""Stage package: the archive that TorchServe loads, and the champion in MLflow's registry."""

import hashlib

from pipelines.runtime.files import read_json
from pipelines.runtime.stage_runner import run
from pipelines.runtime.user_error import Failure
from pipelines.settings import paths
from pipelines.tracking.background import in_background
from serving import archive


def package(name: str) -> None:
    exported = paths.exported(name)
    for file, expected in read_json(exported / "signature.json")["hashes"].items():
        if hashlib.sha256((exported / file).read_bytes()).hexdigest() != expected:
            raise Failure(f"{exported / file} is not the file that was proven equal; run `dvc repro -f export@{name}`")
    try:
        archive.build(
            paths.packaged(name) / f"{name}.mar",
            signature=exported / "signature.json",
            model=exported / "model.onnx",
            golden=exported / "golden.npz",
        )
    except ValueError as error:  # serving knows nothing of our failures
        raise Failure(str(error)) from None
    in_background("--registry", name)


if __name__ == "__main__":
    run(package, paths.STATE)

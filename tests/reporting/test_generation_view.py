"""What the report of a generation shows."""

from pathlib import Path

import numpy as np

from pipelines.reporting.views import generation

ROWS = 60


def copied(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32)


def test_memorised_training_examples_are_detected(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3 * ROWS, 8, 8), dtype=np.uint8)
    train, unseen, fresh = images[:ROWS], images[ROWS : 2 * ROWS], images[2 * ROWS :]
    for drawn, share in ((copied(train), "1"), (copied(fresh), "0")):
        generation.draw_nearest_neighbours(tmp_path, drawn, unseen, train)
        last = (tmp_path / "tables" / "memorisation.csv").read_text().splitlines()[-1]
        assert last.endswith(f",{share}") or float(last.rsplit(",", 1)[1]) < 0.1 * (share == "0")

"""Reply summaries: one line per reply, and images as files."""

from pathlib import Path
from typing import Any

import pytest

from serving.client.summary import format_reply, write_images
from tests.support.request_bodies import base64_object, blank_png

IMAGE = base64_object(blank_png())
SUMMARIES: dict[str, tuple[dict[str, Any], str]] = {
    "two classes": (
        {"label": "yes", "probability": 0.7, "probabilities": {"no": 0.3, "yes": 0.7}, "threshold": 0.6},
        "yes (70.0%; then no 30.0%; threshold 60.0%)",
    ),
    "a class below the largest": (
        {"label": "no", "probability": 0.4, "probabilities": {"no": 0.4, "yes": 0.6}}, "no (40.0%; then yes 60.0%)",
    ),
    "a value": ({"value": 1234.5678}, "1235"),
    "an interval": (
        {"value": 2.0, "unit": "m", "low": 1.0, "high": 3.0, "coverage": 0.9}, "2 m (1 to 3 in 90% of cases)",
    ),
    "a date": (
        {"value": "2000-01-01", "low": "1999-12-31", "high": "2000-01-02"}, "2000-01-01 (1999-12-31 to 2000-01-02)",
    ),
    "a forecast": (
        {"horizon": [{"step": 1, "wind": {"0.1": 1, "0.5": 2, "0.9": 3, "low": 0.5, "high": 4}, "sun": {"0.5": 7}}]},
        "step 1: wind 2 (0.5 to 4), sun 7",
    ),
    "a forecast with times": (
        {"horizon": [{"step": 1, "sun": {"0.1": 1, "0.5": 2, "0.9": 3}}], "times": ["1962"]}, "1962: sun 2 (1 to 3)",
    ),
    "a mask": (
        {"mask": IMAGE, "size": [8, 6], "area": {"ground": 0.75, "cell": 0.25}},
        "ground 75.0%, cell 25.0% of 6 x 8 pixels",
    ),
    "an anomaly": (
        {"score": 3.0, "threshold": 2.0, "anomalous": True, "reconstruction": {}}, "anomalous (score 3, threshold 2)",
    ),
    "a reconstruction": ({"score": 0.125, "reconstruction": {"image": IMAGE}}, "score 0.125"),
    "a sample": ({"samples": [IMAGE]}, "1 sample"),
    "samples": ({"samples": [IMAGE] * 2, "seed": 3}, "2 samples from seed 3"),
    "notes": ({"value": 1.0, "notes": ["age: odd", "sex: odd"]}, "1 [age: odd; sex: odd]"),
}  # fmt: skip


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_reply_is_summarized_in_one_line(name: str) -> None:
    reply, line = SUMMARIES[name]
    assert format_reply("it", reply) == f"it: {line}"


def test_the_images_of_a_reply_become_files(tmp_path: Path) -> None:
    reply = {"samples": [IMAGE] * 2, "reconstruction": {"my/image": IMAGE}, "seed": 3}
    paths = write_images(tmp_path / "new", "drawn", reply)
    names = ["drawn-samples-0.png", "drawn-samples-1.png", "drawn-reconstruction-my_image.png"]
    assert [path.name for path in paths] == names
    assert all(path.read_bytes() == blank_png() for path in paths)

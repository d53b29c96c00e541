"""The serving benchmark: which archives it measures, and what it calls their examples."""

from pathlib import Path

import pytest

from benchmarks.serving import Measurement, choose_archives, describe_inputs, example_noun, format_table
from serving.archive import read_archive
from serving.worker.integrity import InvalidArchive
from tests.support.small_models import SMALL_MODELS, build_model_archive

NOUNS = {
    "survival": "rows",
    "prices": "rows",
    "spam": "texts",
    "weather": "sequences",
    "cells": "images",
    "pumps": "rows",
    "photographs": "images",
    "drawn": "samples",
    "scenes": "images",
    "whistles": "recordings",
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose artifacts hold a table's archive and an image's."""
    for name in ("prices", "scenes", "cells"):
        build_model_archive(tmp_path / "artifacts" / name / "package", name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def chosen_names(*names: str) -> list[str]:
    return [package.signature.name for package in choose_archives(names)]


def test_the_default_is_the_first_archive_of_images_and_the_others_are_named(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert chosen_names() == ["cells"]
    assert "cells, prices, scenes. Measuring cells" in capsys.readouterr().out


def test_the_archives_that_are_named_are_measured(store: Path) -> None:
    assert chosen_names("prices") == ["prices"]
    assert chosen_names("artifacts/scenes/package/scenes.mar", "prices") == ["scenes", "prices"]


def test_a_name_without_an_archive_is_an_error(store: Path) -> None:
    with pytest.raises(InvalidArchive, match=r"titanic is no archive: .* artifacts: cells, prices, scenes"):
        chosen_names("titanic")


@pytest.mark.parametrize("name", SMALL_MODELS)
def test_examples_are_called_what_the_inputs_are(tmp_path: Path, name: str) -> None:
    signature = read_archive(build_model_archive(tmp_path, name)).signature
    assert example_noun(signature) == NOUNS[name]
    assert describe_inputs(signature).startswith(f"{signature.task} of {NOUNS[name]}")
    measurements = [Measurement(100.0, 1.0, 2.0)] * 3
    assert f"{NOUNS[name]}/s" in format_table({"ONNX Runtime": measurements}, NOUNS[name])

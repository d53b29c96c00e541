"""Recordings: from folders, names and lists, of any rate, and files that are none."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from pipelines.data.audio import NO_SAMPLE
from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.audio.load import AudioSettings, load_audio
from tests.support.request_bodies import wav


def tone(pitch: float, seconds: float = 0.2, rate: int = 8000, **form: Any) -> bytes:
    """A recording of a tone of so many Hz."""
    return wav(np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate) * 0.5, rate, **form)


def tree(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def read(path: Path, **settings: Any) -> Dataset:
    return load_audio(AudioSettings.model_validate({"kind": "audio", "path": str(path), **settings}))


def said(data: Dataset) -> dict[str, str]:
    return {finding.check: finding.sentence for finding in data.findings}


def two_classes(count: int = 10) -> dict[str, bytes]:
    return {f"{name}/{n}.wav": tone(pitch + n) for name, pitch in (("low", 300), ("high", 900)) for n in range(count)}


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    data = read(tree(tmp_path, two_classes()))
    (field,) = data.schema.inputs
    assert (field.kind, field.dtype, field.shape, field.rate) == ("audio", "int16", (1600,), 8000)
    assert data.schema.target.categories == ("high", "low")
    assert data.part.target.tolist() == [0] * 10 + [1] * 10
    assert data.part.inputs[0].dtype == np.int16
    assert abs(int(data.part.inputs[0].max()) - 16384) < 50


def test_recordings_of_other_rates_lengths_and_forms_are_brought_to_one(tmp_path: Path) -> None:
    odd = {
        "low/44100.wav": tone(300, rate=44100),
        "low/stereo.wav": tone(300, channels=2),
        "low/deep.wav": tone(300, subtype="PCM_24"),
        "low/packed.flac": tone(300, format="FLAC"),
        "low/short.WAV": tone(300, 0.1),
    }
    data = read(tree(tmp_path, {**two_classes(), **odd}))
    notes = " ".join(data.notes)
    assert "44100 (1)" in notes
    assert "channels of 1 recording were averaged" in notes
    assert "such as of 24" in notes
    samples = dict(zip(sorted({**two_classes(), **odd}), data.part.inputs[0], strict=True))
    assert (samples["low/short.WAV"][:800] == NO_SAMPLE).all()
    assert (samples["low/short.WAV"][800:] != NO_SAMPLE).all()
    np.testing.assert_allclose(samples["low/stereo.wav"], samples["low/packed.flac"], atol=1)
    middle = slice(200, -200)
    assert np.abs(samples["low/44100.wav"][middle] - samples["low/packed.flac"][middle].astype(int)).max() < 60


def test_a_long_recording_keeps_its_beginning(tmp_path: Path) -> None:
    long = wav(np.concatenate([np.full(800, 0.25), np.full(80_000, -0.5)]))
    data = read(tree(tmp_path, {**two_classes(), "low/long.wav": long}), seconds=0.1)
    assert data.part.inputs[0].shape == (21, 800)
    assert (data.part.inputs[0][-1] == 8192).all()
    assert "21 of 21 were longer than 0.1 s (up to 10.1 s)" in said(data)["cut_recordings"].replace(
        "recordings of", "of"
    )


def test_a_very_long_recording_is_read_no_further_than_needed(tmp_path: Path) -> None:
    tree(tmp_path, two_classes())
    header = wav(np.zeros(1))[:40]
    with (tmp_path / "low" / "hours.wav").open("wb") as file:
        file.write(header + (2**31 - 2**10).to_bytes(4, "little"))
        file.truncate(2**31)  # two GiB of silence, 37 hours
    data = read(tmp_path, seconds=0.5)
    assert len(data.part.target) == 21
    assert "low/hours.wav" in said(data)["silent_recordings"]


BAD = {
    "no bytes": (b"", "is empty (0 bytes)"),
    "half of a header": (tone(300)[:30], "its header is damaged"),
    "a text": (b"RIFF but not really", "its header is damaged"),
    "no sample": (wav(np.zeros(0)), "holds no sound"),
    "no numbers": (wav(np.full(9, np.nan), subtype="FLOAT"), "values that are no numbers"),
    "a cut FLAC": (wav(np.random.default_rng(0).normal(size=9000) * 0.1, format="FLAC")[:4000], "is"),
    "an impossible rate": (tone(300)[:24] + (2_000_000_000).to_bytes(4, "little") + tone(300)[28:], "says"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_recording_is_set_aside_with_the_reason(name: str, tmp_path: Path) -> None:
    content, reason = BAD[name]
    ending = "flac" if "FLAC" in name else "wav"
    data = read(tree(tmp_path, {**two_classes(), f"low/odd.{ending}": content}))
    assert len(data.part.target) == 20
    assert "1 of 21 files" in said(data)["skipped_files"]
    assert reason in said(data)["skipped_files"]


def test_another_format_and_a_link_to_nothing_are_set_aside(tmp_path: Path) -> None:
    tree(tmp_path, {**two_classes(), "low/song.mp3": b"ID3"})
    (tmp_path / "high" / "gone.wav").symlink_to("nowhere")
    sentence = said(read(tmp_path))["skipped_files"]
    assert "low/song.mp3 (.mp3 is not read here; save it as WAV or FLAC)" in sentence
    assert "high/gone.wav (is a link to nothing)" in sentence


def test_classes_and_speakers_come_from_names(tmp_path: Path) -> None:
    files = {f"{word}_{who}_{n}.wav": tone(200 + n) for word in (0, 1) for who in ("ann", "bob") for n in range(3)}
    data = read(tree(tmp_path, files), label="^([0-9]+)_", speaker="_([a-z]+)_")
    assert data.schema.target.categories == ("0", "1")
    assert data.keys["speaker"].tolist() == (["ann"] * 3 + ["bob"] * 3) * 2


def test_a_list_names_recordings_with_their_labels_and_keys(tmp_path: Path) -> None:
    tree(tmp_path, two_classes(2))
    lines = ["clip,word,who", "low/0.wav,no,ann", "low/1,no,bob", "high/0.wav,yes,ann", "high/1.wav,yes,bob"]
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
    data = read(tmp_path / "list.csv", folder=str(tmp_path), file="clip", target="word")
    assert data.schema.target.name == "word"
    assert data.keys["who"].tolist() == ["ann", "bob", "ann", "bob"]


REFUSED: dict[str, tuple[dict[str, bytes], dict[str, Any], str]] = {
    "no recording": ({"a/x.txt": b"x"}, {}, r"holds no recording \(.wav, .flac\); found a/x.txt"),
    "nothing": ({}, {}, "it is empty"),
    "many broken": ({**two_classes(2), "low/x.wav": b"", "low/y.wav": b""}, {}, "or state `unusable: skip`"),
    "all broken": ({"low/x.wav": b"", "high/y.wav": b""}, {}, "nothing is left"),
    "no label in the names": (
        {"x.wav": tone(300)},
        {"label": "([0-9])"},
        "nothing is left: x.wav .* holds no class by",
    ),
    "nobody speaks": (two_classes(), {"speaker": "by_([a-z]+)"}, "finds nobody in 20 of 20 names, such as high/0.wav"),
    "classes below": ({f"all/{name}": one for name, one in two_classes(1).items()}, {}, "set path to .*/all"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_folder_that_cannot_be_used_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    files, settings, sentence = REFUSED[name]
    with pytest.raises(UserError, match=sentence):
        read(tree(tmp_path, files), **settings)


def test_a_list_without_its_folder_or_with_a_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("file,word\na.wav,x\n")
    with pytest.raises(UserError, match="set `folder` to the folder"):
        read(tmp_path / "list.csv", target="word")
    with pytest.raises(UserError, match="label: is for a folder"):
        read(tmp_path / "list.csv", target="word", label="(a)")


@pytest.mark.parametrize(
    "settings", [{"label": "x"}, {"speaker": "(a)(b)"}, {"speaker": "("}, {"rate": 10}, {"seconds": 0.0}]
)
def test_a_setting_that_makes_no_sense_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AudioSettings.model_validate({"kind": "audio", "path": "x", **settings})

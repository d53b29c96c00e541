"""Recordings: the samples that the endpoint reads are those that training would have read."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.stems import audio as stem
from pipelines.data import audio as stored
from pipelines.data.schema import Field as SchemaField
from pipelines.exporting.signature import _input_entry
from pipelines.sources.audio import decode as training
from serving.worker import recording
from serving.worker.recording import decode_recording, encode_wav
from serving.worker.signature import Field
from tests.support.handler_calls import Request, predict, send
from tests.support.request_bodies import FLAC, WAV, recording_body, wav

NOISE = np.random.default_rng(0).normal(size=900) * 0.2
RECORDINGS = {
    "8 bits": wav(NOISE, subtype="PCM_U8"),
    "16 bits": wav(NOISE),
    "24 bits": wav(NOISE, subtype="PCM_24"),
    "32 bits": wav(NOISE, subtype="PCM_32"),
    "numbers beyond full scale": wav(NOISE * 20, subtype="FLOAT"),
    "doubles": wav(NOISE, subtype="DOUBLE"),
    "two channels": wav(NOISE, channels=2),
    "six channels": wav(NOISE, channels=6),
    "FLAC": wav(NOISE, format="FLAC"),
    "FLAC of 24 bits": wav(NOISE, format="FLAC", subtype="PCM_24"),
    "telephone": wav(NOISE, subtype="ULAW"),
    "a higher rate": wav(NOISE, rate=44100),
    "a lower rate": wav(NOISE, rate=3000),
    "an odd rate": wav(NOISE, rate=11027),
    "one sample": wav(NOISE[:1]),
    "the lowest sample": wav(np.array([-1.0, 0.5])),
    "a long one": wav(np.tile(NOISE, 40), rate=22050),
}


def field(rate: int = 8000, samples: int = 400) -> Field:
    entry = _input_entry(SchemaField(name="recording", kind="audio", dtype="int16", shape=(samples,), rate=rate))
    return Field("recording", "audio", "int16", (samples,), None, entry["decode"] or {})


@pytest.mark.parametrize("name", RECORDINGS)
@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_recording_has_the_samples_that_training_reads(name: str, rate: int, tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(RECORDINGS[name])
    trained = training.decode_recording(tmp_path / "sound.wav", rate, 400)
    served = decode_recording(RECORDINGS[name], field(rate), "recording")
    assert served.dtype == np.int16
    np.testing.assert_array_equal(served[served != recording.NO_SAMPLE], trained)
    assert (served[: 400 - len(trained)] == recording.NO_SAMPLE).all()


def test_the_rules_of_training_and_serving_are_the_same() -> None:
    for name in ("MIN_RATE", "MAX_RATE", "MAX_CHANNELS", "ZERO_CROSSINGS", "ROLL_OFF", "FULL_SCALE"):
        assert getattr(training, name) == getattr(recording, name)
    assert stored.NO_SAMPLE == recording.NO_SAMPLE == stem.NO_SAMPLE


def test_a_tone_keeps_its_height_at_another_rate() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44100) / 44100).astype(np.float32)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(training.resample(tone, 44100, 16000)[200:-200], expected[200:-200], atol=1e-3)


def test_what_the_lower_rate_cannot_hold_is_left_out() -> None:
    whistle = np.sin(2 * np.pi * 7000 * np.arange(16000) / 16000).astype(np.float32)
    assert np.abs(training.resample(whistle, 16000, 8000)[200:-200]).max() < 1e-2


def test_a_recording_is_written_as_it_is_read() -> None:
    samples = np.random.default_rng(1).integers(-32767, 32768, 400).astype(np.int16)
    np.testing.assert_array_equal(decode_recording(encode_wav(samples, 8000), field(), "recording"), samples)


@pytest.mark.parametrize("media_type", [WAV, FLAC, "audio/x-wav", None])
def test_a_recording_is_sent_as_it_is_or_as_base64(media_type: str | None, handlers: dict[str, Any]) -> None:
    content = RECORDINGS["FLAC" if media_type == FLAC else "16 bits"]
    ((status, reply),) = send(handlers["whistles"], Request(content, media_type))
    assert status == 200
    assert reply == predict(handlers["whistles"], recording_body(content))


def test_silence_is_noted(handlers: dict[str, Any]) -> None:
    assert "recording: holds silence alone" in str(predict(handlers["whistles"], wav(np.zeros(99)), WAV))

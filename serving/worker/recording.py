"""Recordings: WAV and FLAC bytes to the samples that the graph reads, safe for bytes from anywhere.

Channels are averaged, another rate is resampled, and samples become whole numbers of 16 bits. Training has the same
steps in pipelines/sources/audio/decode.py, and a test compares the two sample by sample.
"""

import io
import math
import struct
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from serving.worker.request_error import RequestError
from serving.worker.signature import Field

WAV, FLAC = "audio/wav", "audio/flac"
NO_SAMPLE = -32768  # stands where a recording has no sample: shorter ones begin with it
MIN_RATE, MAX_RATE = 1000, 384_000  # samples per second of a recording
MAX_CHANNELS = 32
FULL_SCALE = 32768.0
ZERO_CROSSINGS = 16  # of the sinc on either side
ROLL_OFF = 0.945  # of half the lower rate, up to which frequencies are kept
CHUNK_ROWS = 4096  # samples that are resampled at once


def detect_recording(content: bytes) -> str | None:
    """Detect WAV or FLAC by the first bytes; None for anything else."""
    if content[:4] in (b"RIFF", b"RF64") and content[8:12] == b"WAVE":
        return WAV
    return FLAC if content.startswith(b"fLaC") else None


def decode_recording(content: bytes, field: Field, where: str) -> NDArray[Any]:
    """Decode a recording to the field's samples (S,), int16: the beginning of a longer one; a shorter one at the end.

    Raises:
        RequestError: the bytes are no WAV or FLAC, are damaged, or hold no sound.
    """
    accepted = field.decode_options["media"]
    media_type = detect_recording(content)
    if media_type is None or media_type not in accepted:
        what = media_type or f"{len(content)} bytes that are neither WAV nor FLAC"
        raise RequestError(400, f"{where}: expected a recording as {' or '.join(accepted)}, found {what}")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            sound, rate = _read_sound(file, field, where)
    except RuntimeError as error:  # what libsndfile says of damaged files
        raise RequestError(400, f"{where}: expected a readable recording, found one that is damaged") from error
    (count,) = field.shape
    samples = _to_16_bits(_resample(sound, rate, field.decode_options["rate"])[:count])
    return np.concatenate([np.full(count - len(samples), NO_SAMPLE, dtype=np.int16), samples])


def _read_sound(file: Any, field: Field, where: str) -> tuple[NDArray[np.float32], int]:
    """The beginning of an opened recording, its channels averaged: (n,), and its rate."""
    if not MIN_RATE <= file.samplerate <= MAX_RATE or file.channels > MAX_CHANNELS:
        raise RequestError(
            400,
            f"{where}: expected {MIN_RATE} to {MAX_RATE} samples per second in at most {MAX_CHANNELS} channels, found "
            f"{file.samplerate} in {file.channels}",
        )
    needed = _needed_samples(file.samplerate, field.decode_options["rate"], field.shape[0])
    values = file.read(needed, dtype="float32", always_2d=True)  # (n, channels)
    if len(values) < min(needed, file.frames):
        raise RequestError(400, f"{where}: expected a whole recording, found one that is cut off")
    if not len(values):
        raise RequestError(400, f"{where}: expected a recording that holds sound, found one without a sample")
    if not np.isfinite(values).all():
        raise RequestError(400, f"{where}: expected samples that are numbers, found others")
    return values.mean(axis=1), file.samplerate


def encode_wav(samples: NDArray[np.int16], rate: int) -> bytes:
    """Encode samples (n,) as a WAV of one channel with 16 bits, without loss."""
    sound = samples.astype("<i2").tobytes()
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(sound))
        + b"WAVEfmt "
        + form
        + b"data"
        + struct.pack("<I", len(sound))
        + sound
    )


def _to_16_bits(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples from -1 to 1 as whole numbers, of which the lowest is left to NO_SAMPLE."""
    samples: NDArray[np.int16] = np.clip(np.rint(sound * FULL_SCALE), NO_SAMPLE + 1, -NO_SAMPLE - 1).astype(np.int16)
    return samples


def _needed_samples(found_rate: int, rate: int, max_samples: int) -> int:
    """How many samples of a file the first `max_samples` at another rate are computed from."""
    return math.ceil(max_samples * found_rate / rate) + _half_width(found_rate, rate)


def _half_width(found_rate: int, rate: int) -> int:
    return math.ceil(ZERO_CROSSINGS * max(1.0, found_rate / rate) / ROLL_OFF)


def _resample(sound: NDArray[np.float32], found_rate: int, rate: int) -> NDArray[np.float32]:
    """Bring samples (n,) to another rate: a sinc under a Hann window, without frequencies that the lower rate lacks."""
    if found_rate == rate:
        return sound
    common = math.gcd(found_rate, rate)
    up, down, half = rate // common, found_rate // common, _half_width(found_rate, rate)
    cutoff = min(1.0, rate / found_rate) * ROLL_OFF
    distance = np.arange(1 - half, half + 1)[None] - np.arange(up)[:, None] / up  # (up, 2 half)
    weights = np.sinc(cutoff * distance) * (0.5 + 0.5 * np.cos(np.pi * np.clip(distance / half, -1, 1)))
    weights = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    places = np.arange(max(1, len(sound) * up // down)) * down
    padded = np.pad(sound, (half - 1, half))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half)
    result = np.empty(len(places), dtype=np.float32)
    for start in range(0, len(places), CHUNK_ROWS):
        some = places[start : start + CHUNK_ROWS]
        result[start : start + CHUNK_ROWS] = (windows[some // up] * weights[some % up]).sum(axis=1)
    return result

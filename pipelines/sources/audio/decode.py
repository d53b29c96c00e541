"""Recording files -> samples, trusting nothing about them.

Channels are averaged, another rate is resampled, and samples become whole numbers of 16 bits, exactly as the served
model does it (serving/worker/recording.py); a test compares the two sample by sample.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipelines.data.audio import NO_SAMPLE
from pipelines.sources.files.listing import Medium
from pipelines.sources.files.skipped import UnreadableFile

RECORDINGS = Medium("recording", (".wav", ".flac"), (".mp3", ".ogg", ".m4a", ".aac", ".aiff", ".aif", ".wma", ".opus"))
MIN_RATE, MAX_RATE = 1000, 384_000  # samples per second of a file
MAX_CHANNELS = 32
FULL_SCALE = 32768.0
ZERO_CROSSINGS = 16  # of the sinc on either side
ROLL_OFF = 0.945  # of half the lower rate, up to which frequencies are kept
CHUNK_ROWS = 4096  # samples that are resampled at once


class RecordingHeader(NamedTuple):
    """What a file says of itself."""

    rate: int  # samples per second
    channels: int
    samples: int  # of a channel
    bits: str  # how a sample is written: "PCM_16"


def read_recording_header(path: Path) -> RecordingHeader:
    """Read how long a recording is and how it is written.

    Raises:
        UnreadableFile: the file is no WAV or FLAC, is damaged, or holds nothing.
    """
    if path.suffix.lower() not in RECORDINGS.extensions:
        raise UnreadableFile(f"{path.suffix.lower()} is not read here; save it as WAV or FLAC")
    import soundfile

    try:
        if not path.stat().st_size:
            raise UnreadableFile("is empty (0 bytes)")
        found = soundfile.info(str(path))
    except FileNotFoundError:
        raise UnreadableFile("is a link to nothing") from None
    except OSError as error:
        raise UnreadableFile(f"cannot be read: {error.strerror}") from None
    except RuntimeError:
        raise UnreadableFile("is no WAV or FLAC, or its header is damaged") from None
    if not MIN_RATE <= found.samplerate <= MAX_RATE or found.channels > MAX_CHANNELS:
        raise UnreadableFile(
            f"says {found.samplerate} samples per second in {found.channels} channels; {MIN_RATE} to {MAX_RATE} in at "
            f"most {MAX_CHANNELS} are read"
        )
    if found.frames < 1:
        raise UnreadableFile("holds no sound")
    return RecordingHeader(found.samplerate, found.channels, found.frames, found.subtype)


def decode_recording(path: Path, rate: int, max_samples: int) -> NDArray[np.int16]:
    """The beginning of a recording at a rate: at least one and at most `max_samples` samples, (n,).

    Raises:
        UnreadableFile: the file is damaged or cut off, or holds values that are no numbers.
    """
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            needed = needed_samples(file.samplerate, rate, max_samples)
            values = file.read(needed, dtype="float32", always_2d=True)  # (n, channels)
            if len(values) < min(needed, file.frames):
                raise UnreadableFile(f"is cut off after {len(values)} of {file.frames} samples")
            found_rate = file.samplerate
    except (OSError, RuntimeError) as error:
        raise UnreadableFile(f"is damaged ({' '.join(str(error).split())[-80:]})") from None
    if not len(values) or not np.isfinite(values).all():
        raise UnreadableFile("holds values that are no numbers" if len(values) else "holds no sound")
    return to_16_bits(resample(values.mean(axis=1), found_rate, rate)[:max_samples])


def to_16_bits(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples from -1 to 1 as whole numbers, of which the lowest is left to NO_SAMPLE."""
    samples: NDArray[np.int16] = np.clip(np.rint(sound * FULL_SCALE), NO_SAMPLE + 1, -NO_SAMPLE - 1).astype(np.int16)
    return samples


def needed_samples(found_rate: int, rate: int, max_samples: int) -> int:
    """How many samples of a file the first `max_samples` at another rate are computed from."""
    return math.ceil(max_samples * found_rate / rate) + _half_width(found_rate, rate)


def _half_width(found_rate: int, rate: int) -> int:
    return math.ceil(ZERO_CROSSINGS * max(1.0, found_rate / rate) / ROLL_OFF)


def resample(sound: NDArray[np.float32], found_rate: int, rate: int) -> NDArray[np.float32]:
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

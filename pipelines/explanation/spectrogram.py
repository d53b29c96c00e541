"""Spectrogram as a network reads it of a recording, with the time of its steps and the pitch of its bands.

Shapes: n recordings, S samples, T steps, M bands.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from models.stems.audio import AudioStem
from pipelines.explanation.feature_model import stems_of
from pipelines.explanation.subject import Subject


class SpectrogramAxes(NamedTuple):
    """Where steps and bands are."""

    seconds: NDArray[np.float64]  # (T,), from the beginning of the longest recording to the middle of the step
    hertz: NDArray[np.float64]  # (M,), where a band hears best


def spectrogram_axes(subject: Subject) -> SpectrogramAxes:
    """Time and pitch of what a contender that hears recordings reads."""
    spectrogram = _audio_stem(subject).spectrogram
    (field,) = subject.task.input_fields
    assert field.rate is not None, "a recording has a rate"
    frames = 1 + (field.shape[0] - spectrogram.window) // spectrogram.hop
    first = frames - spectrogram.steps * spectrogram.pooled
    starts = (first + np.arange(spectrogram.steps) * spectrogram.pooled) * spectrogram.hop
    span = spectrogram.window + (spectrogram.pooled - 1) * spectrogram.hop
    peaks = spectrogram.filters.argmax(1).numpy() / (spectrogram.filters.shape[1] - 1)
    return SpectrogramAxes((starts + span / 2) / field.rate, peaks * field.rate / 2)


@torch.no_grad()
def read_spectrograms(subject: Subject, samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """The levels of recordings (n, S), (n, T, M), NaN where there is no sound."""
    levels = _audio_stem(subject).spectrogram(torch.from_numpy(np.asarray(samples)))
    return np.asarray(levels.double().numpy())


def _audio_stem(subject: Subject) -> AudioStem:
    stem = stems_of(subject.model)[0]
    assert isinstance(stem, AudioStem), "the only stem of recordings"
    return stem

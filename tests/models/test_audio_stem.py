"""The log-mel spectrogram: where tones stand, what is absent, and long recordings."""

import numpy as np
import torch

from models.stems import ColumnSpec, build_stem
from models.stems.audio import MAX_STEPS, NO_SAMPLE, LogMelSpectrogram, mel_filters

RATE = 8000


def tone(pitch: float, seconds: float = 0.5) -> torch.Tensor:
    wave = 10_000 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)
    return torch.from_numpy(wave.astype(np.int16))[None]


def test_a_higher_tone_is_loudest_in_a_higher_band() -> None:
    loudest = [
        int(LogMelSpectrogram(4000, RATE)(tone(pitch)).mean(1).argmax()) for pitch in (200, 500, 1000, 2000, 3500)
    ]
    assert loudest == sorted(set(loudest))


def test_the_level_of_a_tone_follows_its_loudness() -> None:
    spectrogram = LogMelSpectrogram(4000, RATE)
    difference = spectrogram(tone(1000)).max(2).values - spectrogram(tone(1000) // 2).max(2).values
    torch.testing.assert_close(difference, torch.full_like(difference, np.log(4)), atol=0.02, rtol=0)


def test_the_power_is_that_of_a_fourier_transform() -> None:
    sound = np.random.default_rng(0).normal(size=200) * 3000
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(200) + 0.5) / 200)
    power = np.abs(np.fft.rfft(np.rint(sound) / 32768 * hann / hann.sum(), 256)) ** 2
    expected = np.log(np.maximum(mel_filters(32, 129, RATE).numpy() @ power, 1e-8))
    found = LogMelSpectrogram(200, RATE)(torch.from_numpy(np.rint(sound).astype(np.int16))[None])
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-3)


def test_every_band_hears_something() -> None:
    for rate in (1000, 8000, 16000, 44100, 48000):
        assert (LogMelSpectrogram(rate, rate).filters.sum(1) > 0).all(), rate


def test_steps_without_a_sample_are_marked_and_do_not_matter() -> None:
    samples = torch.cat([torch.full((1, 2000), NO_SAMPLE, dtype=torch.int16), tone(500, 0.25)], 1)
    stem = build_stem((ColumnSpec("audio", (4000,), rate=RATE),), "sequence")
    stem.fit((np.concatenate([samples.numpy()] * 3),))
    features = stem(samples)[0]
    assert features[:, -1].tolist() == sorted(features[:, -1].tolist())
    assert 0 < features[:, -1].sum() < len(features)
    assert (features[features[:, -1] == 0] == 0).all()


def test_a_long_recording_has_no_more_steps_and_every_part_of_it_counts() -> None:
    stem = build_stem((ColumnSpec("audio", (10 * RATE,), rate=RATE),), "sequence")
    assert stem.input_shape[0] <= MAX_STEPS
    quiet = torch.zeros((1, 10 * RATE), dtype=torch.int16)
    for second in range(1, 10):
        loud = quiet.clone()
        loud[:, second * RATE : second * RATE + 400] = tone(1000, 0.05)
        assert (stem(loud) != stem(quiet)).any(), second


def test_absent_frames_do_not_quieten_a_step() -> None:
    """A step of several frames, of which some are absent, has the level of the others."""
    spectrogram = LogMelSpectrogram(10 * RATE, RATE)
    samples = torch.full((1, 10 * RATE), NO_SAMPLE, dtype=torch.int16)
    samples[:, -4000:] = tone(1000)
    level = spectrogram(samples)[0].max(1).values
    heard = level[level.isfinite()]
    assert heard.max() - heard.min() < 1.5


def test_many_recordings_are_read_as_one_is() -> None:
    stem = build_stem((ColumnSpec("audio", (80_000,), rate=RATE),), "vector")
    many = (np.random.default_rng(0).normal(size=(30, 80_000)) * 3000).astype(np.int16)
    stem.fit((many,))
    together = stem(torch.from_numpy(many))
    torch.testing.assert_close(together[[29]], stem(torch.from_numpy(many[29:])), atol=1e-5, rtol=0)

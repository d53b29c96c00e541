"""Audio stem: a recording's samples -> steps of the log-mel spectrogram, standardised per band.

Shapes: N recordings, B batch, S samples, T steps, J frames, M mel bands, K frequencies and W samples of a frame.
"""

import math
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType
from models.stems.steps import StepsStem

NO_SAMPLE = -32768  # stands where a recording has no sample: shorter ones begin with it
FULL_SCALE = 32768.0
FRAME_SECONDS = 0.025
HOP_SECONDS = 0.010  # from the beginning of one frame to that of the next
MAX_STEPS = 128  # that a network reads: of longer recordings, the power of several frames is averaged
MAX_BANDS = 40
FLOOR = 1e-8  # of the power in a band; that of a full-scale tone is about 0.1
CHUNK_SAMPLES = 2**20  # of the recordings whose spectra are in memory at once
FITTED_ROWS = 4096  # recordings, evenly over the train part, that mean and scale are measured on


def mel_filters(bands: int, frequencies: int, rate: int) -> Tensor:
    """Triangles on the mel scale, 2595 log10(1 + f / 700), from 0 to half the rate: (M, K)."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)  # (M + 2,)
    found = np.linspace(0, rate / 2, frequencies)  # (K,)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((found - low) / (middle - low), (high - found) / (high - middle))
    return torch.from_numpy(np.maximum(triangles, 0)).to(torch.float32)


@final
class LogMelSpectrogram(nn.Module):
    """Logarithm of the power in mel bands: int16 samples (B, S) -> (B, T, M), NaN in steps without a sample.

    The spectrum of a frame under a Hann window is a convolution with cosines and sines, which every runtime computes
    alike. https://en.wikipedia.org/wiki/Mel-frequency_cepstrum has the steps up to the logarithm.

    Args:
        samples: S, at least one frame's.
        rate: samples per second.

    Attributes:
        steps, bands: T and M.
    """

    waves: Tensor
    filters: Tensor

    def __init__(self, samples: int, rate: int) -> None:
        super().__init__()
        self.window, self.hop = max(2, round(FRAME_SECONDS * rate)), max(1, round(HOP_SECONDS * rate))
        frames = 1 + (samples - self.window) // self.hop
        self.pooled = math.ceil(frames / MAX_STEPS)  # frames of a step
        self.steps = frames // self.pooled
        points = 2 ** math.ceil(math.log2(self.window))
        frequencies = points // 2 + 1
        self.bands = min(MAX_BANDS, max(1, points // 8))
        time = np.arange(self.window)
        angles = 2 * np.pi * np.arange(frequencies)[:, None] * time / points  # (K, W)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * (time + 0.5) / self.window)
        waves = np.concatenate([np.cos(angles), np.sin(angles)]) * hann / hann.sum()  # (2 K, W)
        self.register_buffer("waves", torch.from_numpy(waves[:, None]).to(torch.float32), persistent=False)
        self.register_buffer("filters", mel_filters(self.bands, frequencies, rate), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        there = samples != NO_SAMPLE  # (B, S)
        sound = torch.where(there, samples.to(torch.float32) / FULL_SCALE, 0.0)
        spectrum = F.conv1d(sound.unsqueeze(1), self.waves, stride=self.hop)  # (B, 2 K, J)
        real, imaginary = spectrum.chunk(2, 1)
        power = torch.matmul(self.filters, real * real + imaginary * imaginary)  # (B, M, J)
        present = F.max_pool1d(there.to(torch.float32).unsqueeze(1), self.window, self.hop)  # (B, 1, J)
        if self.pooled > 1:
            last = self.steps * self.pooled  # frames, so that what is left over stands at the beginning
            share = F.avg_pool1d(present[:, :, -last:], self.pooled)  # (B, 1, T)
            power = F.avg_pool1d(power[:, :, -last:], self.pooled) / share.clamp(min=1 / self.pooled)
            present = share
        level = torch.log(power.clamp(min=FLOOR))
        return torch.where(present > 0, level, torch.full_like(level, torch.nan)).transpose(1, 2)  # (B, T, M)


@final
class AudioStem(nn.Module):
    """Log-mel spectrogram, standardised per band as StepsStem does it, with a mark of the steps that hold sound.

    Args:
        columns: one recording, int16 (S,), and its rate.
        input_type: "sequence" gives (B, T, M + 1), "vector" (B, T * M), and "image" the spectrogram (B, 1, T, M).

    Attributes:
        input_shape: of one example as the network reads it, without B.
    """

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        (column,) = columns
        self.spectrogram = LogMelSpectrogram(column.shape[0], column.rate)
        shape = (self.spectrogram.steps, self.spectrogram.bands)
        self.chunk_rows = max(1, CHUNK_SAMPLES // column.shape[0])
        self.is_image = input_type == "image"
        self.steps = StepsStem((ColumnSpec("steps", shape),), "sequence" if self.is_image else input_type)
        self.input_shape: tuple[int, ...] = (1, *shape) if self.is_image else self.steps.input_shape

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Fit mean and scale of every band to the recordings of the train part, int16 (N, S)."""
        (samples,) = arrays
        some = samples[:: max(1, math.ceil(len(samples) / FITTED_ROWS))]
        chunks = (some[start : start + self.chunk_rows] for start in range(0, len(some), self.chunk_rows))
        with torch.no_grad():
            levels = [self.spectrogram(torch.from_numpy(rows.copy())).numpy() for rows in chunks]
        self.steps.fit((np.concatenate(levels),))

    def forward(self, samples: Tensor) -> Tensor:
        is_recorded = torch.compiler.is_compiling() or torch._C._get_tracing_state() is not None  # as TorchScript does
        levels = self.spectrogram(samples) if is_recorded else self._read_in_chunks(samples)
        features: Tensor = self.steps(levels)
        return features[:, :, :-1].unsqueeze(1) if self.is_image else features

    def _read_in_chunks(self, samples: Tensor) -> Tensor:
        """The levels (N, T, M) of many recordings, whose spectra together would not fit into memory."""
        return torch.cat([self.spectrogram(rows) for rows in torch.split(samples, self.chunk_rows)])

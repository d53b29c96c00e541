"""Sequence tasks whose answer is known: what tells one network over sequences from another.

Every sequence is (N, T, F) with a last feature of 1, the mark of a step that is present.

Shapes: N examples, T steps, F features, K symbols, W steps of a window.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

ADDING_VARIANCE = 1 / 6  # of the sum of two numbers between 0 and 1: the error of a network that shrugs
NARMA_ORDER = 10  # steps that the series looks back
MACKEY_GLASS_DELAY = 17  # time units
APPLIANCES, CYCLE_STEPS = 11, 128  # classes of currents; steps of a cycle of the mains
HARMONICS = (1, 3, 5, 7, 9)  # of the mains, whose sizes and phases make an appliance
EULER_STEPS = 10  # per time unit


def adding_problem(rows: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Numbers between 0 and 1, two of them marked, one in either half; the target is the sum of these, (N, 1).

    Source: Hochreiter & Schmidhuber 1997, experiment 4, as Le, Jaitly & Hinton 2015 have it.
    """
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.rand(rows, steps, generator=generator)
    half = steps // 2
    places = torch.stack(
        [
            torch.randint(0, half, (rows,), generator=generator),
            torch.randint(half, steps, (rows,), generator=generator),
        ],
        1,
    )
    marks = torch.zeros(rows, steps).scatter(1, places, 1.0)
    return torch.stack([numbers, marks, torch.ones_like(numbers)], 2), (numbers * marks).sum(1, keepdim=True)


def marked_symbol(rows: int, steps: int, symbols: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Random symbols, one of them marked; the target is that symbol. Returns x, the target (N,), the place (N,)."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randint(0, symbols, (rows, steps), generator=generator)
    place = torch.randint(0, steps, (rows,), generator=generator)
    mark = F.one_hot(place, steps).float()[:, :, None]
    x = torch.cat([F.one_hot(drawn, symbols).float(), mark, torch.ones_like(mark)], 2)
    return x, drawn[torch.arange(rows), place], place


def appliance_currents(rows: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy currents of a size and from a moment of their own; the target is the appliance (N,), told by its wave.

    The waves of the APPLIANCES are the same for every seed. Returns (N, T, 2) and (N,).
    """
    waves = torch.Generator().manual_seed(0)
    order = torch.tensor(HARMONICS).float()
    amplitude = torch.rand(APPLIANCES, len(order), generator=waves) / order.sqrt()
    amplitude = amplitude / amplitude.square().sum(1, keepdim=True).sqrt()
    phase = 2 * torch.pi * torch.rand(APPLIANCES, len(order), generator=waves)
    generator = torch.Generator().manual_seed(seed)
    appliance = torch.randint(0, APPLIANCES, (rows,), generator=generator)
    begin = torch.rand(rows, 1, 1, generator=generator)  # in cycles
    size = 1 + 0.2 * torch.randn(rows, 1, 1, generator=generator)
    cycles = torch.arange(steps)[None, :, None] / CYCLE_STEPS + begin  # (N, T, 1)
    angles = 2 * torch.pi * order * cycles + phase[appliance][:, None]  # (N, T, harmonics)
    wave = (amplitude[appliance][:, None] * angles.sin()).sum(2, keepdim=True)
    x = size * wave * 2**0.5 + 0.3 * torch.randn(rows, steps, 1, generator=generator)
    return torch.cat([x, torch.ones_like(x)], 2), appliance


def narma10(windows: int, steps: int, seed: int) -> tuple[Tensor, Tensor]:
    """Windows of a random drive, and what a nonlinear system of order 10 makes of it; (N, W, 2) and (N, 1).

    y(t+1) = 0.3 y(t) + 0.05 y(t) (y(t) + ... + y(t-9)) + 1.5 u(t-9) u(t) + 0.1, u uniform between 0 and 0.5.
    Source: Atiya & Parlos 2000, https://doi.org/10.1109/72.846741, equation 86.
    """
    drive = np.random.default_rng(seed).uniform(0, 0.5, windows + steps)
    series = np.zeros(len(drive) + 1)
    for t in range(NARMA_ORDER - 1, len(drive)):
        past = series[t - NARMA_ORDER + 1 : t + 1]
        echo = 1.5 * drive[t - NARMA_ORDER + 1] * drive[t]
        series[t + 1] = 0.3 * series[t] + 0.05 * series[t] * past.sum() + echo + 0.1
    return _windows(drive, steps, windows), torch.from_numpy(series[steps : steps + windows, None]).float()


def mackey_glass(windows: int, steps: int, ahead: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Windows of the Mackey-Glass series with a delay of 17, one step per time unit, and its value some steps later.

    x' = 0.2 x(t-17) / (1 + x(t-17)^10) - 0.1 x(t), by Euler's method with ten steps per time unit.
    Source: Mackey & Glass 1977; Jaeger 2001, section 5.

    Returns:
        The windows (N, W, 2), standardised; the target (N, 1); the last value of each window (N, 1).
    """
    delay, warm_up = MACKEY_GLASS_DELAY * EULER_STEPS, 1000
    total = (warm_up + windows + steps + ahead) * EULER_STEPS
    x = np.full(delay + total, 1.2) + 0.2 * (np.random.default_rng(seed).random(delay + total) - 0.5)
    for t in range(delay, delay + total - 1):
        x[t + 1] = x[t] + (0.2 * x[t - delay] / (1 + x[t - delay] ** 10) - 0.1 * x[t]) / EULER_STEPS
    series = x[delay::EULER_STEPS][warm_up:]
    series = (series - series.mean()) / series.std()
    first = np.arange(windows)
    later = torch.from_numpy(series[first + steps - 1 + ahead, None]).float()
    return _windows(series, steps, windows), later, torch.from_numpy(series[first + steps - 1, None]).float()


def _windows(series: np.ndarray, steps: int, windows: int) -> Tensor:
    """Overlapping windows of a series, with the mark of presence; (N, W, 2)."""
    cut = np.lib.stride_tricks.sliding_window_view(series, steps)[:windows]
    x = torch.from_numpy(cut.copy()).float()[:, :, None]
    return torch.cat([x, torch.ones_like(x)], 2)


def normalised_error(predicted: Tensor, target: Tensor) -> float:
    """NRMSE: the root of the mean squared error, in standard deviations of the target."""
    return float((predicted - target).square().mean().sqrt() / target.std())

"""Forecasts of AutoETS for the rows of a part: the states go on from row to row where rows follow each other.

A window does not say when it is. Where a chain of rows begins, every phase of the season is tried, and the one that
expects the window's steps best is taken.

Shapes: N rows, W steps of the window, H of the horizon, F variables, M steps of a season.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.baselines.ets import FittedETS, Floats, States, StateSpace, fit_ets

MAX_FIT_ROWS = 1000  # the last rows of the train part, that are fitted to
MAX_FIT_STEPS = 1000  # and the last of their steps; of a long season MIN_FIT_SEASONS of it
MIN_FIT_SEASONS = 5
MAX_BLOCK_NUMBERS = 2**22  # of the seasons in all phases, which bounds the memory


def fit_rows(windows: Floats, futures: Floats, season: int | None) -> list[FittedETS]:
    """AutoETS of every variable, fitted to the last steps of the train part: (N, W, F), (N, H, F)."""
    strides = find_strides(windows, futures)
    first = int(np.flatnonzero(np.concatenate([[0], strides]) == 0)[-1])  # row of the last chain
    added = [windows[row + 1, -stride:] for row, stride in enumerate(strides) if row >= first]
    series = np.concatenate([windows[first], *added, futures[-1]])
    return fit_ets(series[-max(MAX_FIT_STEPS, MIN_FIT_SEASONS * (season or 1)) :], season)


def find_strides(windows: Floats, futures: Floats) -> NDArray[np.int64]:
    """By how many steps each row but the first follows the one before, (N - 1,); 0 where it does not.

    Found by what they share: at least half a window.
    """
    rows = np.concatenate([windows, futures], axis=1)
    steps, length = windows.shape[1], rows.shape[1]
    strides = np.zeros(max(0, len(rows) - 1), dtype=np.int64)
    for stride in range(1, min(steps, length - max(1, steps // 2)) + 1):
        left = np.flatnonzero(strides == 0)
        shared = (rows[left + 1, : length - stride] == rows[left, stride:]).all(axis=(1, 2))
        strides[left[shared]] = stride
    return strides


def forecast_rows(fitted: list[FittedETS], windows: Floats, futures: Floats) -> Floats:
    """Forecasts of a part's rows, (N, H, F), each from the steps before its origin alone.

    Args:
        futures: (N, H, F); tell only which rows follow each other.
    """
    strides = np.concatenate([[0], find_strides(windows, futures)])
    forecasts = [
        _forecast_variable(one, windows[..., place], strides, futures.shape[1]) for place, one in enumerate(fitted)
    ]
    return np.stack(forecasts, axis=2)


def _forecast_variable(fitted: FittedETS, windows: Floats, strides: NDArray[np.int64], horizon: int) -> Floats:
    forecasts = np.empty((len(windows), horizon))
    starts = np.flatnonzero(strides == 0)
    phases = len(fitted.states.seasons)
    block = max(1, MAX_BLOCK_NUMBERS // phases**2)
    for begin in range(0, len(starts), block):
        rows = starts[begin : begin + block]
        states = _states_after(fitted, windows[rows])
        forecasts[rows] = StateSpace(fitted.form, fitted.factors, states).forecast(horizon)[..., 0].T
        for place, row in enumerate(rows):
            one = States(states.level[[place]], states.trend[[place]], states.seasons[:, [place]])
            space = StateSpace(fitted.form, fitted.factors, one)
            for follower in range(row + 1, len(windows)):
                if strides[follower] == 0:
                    break
                for value in windows[follower, -strides[follower] :]:
                    space.step(np.full((1, 1), value))
                forecasts[follower] = space.forecast(horizon)[:, 0, 0]
    return np.where(np.isfinite(forecasts), forecasts, windows[:, -1:])


def _states_after(fitted: FittedETS, windows: Floats) -> States:
    """States at the end of windows, (n, W), whose phase of the season is the one that expected their steps best."""
    _, trend, seasons = fitted.states
    phases, (rows, steps) = len(seasons), windows.shape
    turned = np.stack([np.roll(seasons[:, 0, 0], -phase) for phase in range(phases)], axis=1)  # (M, P)
    first = min(phases, steps)
    slope = np.broadcast_to(np.where(fitted.factors.damping < 1, 0.0, trend), (rows, phases))
    level = np.broadcast_to(windows[:, :first].mean(axis=1, keepdims=True) - slope * (first + 1) / 2, (rows, phases))
    space = StateSpace(fitted.form, fitted.factors, States(level, slope, np.repeat(turned[:, None], rows, axis=1)))
    errors = np.zeros((rows, phases))
    for step in range(steps):
        values = windows[:, [step]]
        errors += np.abs(values - space.step(values))
    states, best = space.states(), errors.argmin(axis=1)
    every = np.arange(rows)
    return States(
        states.level[every, best, None], states.trend[every, best, None], states.seasons[:, every, best, None]
    )

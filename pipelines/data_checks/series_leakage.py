"""Variables of a series that come from the future: the target some steps later, or a mean of its steps to come.

n sampled windows, W steps of a window, H steps to be forecast, D differently shifted variables.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import NO_PART
from pipelines.data.wording import format_count
from pipelines.data_checks.context import CheckContext, sample_rows
from pipelines.splitting.time_strategies import sees_future

MAX_HISTORY = 48  # the target's own last steps, whose line is what can be foreseen
MAX_SHIFT = 16  # steps before the window's end that are compared with the last step to be forecast
MIN_WINDOWS = 100
UNEXPLAINED = 0.1  # share of what the target's own past leaves open that a variable from the future may leave
FORESEEABLE = 1e-3  # share of the variance; where the target's own past leaves less open, nothing can be shown

Floats = NDArray[np.float64]


def find_series_leaks(context: CheckContext) -> Iterator[str]:
    """Variables whose values in the window tell what the target's own past cannot: in words, the best fit of each."""
    windows, future, names = _sample_windows(context)  # (n, W, F), (n, H, targets)
    if len(windows) < MIN_WINDOWS:
        return
    for target, name in enumerate(context.data.schema.target.columns):
        if name not in names:
            continue
        history = windows[:, -min(windows.shape[1], MAX_HISTORY, len(windows) // 8) :, names.index(name)]
        outcomes, phrases = _outcomes(future[:, :, target], name)
        basis = np.linalg.qr(np.column_stack([np.ones(len(history)), history]))[0]
        left_open = outcomes - basis @ (basis.T @ outcomes)
        open_share = left_open.var(axis=0) / np.maximum(outcomes.var(axis=0), 1e-30)
        for place, variable in enumerate(names):
            if variable == name:
                continue
            shifted = windows[:, ::-1, place][:, :MAX_SHIFT]  # (n, D), the last step first
            explained = _explained_shares(shifted - basis @ (basis.T @ shifted), left_open, shifted)
            explained[:, open_share < FORESEEABLE] = 0
            explained[1:, : future.shape[1] - 1] = 0  # an earlier step tells what a last step of another shift tells
            explained[1:, future.shape[1] :] = 0
            shift, outcome = np.unravel_index(int(np.argmax(explained)), explained.shape)
            if explained[shift, outcome] >= 1 - UNEXPLAINED:
                yield f"{variable} ({_describe(phrases[int(outcome)], int(shift), name, future.shape[1])})"


def _sample_windows(context: CheckContext) -> tuple[Floats, Floats, list[str]]:
    """Windows and futures without gaps, of examples that are in a part."""
    rows = sample_rows(len(context.part_of))
    rows = rows[(context.part_of[rows] != NO_PART) & ~sees_future(context.data)[rows]]
    windows = np.asarray(context.data.part.inputs[0][rows, -MAX_HISTORY:], dtype=np.float64)
    future = np.asarray(context.data.part.target[rows], dtype=np.float64)
    whole = np.isfinite(windows).all(axis=(1, 2)) & np.isfinite(future).all(axis=(1, 2))
    return windows[whole], future[whole], list(context.data.schema.inputs[0].columns)


def _outcomes(future: Floats, name: str) -> tuple[Floats, list[str]]:
    """Every step to come (n, H), then the mean of the first 2, 3, ... H, with a phrase for each."""
    steps = future.shape[1]
    means = np.cumsum(future, axis=1)[:, 1:] / np.arange(2, steps + 1)
    phrases = [f"{name} {format_count(ahead + 1, 'step')} later" for ahead in range(steps)]
    phrases += [f"the mean of the next {count} steps of {name}" for count in range(2, steps + 1)]
    return np.concatenate([future, means], axis=1), phrases


def _explained_shares(shifted: Floats, outcomes: Floats, raw: Floats) -> Floats:
    """Squared correlations (D, outcomes) of what is left of both; 0 where next to nothing is left."""
    own, other = np.sqrt(np.square(shifted).sum(axis=0)), np.sqrt(np.square(outcomes).sum(axis=0))
    moving = own > 1e-5 * np.maximum(np.sqrt(np.square(raw).sum(axis=0)), 1e-30)
    scale = np.where(moving, own, np.inf)[:, None] * np.maximum(other, 1e-30)[None, :]
    return np.asarray(np.square(shifted.T @ outcomes / scale))


def _describe(phrase: str, shift: int, name: str, horizon: int) -> str:
    return f"{name} {format_count(horizon + shift, 'step')} later" if shift else f"it is nearly {phrase}"

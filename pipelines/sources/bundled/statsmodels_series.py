"""Time series inside the statsmodels package, cut into windows; nothing is downloaded."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipelines.data.dataset import Dataset, Finding
from pipelines.sources.series.load import cut_windows
from pipelines.sources.series.time_grid import fill_gaps, infer_grid

MAX_GAP_STEPS = 20  # steps; the longest in these series is one of 18 weeks


class StatsmodelsSettings(BaseModel):
    """`source: {kind: statsmodels, dataset: sunspots, window: 44, horizon: 8}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["statsmodels"]
    dataset: str  # a row of DATASETS
    window: int = Field(default=48, ge=1)  # steps that are shown
    horizon: int = Field(default=12, ge=1)  # steps that are forecast
    stride: int = Field(default=1, ge=1)  # steps from one window to the next

    @field_validator("dataset")
    @classmethod
    def _check_known(cls, name: str) -> str:
        if name not in DATASETS:
            raise ValueError(
                f"must be a data set of statsmodels that is known here ({', '.join(DATASETS)}), got {name}"
            )
        return name


class TimeSeries(NamedTuple):
    """One variable at T times."""

    name: str
    times: NDArray[np.datetime64]  # (T,)
    values: NDArray[np.float64]  # (T,), NaN where one is missing
    unit: str
    title: str
    origin: str
    licence: str
    notes: tuple[str, ...]


def sunspots() -> TimeSeries:
    """How many spots has the sun, year by year?

    309 years, 1700 to 2008. The number rises and falls about every 11 years, never twice the same.

    National Geophysical Data Center, http://www.ngdc.noaa.gov/stp/solar/solarda3.html
    Licence: public domain, as statsmodels states.
    """
    from statsmodels.datasets import sunspots as bundled

    table = bundled.load_pandas().data
    return TimeSeries(
        name="sunspots",
        times=(table["YEAR"].to_numpy().astype(np.int64) - 1970).astype("datetime64[Y]"),
        values=table["SUNACTIVITY"].to_numpy(dtype=np.float64),
        unit="sunspots, mean of the year",
        title="Sunspots, yearly from 1700 to 2008",
        origin="National Geophysical Data Center, http://www.ngdc.noaa.gov/stp/solar/solarda3.html, as bundled with "
        "statsmodels",
        licence="public domain, as statsmodels states",
        notes=("The number of sunspots rises and falls in about 11 years; no two such cycles are alike.",),
    )


def co2() -> TimeSeries:
    """How much carbon dioxide is in the air over Mauna Loa, week by week?

    2,284 weeks, March 1958 to December 2001, of which 59 have no value. It rises, and sinks every summer.

    Keeling & Whorf, "Atmospheric CO2 concentrations derived from flask air samples at sites in the SIO network",
    Trends: A Compendium of Data on Global Change, Carbon Dioxide Information Analysis Center, 2004.
    http://cdiac.ornl.gov/trends/co2/sio-keel-flask/sio-keel-flaskmlo_c.html
    Licence: public domain, as statsmodels states.
    """
    from statsmodels.datasets import co2 as bundled

    table = bundled.load_pandas().data
    return TimeSeries(
        name="co2",
        times=table.index.to_numpy(dtype="datetime64[us]"),
        values=table["co2"].to_numpy(dtype=np.float64),
        unit="parts per million by volume",
        title="Carbon dioxide in the air over Mauna Loa, weekly from 1958 to 2001",
        origin="C. D. Keeling and T. P. Whorf, Atmospheric CO2 concentrations derived from flask air samples at sites "
        "in the SIO network, Carbon Dioxide Information Analysis Center, 2004, "
        "http://cdiac.ornl.gov/trends/co2/sio-keel-flask/sio-keel-flaskmlo_c.html, as bundled with statsmodels",
        licence="public domain, as statsmodels states",
        notes=("Carbon dioxide rises from year to year, so the values to forecast were never seen before.",),
    )


DATASETS: dict[str, Callable[[], TimeSeries]] = {
    "sunspots": sunspots,  # 309 years; National Geophysical Data Center
    "co2": co2,  # 2,284 weeks, 59 of them filled; Keeling & Whorf 2004
}


def load_statsmodels(settings: StatsmodelsSettings) -> Dataset:
    """Cut one of the series into windows; where a value is missing, a line is drawn between its neighbours.

    Raises:
        UserError: if the series is too short for such windows.
    """
    series = DATASETS[settings.dataset]()
    times = series.times.astype("datetime64[us]")
    path = Path(settings.dataset)  # for sentences
    timeline = infer_grid(path, times, np.arange(1, len(times) + 1))
    no_words = np.zeros(1, dtype=bool)
    filled_series = fill_gaps(
        path, timeline, series.values[:, None], (series.name,), "interpolate", MAX_GAP_STEPS, no_words
    )
    window_note = f"{settings.window} steps of {timeline.step} are read and the next {settings.horizon} are forecast."
    return cut_windows(
        filled_series.values,
        timeline.times[filled_series.kept_steps],
        (series.name,),
        window=settings.window,
        horizon=settings.horizon,
        targets=(series.name,),
        step=timeline.step,
        title=series.title,
        origin=series.origin,
        licence=series.licence,
        notes=(*series.notes, window_note),
        findings=(
            _gaps_finding(
                len(filled_series.values),
                timeline.step,
                filled_series.filled_cells,
                filled_series.gap_count,
                filled_series.longest_gap,
            ),
        ),
        stride=settings.stride,
        unit=series.unit,
        last_known_steps=filled_series.last_known_steps,
    )


def _gaps_finding(steps: int, step: str, cells: int, gaps: int, longest: int) -> Finding:
    if not cells:
        return Finding("gaps", "fine", 0, f"{steps} steps of {step}: none is missing.")
    sentence = (
        f"{steps} steps of {step}, of which {cells} had no value, in {gaps} gaps of at most {longest} steps: they were "
        f"filled on a line between their neighbours. A window that would so know its future is in no part; "
        "where they are forecast, these filled values count as the reference."
    )
    return Finding("gaps", "notice", cells, sentence)

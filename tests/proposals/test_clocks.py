"""A series whose clocks were set back is read by the zone that shows its hours twice."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipelines.proposals.clocks import ZONES, find_time_zone
from pipelines.proposals.places import propose_source
from pipelines.proposals.source_proposal import ColumnSummary, SourceProposal, Wishes
from pipelines.sources.series.load import SeriesSettings, load_series

SET_BACK = {  # within the day after these
    "Europe/Berlin": datetime(2024, 10, 26, 12, tzinfo=UTC),
    "Europe/London": datetime(2024, 10, 26, 12, tzinfo=UTC),
    "Europe/Athens": datetime(2024, 10, 26, 12, tzinfo=UTC),
    "America/New_York": datetime(2024, 11, 2, 16, tzinfo=UTC),
    "Australia/Sydney": datetime(2024, 4, 6, 4, tzinfo=UTC),
}


def clock_times(zone: str) -> list[datetime]:
    """What a clock shows in each of 100 hours, one of which it shows twice."""
    hours = (SET_BACK[zone] + timedelta(hours=hour) for hour in range(-40, 60))
    return [hour.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for hour in hours]


def propose(folder: Path, times: Sequence[datetime], **stated: object) -> SourceProposal:
    lines = [f"{time:%Y-%m-%d %H:%M},{place}.5" for place, time in enumerate(times)]
    (folder / "load.csv").write_text("\n".join(["when,load", *lines, ""]))
    return propose_source(str(folder / "load.csv"), Wishes(None, None, stated, likely))


def likely(columns: Sequence[ColumnSummary], target: str | None) -> str:
    return str(target)


@pytest.mark.parametrize("zone", ZONES)
def test_the_zone_is_told_and_no_hour_is_lost_or_double(zone: str, tmp_path: Path) -> None:
    found = propose(tmp_path, clock_times(zone))
    assert found.repairs[0] == {"time_zone": zone}
    data = load_series(SeriesSettings.model_validate({**found.source, **found.repairs[0]}))
    assert set(np.diff(data.keys["time"])) == {np.timedelta64(1, "h")}
    assert data.part.inputs[0][:, 0, 0].tolist() == [place + 0.5 for place in range(len(data.part.target))]


def test_rows_that_repeat_for_another_reason_have_no_zone(tmp_path: Path) -> None:
    times = clock_times("Europe/Berlin")
    assert find_time_zone(np.array([*times[:30], times[29]], dtype="datetime64[us]")) is None
    assert find_time_zone(np.array(times[:30], dtype="datetime64[us]")) is None
    assert propose(tmp_path, [*times[:45], times[44]]).repairs[0] == {"repeats": "mean"}


def test_a_stated_zone_stays(tmp_path: Path) -> None:
    found = propose(tmp_path, clock_times("Europe/Berlin"), time_zone="Europe/Paris")
    assert found.source["time_zone"] == "Europe/Paris"
    assert not any("time_zone" in repair for repair in found.repairs)

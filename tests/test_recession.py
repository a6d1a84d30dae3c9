"""Water that falls after the peak: closed forms, laws, and the same result as before where it falls at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.engine import Water
from resilience.errors import ConfigurationError
from resilience.pipeline import assess
from tests.cities import ROAD_TO_CLINIC

HOURLY = list(range(41))


def road_city(site: Any, *, depth: float, time: dict[str, Any], **hazard: Any) -> xr.Dataset:
    """A kilometre of road at 60 km/h between a zone and its clinic, three minutes allowed; a pump that fails."""
    scenario = site.scenario(
        ROAD_TO_CLINIC, [{"values": [[0, 0, depth, 0, 1.0]], "events": ["e"], **hazard}],
        zones=[{"id": "zone", "access_asset": "a"}], needs=[("zone", "water", ["pump"], 1)],
        services={"medical": {"by": "road", "providers": {"kind": "clinic"}, "limit_minutes": 3},
                  "water": {"by": "assignment"}},
        time=time,
    )  # fmt: skip
    return assess(scenario).dataset.isel(event=0)


def hours(dataset: xr.Dataset, service: str) -> float:
    lost = dataset["person_hours_lost"].sel(service=service).values / 1000
    assert (lost == lost[0]).all()
    return float(lost[0])


def seconds(mm: float) -> float:
    """Time for a kilometre at 60 km/h or what 1.3 of Pregnolato and others (2017) allows."""
    if mm >= 300:
        return np.inf
    return 3600 / min(60.0, 0.0009 * mm**2 - 0.5529 * mm + 86.9448)


@pytest.mark.parametrize("depth", [0.25, 0.4, 1.0])
def test_a_road_opens_when_the_water_has_fallen_far_enough(site: Any, depth: float) -> None:
    found = road_city(site, depth=depth, time={"hours": HOURLY, "restart_hours": 1}, duration_hours=6,
                      recession_hours=16)  # fmt: skip
    # Two hourly steps share a level: 15.5 and 14.5 sixteenths are both eight eighths when rounded up.
    late = [seconds(1000 * np.float32(depth) * level / 8) > 180 for level in range(8, 0, -1)]
    assert True in late
    assert False in late
    assert hours(found, "medical") == 6 + 2 * sum(late)
    assert found["root_person_hours"].sel(service="medical").sum() == pytest.approx(1000 * (6 + 2 * sum(late)))
    # What is only out works again when no water is left and it has been restarted.
    assert hours(found, "water") == 6 + 16 + 1


def test_without_recession_the_result_is_that_of_water_that_goes_at_once(site: Any) -> None:
    time = {"hours": [0, 4, 24], "restart_hours": 1}
    plain = road_city(site, depth=0.25, time=time, duration_hours=6)
    zero = road_city(site, depth=0.25, time=time, duration_hours=6, recession_hours=0)
    xr.testing.assert_identical(plain.drop_attrs(), zero.drop_attrs())


@pytest.mark.parametrize("time", [[0, 40], [0, 7, 11, 40], HOURLY])
def test_a_longer_recession_never_helps(site: Any, time: list[float]) -> None:
    before = 0.0
    for recession in (0, 1, 3.5, 9, 20):
        found = road_city(site, depth=0.4, time={"hours": time}, duration_hours=6, recession_hours=recession)
        lost = hours(found, "medical")
        assert lost >= before
        before = lost
    assert before > 6


def test_every_event_has_a_recession_of_its_own(site: Any) -> None:
    assets = [{"id": "pump", "sector": "water", "kind": "pump"}]
    scenario = site.scenario(
        assets,
        [{"values": [[1.0], [1.0]], "return_periods": [10, 100], "duration_hours": [2, 4],
          "recession_hours": [1, 6]}],
        needs=[("zone", "water", ["pump"], 1)], time={"hours": [0, 40], "restart_hours": 0},
    )  # fmt: skip
    lost = assess(scenario).dataset["person_hours_lost"].isel(service=0)
    assert (lost.isel(event=0) == 3 * 1000).all()
    assert (lost.isel(event=1) == 10 * 1000).all()


@pytest.mark.parametrize(
    ("hazard", "message"),
    [
        ({"recession_hours": -1}, "greater than or equal to 0"),
        ({"recession_hours": [1, 2]}, "one number, or 1"),
        ({"recession_hours": 3, "peril": "heat", "unit": "degC"}, "only for flood"),
    ],
    ids=str,
)
def test_recession_that_is_wrong(site: Any, hazard: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        site.scenario([{"id": "pump"}], [{"values": [[1.0]], "events": ["e"], "duration_hours": 2, **hazard}])


def test_the_level_falls_evenly_and_never_tells_less_than_stands() -> None:
    water = Water(60, 860)
    levels = [water.level(minute, minute) for minute in range(861)]
    stands = np.clip((860 - np.arange(861)) / 800, 0, 1)
    assert levels == np.ceil(np.round(8 * stands, 9)).astype(int).tolist()
    # Water that is gone at once never stands between.
    assert [Water(60, 60).level(minute, minute + 1) for minute in (0, 59, 60)] == [8, 8, 0]

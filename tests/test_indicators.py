"""Indicators of access by district: the published rule in closed form, a twin per sample, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.check import check
from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.service import IndicatorRule, lay_out_districts
from resilience.service.indicators import count_districts
from resilience.service.layout import Drive, ServiceLayout, TimedPart
from resilience.store import open_results

KOREAN = {"vulnerable": {"without": ["regional", "wide"], "share": 0.3, "tolerance": 0.1}}


def region(site: Any, depth: float, *, share_far: float = 0.25, **more: Any) -> Scenario:
    """A road of 10 km at 30 km/h with a regional centre at its begin and a wide-area one at its end.

    In district N a share of the people lives 22 km further off; the bridge to all of district S fails by chance.
    """
    link = {"sector": "transport", "kind": "primary", "speed": 30 / 3.6 / 0.65, "flood_fragility_curve": ""}
    node = {"sector": "transport", "kind": "road_node", "flood_fragility_curve": ""}
    assets = [
        *({"id": name, **node} for name in ("a", "b", "f", "s")),
        {"id": "ab", "from_asset": "a", "to_asset": "b", "length": 10_000.0, **link},
        {"id": "af", "from_asset": "a", "to_asset": "f", "length": 22_000.0, **link},
        {"id": "as", "from_asset": "a", "to_asset": "s", "length": 1000.0, **link,
         "flood_fragility_curve": "depth_is_probability"},
        {"id": "R", "sector": "medical", "kind": "regional", "access_asset": "a", "flood_fragility_curve": ""},
        {"id": "W", "sector": "medical", "kind": "wide", "access_asset": "b", "flood_fragility_curve": ""},
    ]  # fmt: skip
    zones = [
        {"id": "near", "persons": 1000 * (1 - share_far), "access_asset": "b", "district": "N"},
        {"id": "far", "persons": 1000 * share_far, "access_asset": "f", "district": "N"},
        {"id": "s1", "persons": 30.0, "access_asset": "s", "district": "S"},
        {"id": "s2", "persons": 70.0, "access_asset": "s", "district": "S"},
    ]
    values = [[depth if asset["id"] == "as" else 0.0 for asset in assets]]
    return site.scenario(
        assets, [{"values": values, "events": ["e"]}], zones=zones,
        services={
            "regional": {"by": "road", "providers": {"kind": "regional"}, "limit_minutes": 30, "speed_share": 0.65},
            "wide": {"by": "road", "providers": {"kind": "wide"}, "limit_minutes": 60, "speed_share": 0.65},
        },
        **{"indicators": KOREAN, **more},
    )  # fmt: skip


@pytest.mark.parametrize(("share_far", "counts"), [(0.25, False), (0.269, False), (0.27, True), (0.31, True)])
def test_the_tolerance_makes_30_to_27_per_cent(site: Any, share_far: float, counts: bool) -> None:
    # 22 km at 30 km/h are 44 minutes, to the wide-area centre 64.
    found = assess(region(site, 0.0, share_far=share_far)).dataset.isel(event=0, indicator=0)
    assert found["indicator_threshold"] == pytest.approx(0.27)
    assert found["indicator_share_intact"].sel(district="N") == pytest.approx(share_far)
    assert found["indicator_share"].sel(district="N") == pytest.approx(share_far)
    assert found["indicator_probability"].sel(district="N") == float(counts)
    assert found["indicator_probability"].sel(district="S") == 0


def test_a_district_counts_as_often_as_its_bridge_is_out(site: Any, tmp_path: Path) -> None:
    result = assess(region(site, 0.1), out=tmp_path / "run")
    found = result.dataset.isel(event=0, indicator=0)
    lost = found["people_without_service"].sel(service="regional").values
    assert set(lost.tolist()) == {0.0, 100.0}
    share = (lost == 100).mean()
    assert found["indicator_probability"].sel(district="S") == share
    assert found["indicator_share"].sel(district="S") == pytest.approx(share)
    assert found["indicator_share_intact"].sel(district="S") == 0
    rows = (tmp_path / "run" / "indicators.csv").read_text().splitlines()
    assert rows[0] == "event,indicator,district,persons,threshold,intact_share,intact_counts,share,probability"
    assert [row.split(",")[2] for row in rows[1:]] == ["N", "S"]
    kept = open_results(tmp_path / "run")
    xr.testing.assert_equal(kept["indicator_probability"], result.dataset["indicator_probability"])
    # A later run without indicators leaves no table of an earlier one behind.
    assess(region(site, 0.1, indicators={}), out=tmp_path / "run", restart=True)
    assert not (tmp_path / "run" / "indicators.csv").exists()


def test_ways_tell_who_serves_and_how_much_longer_it_takes(site: Any) -> None:
    # Water of 0.1 m on the road lets 40.65 km/h pass, more than the 30 km/h that an ambulance drives.
    found = assess(region(site, 0.1)).dataset.isel(event=0)
    one = found.sel(access="regional")
    assert one["zone_facility"].values.tolist() == ["R", "", "R", "R"]
    assert one["access_share_intact"] == pytest.approx((750 + 100) / 1100)
    lost = found["people_without_service"].sel(service="regional").mean()
    assert one["access_share"] == pytest.approx(one["access_share_intact"] - lost / 1100)
    assert one["access_detour_ratio"] == 1
    np.testing.assert_array_equal(one["zone_detour_ratio"], [1, np.nan, 1, 1])


def test_a_slower_road_is_a_longer_way(site: Any) -> None:
    scenario = region(site, 0.2)
    data = scenario.to_dict()
    for service in data["services"].values():
        service["limit_minutes"] = 240
    found = assess(Scenario.from_dict(data)).dataset.isel(event=0).sel(access="regional")
    # The bridge stands in 0.2 m: 12.3648 km/h in the place of 30; where it stands, it is driven.
    assert found["zone_detour_ratio"].sel(zone="s1") == pytest.approx(30 / 12.3648, rel=1e-4)
    assert found["zone_detour_ratio"].sel(zone="far") == 1


def test_counts_equal_those_of_a_twin() -> None:
    rng = np.random.default_rng(3)
    n_zone = 40
    persons = rng.integers(0, 5000, n_zone)
    district = rng.choice(["x", "y", "z"], n_zone).tolist()
    none = np.empty(0, np.int64)
    parts, late, lost = {}, {}, {}
    for number, name in enumerate(("one", "two")):
        zone = np.sort(rng.choice(n_zone, 30, replace=False)).astype(np.int32)
        parts[number] = TimedPart(name, number, 0, 1, "transport", none.astype(np.int32), none, zone,
                                  np.zeros(30, np.int64), "to", Drive(5.0))  # fmt: skip
        bits = rng.random((30, 512)) < 0.2
        late[number] = np.packbits(bits, axis=1, bitorder="little").view(np.uint64).reshape(-1, 8)
        lost[number] = np.ones((n_zone, 512), bool)
        lost[number][zone] = bits
    layout = ServiceLayout(("one", "two"), (), tuple(parts.values()), {})
    rules = [IndicatorRule("both", ("one", "two"), 0.5, 0.1), IndicatorRule("first", ("one",), 0.4)]
    districts = lay_out_districts(layout, rules, district, persons)
    above, without = np.zeros((2, 3), np.int64), np.zeros((2, 3), np.int64)
    count_districts(districts, parts, late, persons, above, without)
    for row, (of, share) in enumerate((((0, 1), 0.45), ((0,), 0.4))):
        union = np.logical_or.reduce([lost[number] for number in of])
        for k, name in enumerate("xyz"):
            mine = np.array(district) == name
            people = (persons[mine, np.newaxis] * union[mine]).sum(axis=0)
            assert above[row, k] == (people >= share * persons[mine].sum() - 1e-6).sum()
            assert without[row, k] == people.sum()
    assert (above > 0).any()
    assert (above < 512).any()


@pytest.mark.parametrize(
    ("indicators", "error", "message"),
    [
        ({"v": {"without": "regionl", "share": 0.3}}, ConfigurationError, "did you mean 'regional'"),
        ({"v": {"without": "regional", "share": 0}}, ConfigurationError, "greater than 0"),
        ({"v": {"without": [], "share": 0.3}}, ConfigurationError, "without"),
        ({"v": {"without": "regional", "share": 0.3, "tolerance": 1}}, ConfigurationError, "less than 1"),
    ],
    ids=str,
)
def test_indicators_that_are_wrong(site: Any, indicators: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        region(site, 0.0, indicators=indicators)


def test_zones_need_districts_and_services_a_limit(site: Any) -> None:
    scenario = site.scenario(
        [{"id": "a", "sector": "transport", "kind": "road_node"},
         {"id": "b", "sector": "transport", "kind": "road_node"},
         {"id": "ab", "sector": "transport", "kind": "primary", "from_asset": "a", "to_asset": "b", "length": 9.0},
         {"id": "c", "sector": "medical", "kind": "clinic", "access_asset": "a"}],
        [{"values": [[0, 0, 0, 0]], "events": ["e"]}], zones=[{"id": "z", "access_asset": "a"}],
        services={"medical": {"by": "road", "providers": {"kind": "clinic"}, "limit_minutes": 9}},
        indicators={"v": {"without": "medical", "share": 0.3}},
    )  # fmt: skip
    with pytest.raises(DataError, match="a district for every zone"):
        check(scenario)
    data = scenario.to_dict()
    del data["services"]["medical"]["limit_minutes"]
    with pytest.raises(ConfigurationError, match="services by road with limit_minutes"):
        Scenario.from_dict(data)

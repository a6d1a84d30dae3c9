"""Redundancy of data centres in a run: two lessons that no closed form sees, laws, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import xarray as xr

from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess
from resilience.scenario import Scenario

SAMPLES = 2**17
A, B = {"id": "dc-a"}, {"id": "dc-b"}
CENTRES = [{"id": "dc-a", "sector": "data", "kind": "data_centre"}, {"id": "dc-b", "sector": "data", "kind": "second"}]
PEOPLE = ("zone", "data", ["dc-a"], 1)


def run(
    site: Any, redundancy: Any, *, depth: tuple[float, ...] = (), samples: int = SAMPLES, **more: Any
) -> xr.Dataset:
    """Two data centres in a dry place, unless `depth` says otherwise; the people have the first."""
    assets = more.pop("assets", CENTRES)
    values = [[*depth, *[0.0] * (len(assets) - len(depth))]]
    event = {"values": values, "events": ["e"], "annual_rates": [0.1], "duration_hours": 10.0}
    more = {"needs": [PEOPLE], "services": {"data": {"by": "assignment"}}, **more}
    scenario = site.scenario(assets, [event], samples=samples, redundancy=redundancy, **more)
    return assess(scenario).dataset


def availability(found: xr.Dataset) -> float:
    return 1.0 - float((found["people_without_service"] > 0).mean())


UNITS = {"of": A, "service": "data", "unavailability": 0.02}
SWITCH = {"of": A, "standby": B, "service": "data", "switch": 0.9}
BOTH = {"of": A, "standby": B, "service": "data", "mode": "active_active"}
SITES = [{**UNITS, "units": 1}, {**UNITS, "of": B, "units": 1}]


@pytest.mark.parametrize("control", ["standby", "active"])
def test_kakao(site: Any, control: str) -> None:
    """The first site is lost. A standby whose fail-over tool stood there does nothing; one with its own tool saves.

    15 October 2022: servers were replicated, the tool that performs fail-over was in Pangyo alone.
    """
    section = [{**SWITCH, "switch": 1.0, "control": control}]
    found = run(site, section, depth=(1.0,), samples=512)
    lost = float(found["people_without_service"].mean())
    assert lost == (1000 if control == "active" else 0)
    # It does nothing, not less than nothing: the same as without a standby.
    assert float(run(site, [], depth=(1.0,), samples=512)["people_without_service"].mean()) == 1000
    if control == "active":
        assert found["root_people"].sel(root="data/flood").item() == 512 * 1000


def test_control_at_a_third_site_has_needs_of_its_own(site: Any) -> None:
    """Fail-over control needs the third site, which needs power: flooded with the first, the standby is lost too."""
    third = [*CENTRES, {"id": "office", "sector": "office"}, {"id": "substation"}]
    needs = [PEOPLE, ("office", "power", ["substation"], 1)]
    services = {"power": {"by": "internal"}, "data": {"by": "assignment"}}
    section = [{**SWITCH, "switch": 1.0, "control": {"id": "office"}}]
    for substation, lost in ((0.0, 0), (1.0, 1000)):
        found = run(
            site, section, depth=(1.0, 0.0, 0.0, substation), samples=512, assets=third, needs=needs, services=services
        )
        assert float(found["people_without_service"].mean()) == lost


def test_nirs_linked_rooms(site: Any) -> None:
    """Daejeon 2025: systems in rooms 1 to 6 stood undamaged and were slow or out, being linked to rooms 7 and 8.

    Rooms that need the burnt one are lost with it, however well each is built of spare units.
    """
    rooms = [{"id": f"room-{n}", "sector": "data", "kind": "room"} for n in range(1, 9)]
    needs = [(f"z{n}", "data", [f"room-{n}"], 1) for n in range(1, 9)]
    linked = [(f"room-{n}", "data", ["room-7"], 1) for n in (1, 2, 3)]
    zones = [{"id": f"z{n}"} for n in range(1, 9)]
    spare = [{"of": {"kind": "room"}, "service": "data", "units": 3, "required": 2, "unavailability": 0.0}]
    depth = (0.0,) * 6 + (1.0, 1.0)
    alone, all_linked = (
        run(site, spare, depth=depth, samples=512, assets=rooms, needs=rows, zones=zones)
        for rows in (needs, [*needs, *linked])
    )
    assert float(alone["people_without_service"].mean()) == 2000
    assert float(all_linked["people_without_service"].mean()) == 5000
    down = all_linked["down_count"].sel(cause="need:data")
    assert down.sel(asset=["room-1", "room-2", "room-3"]).values.ravel().tolist() == [512] * 3


def test_a_flooded_site_takes_all_its_units_and_the_beta_of_its_units_takes_them_in_dry_weather(site: Any) -> None:
    section = [{**UNITS, "units": 5, "required": 4, "paths": 2, "common_cause": 0.5}]
    flooded = run(site, section, depth=(1.0,), samples=512)
    assert float(flooded["people_without_service"].min()) == 1000
    assert not any("stand in water without a fragility curve" in note for note in flooded.attrs["notes"])
    dry = run(site, section)
    beta = 1 - 0.5 * 0.02
    assert abs(availability(dry) - beta) < 4 * np.sqrt(beta * (1 - beta) / SAMPLES) + 1e-4
    assert set(dry["root"].values[dry["root_people"].values.any(axis=(0, 1))]) == {"redundancy/flood"}
    assert any("whatever the hazard" in note for note in dry.attrs["notes"])


def test_one_standby_serves_its_own_people_whatever_happens_to_the_switch(site: Any) -> None:
    """The other site has people of its own: a failed fail-over takes nothing from them."""
    needs = [PEOPLE, ("own", "data", ["dc-b"], 1)]
    zones = [{"id": "zone"}, {"id": "own", "persons": 50.0}]
    found = run(site, [{**SWITCH, "switch": 0.0}], depth=(1.0,), samples=512, needs=needs, zones=zones)
    assert (found["people_without_service"] == 1000).all()


def test_random_outages_are_outages_and_not_damage(site: Any, tmp_path: Any) -> None:
    """Out anyway with .5, hit by the water with .4: only the second is repaired, for 100 h; the rest is back in 5 h."""
    table = tmp_path / "repair.csv"
    table.write_text("repair_class,state,distribution,value\nown,0,fixed,5\nown,1,fixed,100\n")
    asset = {"id": "dc-a", "sector": "data", "unavailability": 0.5, "repair_class": "own"}
    time = {"hours": [0, 110, 300], "repair": {"file": str(table), "unit": "h"}}
    found = run(site, [], depth=(0.4,), samples=2**14, assets=[asset], time=time)
    assert float(found["failure_probability"].max()) == pytest.approx(1 - 0.5 * 0.6)
    hours = np.round(found["person_hours_lost"].values.ravel() / 1000)
    shares = {0: 0.3, 15: 0.3, 110: 0.4}
    for value, share in shares.items():
        assert abs((hours == value).mean() - share) < 4 * np.sqrt(share * (1 - share) / hours.size)
    assert set(hours.tolist()) == set(shares)


def test_arms_share_their_random_numbers(site: Any) -> None:
    """No sample in which more redundancy serves fewer people."""
    arms = [
        [*SITES], [*SITES, {**SWITCH, "control": "active"}], [*SITES, SWITCH], [*SITES, {**SWITCH, "switch": 1.0}],
        [*SITES, BOTH],
    ]  # fmt: skip
    lost = [run(site, arm, depth=(0.5, 0.1), samples=4096)["people_without_service"].values for arm in arms]
    np.testing.assert_array_equal(lost[0], lost[1])
    assert (lost[2] < lost[1]).any()
    assert all((more <= less).all() for less, more in pairwise(lost))
    np.testing.assert_array_equal(lost[3], lost[4])


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ([{**UNITS, "units": 4, "required": 5}], r"required[\s\S]*at most units = 4"),
        ([{**UNITS, "units": 600, "paths": 2}], "at most 1000 units"),
        ([{**SWITCH, "mode": "active_active"}], "only with mode: active_standby"),
        ([{"of": A, "standby": B, "service": "data"}], r"switch[\s\S]*absent"),
        ([{**UNITS, "units": 1, "service": "dta"}], r"one of services: data \(did you mean 'data'"),
        ([{**UNITS, "of": {"id": "nothing"}, "units": 1}], r"redundancy\.0\.of"),
        ([{**SWITCH, "standby": A}], "other assets than `of`"),
        ([{**SWITCH, "of": B, "standby": A}], "nobody needs"),
        ([{**UNITS, "units": 1, "unavailability": 1.5}], "unavailability"),
    ],
)
def test_what_is_refused(site: Any, section: Any, message: str) -> None:
    with pytest.raises((ConfigurationError, DataError), match=message):
        run(site, section, samples=512)


def test_a_standby_that_serves_already_is_refused(site: Any) -> None:
    with pytest.raises(ConfigurationError, match="active_active if they do so always"):
        run(site, [SWITCH], samples=512, needs=[("zone", "data", ["dc-a", "dc-b"], 1)])


def test_the_built_in_city_without_its_standby() -> None:
    """Everything else stays: assets, draws, water; and the scenario says who takes over."""
    base = {
        "schema_version": 1,
        "name": "city",
        "seed": 4,
        "monte_carlo": {"samples": 512},
        "risk": {"catalogue_years": 0},
    }
    sites = {
        "of": {"kind": "data_centre"},
        "standby": {"kind": "standby_data_centre"},
        "service": "data",
        "switch": 1.0,
    }
    arms = {"none": [], "remote": [{**sites, "control": "active"}], "local": [sites]}

    def arm(redundancy: Any, *, standby: bool) -> xr.Dataset:
        city = {"seed": 1, "size": 900, "standby": standby}
        return assess(Scenario.from_dict({**base, "network": {"synthetic": city}, "redundancy": redundancy})).dataset

    found = {name: arm(redundancy, standby=False) for name, redundancy in arms.items()}
    found["built in"] = arm([], standby=True)
    old = found["built in"]
    for one in found.values():
        np.testing.assert_array_equal(one["failed_count"].sel(asset=old["asset"]), old["failed_count"])
    lost = {name: one["people_without_service"].sel(service="data").mean().item() for name, one in found.items()}
    assert lost["local"] < lost["remote"] == lost["none"]
    # Its own control stands in the same basement: the built-in city is the lesson itself, but for power alone.
    assert lost["local"] < lost["built in"] <= lost["none"]

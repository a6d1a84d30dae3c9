"""Laws over time through the main job: buffers, repair by crews, and ways in time, in random towns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from resilience.pipeline import assess

# A failing town is as telling as a smaller one, and shrinking takes minutes.
FEW = settings(max_examples=5, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
SEEDS = st.integers(0, 10**6)
SIDE = 3
HOURS = [0, 2, 4, 8, 16, 24, 48, 96]
BUFFERS = [0.0, 2.0, 4.0, 8.0, 16.0]
SERVICES = {
    "power": {"by": "assignment"},
    "telecom": {"by": "assignment"},
    "medical": {"by": "road", "providers": {"kind": "hospital"}, "limit_minutes": 4.0},
    "safety": {"by": "road", "providers": {"kind": "fire_station"}, "direction": "from"},
}
NEVER = {"flood_fragility_curve": ""}


@dataclass(frozen=True)
class Town:
    """Power in a ring, telecom that needs it and is needed by it, streets, two kinds of facilities, zones."""

    assets: list[dict[str, Any]]
    zones: list[dict[str, Any]]
    needs: list[Any]
    depth: dict[str, float]
    sources: dict[str, str] = field(default_factory=lambda: {"p0": "power", "p3": "power"})


def random_town(seed: int) -> Town:
    rng = np.random.default_rng(seed)
    power = [{"id": f"p{i}", "repair_class": "own"} for i in range(6)]
    lines = [{"id": f"l{i}", "from_asset": f"p{i}", "to_asset": f"p{(i + 1) % 6}", "repair_class": "own",
              "oneway": bool(rng.random() < 0.2)} for i in range(6)]  # fmt: skip
    masts = [{"id": f"t{i}", "sector": "telecom", "repair_class": "own" if i % 2 else ""} for i in range(5)]
    node = {"sector": "transport", "kind": "road_node", **NEVER}
    nodes = [{"id": f"n{x}{y}", **node} for x in range(SIDE) for y in range(SIDE)]
    streets = []
    for x in range(SIDE):
        for y in range(SIDE):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < SIDE and y + dy < SIDE:
                    ends = [f"n{x}{y}", f"n{x + dx}{y + dy}"]
                    streets.append(
                        {"id": "s" + "".join(ends), "sector": "transport", "kind": "primary", "from_asset": ends[0],
                         "to_asset": ends[1], "oneway": bool(rng.random() < 0.2), "repair_class": "own",
                         "speed": 10.0, "length": float(200 * rng.integers(1, 5))}
                    )  # fmt: skip
    places = rng.choice([one["id"] for one in nodes], 4, replace=False).tolist()
    facilities = [
        {"id": f"f{i}", "sector": "medical" if i < 2 else "safety", "kind": "hospital" if i < 2 else "fire_station",
         "access_asset": place, "repair_class": "own"} for i, place in enumerate(places)
    ]  # fmt: skip

    def need(dependent: str, service: str, able: list[str]) -> Any:
        providers = rng.choice(able, int(rng.integers(1, 4)), replace=False).tolist()
        buffer = {"buffer_hours": float(rng.choice(BUFFERS[:4])), "start_probability": float(rng.choice([0.6, 1.0])),
                  "recharge_hours": float(rng.choice([0.0, 4.0]))}  # fmt: skip
        return dependent, service, providers, int(rng.integers(1, len(providers) + 1)), buffer

    names = {service: [one["id"] for one in rows] for service, rows in (("power", power), ("telecom", masts))}
    needs = [need(f"t{i}", "power", names["power"]) for i in range(5)]
    needs += [need(f"p{i}", "telecom", names["telecom"]) for i in (1, 2, 4)]
    needs += [need(f"f{i}", str(rng.choice(["power", "telecom"])), names["power"][1:]) for i in range(4)]
    needs = [(*one[:1], "power", *one[2:]) if one[0].startswith("f") else one for one in needs]
    zones = [{"id": f"z{i}", "persons": float(rng.integers(1, 9999)) / 10, "access_asset": f"n{i % SIDE}{i // SIDE}"}
             for i in range(6)]  # fmt: skip
    # First those of zones: numbers of needs, and with them draws, stay when the others are left out.
    needs = [*(need(zone["id"], service, names[service]) for zone in zones for service in names), *needs]
    assets = [*power, *lines, *masts, *nodes, *streets, *facilities]
    wet = rng.random(len(assets)) < 0.5
    depth = np.where(wet, rng.integers(1, 32, len(assets)), 0) / 64.0
    return Town(assets, zones, needs, {one["id"]: float(d) for one, d in zip(assets, depth, strict=True)})


@pytest.fixture(scope="module")
def repair_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repair") / "own.csv"
    path.write_text("repair_class,state,distribution,value,mean\nown,0,fixed,1,\nown,1,exponential,,12\n")
    return path


@pytest.fixture(scope="module")
def run(site: Any, repair_file: Path) -> Callable[..., xr.Dataset]:
    """Return the function that assesses a town."""

    def run_town(
        town: Town, *, crews: int | None = None, after: dict[str, str] | None = None, threads: int = 1,
        block: int | None = None, samples: int = 512, roots: Any = None, **repair: Any,
    ) -> xr.Dataset:  # fmt: skip
        section = {"file": str(repair_file), "unit": "h", **repair}
        if crews is not None:
            section["crews"] = dict.fromkeys({one.get("sector", "power") for one in town.assets}, crews)
        if after:
            section["after"] = after
        values = [[town.depth.get(one["id"], 0.0) for one in town.assets]]
        hazard = {"values": values, "events": ["e"], "annual_rates": [0.1], "duration_hours": 6.0}
        carlo = {"samples": samples, **({} if block is None else {"block": block})}
        scenario = site.scenario(
            town.assets, [hazard], zones=town.zones, needs=town.needs, sources=town.sources, services=SERVICES,
            levels={"power": "connected"} if town.sources else {}, monte_carlo=carlo,
            time={"hours": HOURS, "restart_hours": 3.0, "repair": section},
        )  # fmt: skip
        return assess(scenario, threads=threads).dataset

    return run_town


def assert_never_worse(better: xr.Dataset, worse: xr.Dataset, *, services: list[str] | None = None) -> None:
    """No service lower at any time, in no sample and no zone."""
    for name in ("people_over_time", "people_without_service", "person_hours_lost", "zone_hours_lost"):
        a, b = (one[name].sel(service=services) if services else one[name] for one in (better, worse))
        assert (a.values <= b.values + 1e-9 * np.abs(b.values)).all(), name


def assert_bit_alike(one: xr.Dataset, two: xr.Dataset) -> None:
    """Every value equal to the last bit, in whatever order assets and zones are listed."""
    assert set(one.variables) == set(two.variables)
    one, two = (found.sortby([dim for dim in ("asset", "zone") if dim in found.dims]) for found in (one, two))
    for name in one.variables:
        np.testing.assert_array_equal(one[name].values, two[name].values, err_msg=str(name))


@given(seed=SEEDS)
@FEW
def test_towns_lose_something_over_time(run: Any, seed: int) -> None:
    """The laws below are not about towns in which nothing happens."""
    found = run(random_town(seed))
    assert (found["person_hours_lost"].mean("sample") > 0).sum() >= 2
    assert (found["people_over_time"].diff("time") != 0).any()


@given(seed=SEEDS)
@FEW
def test_longer_buffers_never_lower_any_service_at_any_time(run: Any, seed: int) -> None:
    town = random_town(seed)
    longer = [
        (*one[:4], {**one[4], "buffer_hours": BUFFERS[BUFFERS.index(one[4]["buffer_hours"]) + (seed + i) % 2]})
        for i, one in enumerate(town.needs)
    ]  # fmt: skip
    assert_never_worse(run(replace(town, needs=longer), crews=2), run(town, crews=2))


@given(seed=SEEDS)
@FEW
def test_another_supplier_never_lowers_any_service_at_any_time(run: Any, seed: int) -> None:
    """An existing asset more as provider of every need: no repair is added, so crews do not matter.

    Only what the intact town serves can be lost; it serves all that is assigned, so nobody is newly counted.
    """
    town = random_town(seed)
    able = {"power": [f"p{i}" for i in range(6)], "telecom": [f"t{i}" for i in range(5)]}
    more = []
    for dependent, service, providers, *rest in town.needs:
        spare = [name for name in able[service] if name not in (*providers, dependent)]
        more.append((dependent, service, [*providers, spare[seed % len(spare)]], *rest))
    assert_never_worse(run(replace(town, needs=more), crews=2), run(town, crews=2))


@given(seed=SEEDS, fails=st.booleans())
@FEW
def test_another_road_or_line_never_lowers_any_service_at_any_time(run: Any, seed: int, fails: bool) -> None:
    """With as many crews as assets: a further job delays none."""
    town = random_town(seed)
    rng = np.random.default_rng(seed)
    a, b = rng.choice(6, 2, replace=False)
    c, d = rng.choice(SIDE * SIDE, 2, replace=False)
    extra = [
        {"id": "extra-line", "from_asset": f"p{a}", "to_asset": f"p{b}", "repair_class": "own"},
        {"id": "extra-street", "sector": "transport", "kind": "primary", "speed": 10.0, "length": 100.0,
         "from_asset": f"n{c // SIDE}{c % SIDE}", "to_asset": f"n{d // SIDE}{d % SIDE}", "repair_class": "own"},
    ]  # fmt: skip
    depth = {**town.depth, "extra-line": 0.3 * fails, "extra-street": 0.2 * fails}
    larger = run(replace(town, assets=[*town.assets, *extra], depth=depth))
    # A shorter way in the intact city brings people who were late before; only those served before are compared.
    before = run(town)
    services = [name for name in before["service"].values if name != "medical"]
    assert_never_worse(larger, before, services=services)
    if (larger["people_served"].sel(service="medical") == before["people_served"].sel(service="medical")).all():
        assert_never_worse(larger, before, services=["medical"])


@given(seed=SEEDS, share=st.floats(0.2, 0.9))
@FEW
def test_lower_water_never_lowers_any_service_at_any_time(run: Any, seed: int, share: float) -> None:
    """Fewer jobs in the same order, by few crews: none ends later."""
    town = random_town(seed)
    rng = np.random.default_rng(seed)
    lower = {
        name: float(np.floor(64 * d * (share if rng.random() < 0.5 else 1.0)) / 64) for name, d in town.depth.items()
    }
    for crews in (1, None):
        assert_never_worse(run(replace(town, depth=lower), crews=crews), run(town, crews=crews))


@given(seed=SEEDS, share=st.floats(0.2, 0.9))
@FEW
def test_damage_that_is_soon_repaired_is_no_better_than_an_outage(
    run: Any, tmp_path_factory: Any, seed: int, share: float
) -> None:
    """Repairs of 2 h on average, outages of 9: what lower water only puts out does not return later for it."""
    path = tmp_path_factory.mktemp("quick") / "own.csv"
    path.write_text("repair_class,state,distribution,value,mean\nown,0,fixed,9,\nown,1,exponential,,2\n")
    town = random_town(seed)
    lower = {name: float(np.floor(64 * share * d) / 64) for name, d in town.depth.items()}
    quick = {"file": str(path), "damaged": {"flood": 0.7}}
    assert_never_worse(run(replace(town, depth=lower), **quick), run(town, **quick))


@given(seed=SEEDS, rule=st.sampled_from(["fifo", "shortest", "priority"]))
@FEW
def test_more_crews_never_lower_any_service_at_any_time(run: Any, seed: int, rule: str) -> None:
    """For one order of work, without precedence and travel."""
    town = random_town(seed)
    kinds = [{**one, "kind": one.get("kind", one["id"][:1])} for one in town.assets]
    order = {"rule": rule, **({"priority": {"p": 3.0, "hospital": 2.0, "l": 1.0}} if rule == "priority" else {})}
    town = replace(town, assets=kinds)
    runs = [run(town, crews=crews, **order) for crews in (1, 2, 4)]
    assert (runs[0]["person_hours_lost"] > runs[2]["person_hours_lost"]).any()
    for fewer, more in pairwise(runs):
        assert_never_worse(more, fewer)


GRAHAM = [3, 2, 2, 2, 4, 4, 4, 4, 9]
WAITS = {4: 3, 5: 3, 6: 3, 7: 3, 8: 0}


@pytest.mark.parametrize(
    ("shorter", "crews", "fewer", "makespan"),
    [(0, 3, (), 12), (0, 4, (), 15), (1, 3, (), 13), (0, 3, (4, 5), 16)],
    ids=["as it is", "one crew more", "every job shorter", "fewer to wait for"],
)
def test_with_precedence_better_can_be_worse(
    site: Any, tmp_path: Path, shorter: int, crews: int, fewer: tuple[int, ...], makespan: int
) -> None:
    """Graham (1969), figures 1 to 5: nine repairs in the order of a list; people need them all, water stands 6 h.

    One crew more costs people three hours: list scheduling with precedence has anomalies, and the law above ends there.
    """
    rows = [f"job{i},1,fixed,{hours - shorter}" for i, hours in enumerate(GRAHAM)]
    table = tmp_path / "jobs.csv"
    table.write_text("repair_class,state,distribution,value\n" + "\n".join(rows) + "\n")
    assets = [{"id": f"j{i}", "kind": f"job{i}", "repair_class": f"job{i}"} for i in range(9)]
    needs = [(f"j{i}", "power", [f"j{first}"], 1) for i, first in WAITS.items() if i not in fewer]
    needs.append(("zone", "power", [f"j{i}" for i in range(9)], 9))
    scenario = site.scenario(
        assets, [{"values": [[1.0] * 9], "events": ["e"], "duration_hours": 6.0}], needs=needs,
        time={"hours": [*range(30)], "restart_hours": 0.0,
              "repair": {"file": str(table), "unit": "h", "crews": {"power": crews}, "rule": "priority",
                         "priority": {f"job{i}": 9.0 - i for i in range(9)}, "after": {"power": "power"}}},
    )  # fmt: skip
    found = assess(scenario).dataset["person_hours_lost"]
    np.testing.assert_allclose(found, 1000.0 * (6 + makespan))


@given(seed=SEEDS)
@FEW
def test_infinite_buffers_of_assets_leave_the_services_of_failed_assets(run: Any, seed: int) -> None:
    """The same as if no asset needed any other: only providers that the water hit, and roads, are missed."""
    town = replace(random_town(seed), sources={})
    names = {one["id"] for one in town.assets}
    ample = {"buffer_hours": 1e6, "start_probability": 1.0, "recharge_hours": 0.0}
    held = [(*one[:4], ample) if one[0] in names else one for one in town.needs]
    found = run(replace(town, needs=held), crews=1)
    alone = run(replace(town, needs=[one for one in town.needs if one[0] not in names]), crews=1)
    for name in ("people_over_time", "person_hours_lost", "zone_hours_lost", "people_without_service"):
        np.testing.assert_array_equal(found[name], alone[name], err_msg=name)
    assert found["person_hours_lost"].any()
    down = found["down_hours"]
    assert not down.drop_sel(cause="hazard").any()
    everyone = [(*one[:4], ample) for one in town.needs]
    quiet = run(replace(town, needs=everyone), crews=1)
    assert not quiet["people_over_time"].sel(service=["power", "telecom"]).any()


@given(seed=SEEDS)
@FEW
def test_without_water_nothing_is_lost_even_where_the_intact_city_is_late(run: Any, seed: int) -> None:
    town = random_town(seed)
    far = [{**one, "length": 800.0} if "length" in one else one for one in town.assets]
    far = [{**one, "access_asset": "n22"} if one["id"] in ("f0", "f1") else one for one in far]
    found = run(replace(town, assets=far, depth={}))
    persons = sum(zone["persons"] for zone in town.zones)
    assert float(found["people_served"].sel(service="medical").max()) < persons
    none = "people_over_time person_hours_lost people_without_service zone_hours_lost annual_value annual_person_hours"
    for name in f"{none} down_count down_hours root_person_hours people_interrupted".split():
        assert not found[name].any(), name


@given(seed=SEEDS, factor=st.sampled_from([2.0, 3.0, 10.0]))
@FEW
def test_person_hours_scale_with_people(run: Any, seed: int, factor: float) -> None:
    town = random_town(seed)
    zones = [{**zone, "persons": zone["persons"] * factor} for zone in town.zones]
    one, two = run(town, crews=2), run(replace(town, zones=zones), crews=2)
    for name in ("person_hours_lost", "people_over_time", "annual_person_hours", "people_served"):
        np.testing.assert_allclose(two[name], factor * one[name], rtol=1e-12, err_msg=name)
    np.testing.assert_array_equal(two["zone_hours_lost"], one["zone_hours_lost"])


@given(seed=SEEDS)
@FEW
def test_a_street_and_a_line_in_two_halves_of_one_group_change_nothing(run: Any, seed: int) -> None:
    """Halves share draws of failure and of repair time with the whole; there is a crew for each."""
    town = random_town(seed)
    links = {one["id"] for one in town.assets if one.get("from_asset")}
    whole = [{**one, "failure_group": one["id"]} if one["id"] in links else one for one in town.assets]
    cut, depth = [], dict(town.depth)
    for one in whole:
        name = one["id"]
        if name not in links:
            cut.append(one)
            continue
        node = {"id": f"{name}-mid", "sector": one.get("sector", "power"), **NEVER}
        cut.append({**node, "kind": "road_node"} if one.get("kind") else node)
        length = {"length": one["length"] / 2} if "length" in one else {}
        cut.append({**one, "id": f"{name}-1", "to_asset": node["id"], **length})
        cut.append({**one, "id": f"{name}-2", "from_asset": node["id"], **length})
        depth[f"{name}-1"] = depth[f"{name}-2"] = town.depth[name]
    one, two = run(replace(town, assets=whole)), run(replace(town, assets=cut, depth=depth))
    for name in ("people_over_time", "person_hours_lost", "people_without_service", "zone_hours_lost"):
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


@given(seed=SEEDS)
@FEW
def test_the_fixed_point_applied_twice_is_unchanged(site: Any, seed: int) -> None:
    """What is down in the end is taken as hit by the water: nothing more falls."""
    town = random_town(seed)
    needs = [one[:4] for one in town.needs]
    surely = np.array([float(town.depth[one["id"]] > 0.2) for one in town.assets])

    def down(values: np.ndarray) -> np.ndarray:
        scenario = site.scenario(
            town.assets, [{"values": [values], "events": ["e"], "duration_hours": 6.0}], zones=town.zones, needs=needs,
            sources=town.sources, services=SERVICES, levels={"power": "connected"},
        )  # fmt: skip
        found = assess(scenario).dataset
        return found["down_count"].isel(event=0).sum("cause").values

    first = down(surely)
    assert set(first.tolist()) <= {0, 512}
    np.testing.assert_array_equal(down((first > 0).astype(float)), first)


@given(seed=SEEDS)
@FEW
def test_order_blocks_and_threads_change_no_bit(run: Any, seed: int) -> None:
    """Over time, with few crews that take jobs in turn, with precedence, and with ways in time."""
    town = random_town(seed)
    rng = np.random.default_rng(seed)
    how = {"crews": 1, "after": {"telecom": "power", "medical": "power"}, "samples": 1536}
    plain = run(town, **how)
    assert_bit_alike(run(town, threads=3, block=512, **how), plain)
    shuffled = replace(
        town, **{key: [getattr(town, key)[i] for i in rng.permutation(len(getattr(town, key)))]
                 for key in ("assets", "zones")},
    )  # fmt: skip
    assert_bit_alike(run(shuffled, threads=2, block=1024, **how), plain)


def test_a_copy_far_away_doubles_what_a_year_costs(run: Any) -> None:
    """Other ids, other draws: twice the annual values within 4 standard errors, and twice the variance, not 4 times."""
    town = random_town(77)

    def renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        keys = ("id", "from_asset", "to_asset", "access_asset")
        return [{**row, **{key: f"b-{row[key]}" for key in keys if row.get(key)}} for row in rows]

    needs = [(f"b-{d}", service, [f"b-{p}" for p in providers], *rest) for d, service, providers, *rest in town.needs]
    both = Town(
        [*town.assets, *renamed(town.assets)], [*town.zones, *renamed(town.zones)], [*town.needs, *needs],
        {**town.depth, **{f"b-{name}": d for name, d in town.depth.items()}},
        {**town.sources, **{f"b-{name}": sector for name, sector in town.sources.items()}},
    )  # fmt: skip
    one, two = (run(city, samples=2**13, threads=2) for city in (town, both))
    for name, error_of in (("annual_value", "annual_standard_error"),
                           ("annual_person_hours", "annual_person_hours_standard_error")):  # fmt: skip
        error = np.hypot(2 * one[error_of], two[error_of])
        assert (one[name] > 0).any()
        assert (np.abs(two[name] - 2 * one[name]) <= 4 * error).all(), name
    lost = [city["person_hours_lost"].isel(event=0).var("sample") for city in (one, two)]
    np.testing.assert_allclose(lost[1], 2 * lost[0], rtol=0.12)

"""Levels share, dc_flow and overload in whole runs: published cases, what is counted, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from resilience.check import check
from resilience.errors import ConfigurationError, DataError
from resilience.pipeline import assess
from resilience.scenario import Scenario
from tests.cities import CASE9, CASE9_CAPACITY, CASE9_DEMAND, ring_links, triangle_links

NAN = float("nan")


class Grid:
    """A sector with a zone of 1000 persons at every node that draws something."""

    def __init__(
        self, site: Any, links: list[tuple[str, str, float, float]], capacity: Mapping[str, float],
        demand: Mapping[str, float], *, level: Any, sector: str = "power", zones: list[str] | None = None,
    ) -> None:  # fmt: skip
        nodes = list(dict.fromkeys(end for link in links for end in link[:2]))
        self.assets = [{"id": f"n{name}", "sector": sector} for name in nodes] + [
            {"id": f"{a}-{b}", "sector": sector, "from_asset": f"n{a}", "to_asset": f"n{b}", "reactance": x,
             "rating": rating}
            for a, b, x, rating in links
        ]  # fmt: skip
        self.supply = [
            {"asset": f"n{name}", "sector": sector, "is_source": name in capacity, "capacity": capacity.get(name, NAN),
             "demand": demand.get(name, NAN)}
            for name in dict.fromkeys([*capacity, *demand])
        ]  # fmt: skip
        self.zones = zones if zones is not None else list(demand)
        self.site, self.level, self.sector = site, level, sector

    def scenario(self, *down: str, order: Any = None, **more: Any) -> Scenario:
        assets = self.assets if order is None else [self.assets[i] for i in order]
        values = [1.0 if asset["id"] in down else 0.0 for asset in assets]
        cascade = {"levels": {self.sector: self.level}, **more.pop("cascade", {})}
        hazard = {"values": [values], "return_periods": [100], **more.pop("hazard", {})}
        return self.site.scenario(
            assets, [hazard], zones=[{"id": f"z{name}"} for name in self.zones],
            needs=[(f"z{name}", self.sector, [f"n{name}"], 1) for name in self.zones], supply=self.supply,
            cascade=cascade, **more,
        )  # fmt: skip

    def lost(self, *down: str, **more: Any) -> xr.Dataset:
        return assess(self.scenario(*down, **more), threads=1).dataset


def people(dataset: xr.Dataset) -> set[float]:
    return set(dataset["people_without_service"].values.ravel().tolist())


def unserved(dataset: xr.Dataset) -> np.ndarray:
    return np.unique(dataset["unserved_demand"].values)


def by_zone(dataset: xr.Dataset) -> dict[str, float]:
    share = dataset["zone_without_service"].values[0, :, 0] / dataset.sizes["sample"]
    return dict(zip(dataset["zone"].values.tolist(), share.tolist(), strict=True))


def triangle(site: Any, level: Any = "dc_flow", rating: float = 120.0) -> Grid:
    return Grid(site, triangle_links(rating), {"1": 100.0, "2": 50.0}, {"3": 150.0}, level=level)


def case9(site: Any, *, scale: float = 1.0, growth: float = 1.0) -> Grid:
    capacity = {name: scale * value for name, value in CASE9_CAPACITY.items()}
    demand = {name: growth * value for name, value in CASE9_DEMAND.items()}
    return Grid(site, CASE9, capacity, demand, level="dc_flow")


def ring(site: Any, tolerance: float) -> Grid:
    level = {"level": "overload", "tolerance": tolerance}
    return Grid(site, ring_links(6), {}, {}, level=level, sector="telecom", zones=[str(i) for i in range(6)])


def two_plants(site: Any, capacity: tuple[float, float] = (60.0, 40.0), demand: float = 80.0, **more: Any) -> Grid:
    links = [("a", "town", NAN, NAN), ("b", "town", NAN, NAN)]
    return Grid(site, links, dict(zip("ab", capacity, strict=True)), {"town": demand}, **{"level": "share", **more})


def test_triangle_that_loses_a_line_loses_all_its_load(site: Any) -> None:
    """SCIENCE 3.4 [C]: line 1-3 out, 150 MW on the 120 MW of line 2-3: it trips, unserved 150."""
    dataset = triangle(site).lost("1-3")
    assert unserved(dataset) == pytest.approx([150.0])
    assert people(dataset) == {1000.0}
    down = dataset["down_count"].sel(event=dataset["event"][0]).to_pandas()
    assert down.loc["2-3"].to_dict() == {"hazard": 0, "supply": 512, "need:power": 0}
    assert down.loc["n3"].to_dict() == {"hazard": 0, "supply": 512, "need:power": 0}
    assert down.loc["1-3"].to_dict() == {"hazard": 512, "supply": 0, "need:power": 0}
    # Sources without a load are not down: they could serve.
    assert down.loc[["n1", "n2", "1-2"]].to_numpy().sum() == 0
    assert dataset["root"].values.tolist() == ["power/flood"]
    assert dataset["root_people"].values.ravel().tolist() == [512 * 1000.0]


def test_triangle_with_wide_lines_loses_nothing(site: Any) -> None:
    assert people(triangle(site, rating=150.0).lost("1-3")) == {0.0}


def test_nine_bus_grid_stands_the_outage_and_jumps_with_a_little_more_demand(site: Any) -> None:
    assert people(case9(site).lost("8-9")) == {0.0}
    assert people(case9(site, scale=1.02, growth=1.013).lost("8-9")) == {0.0}
    dataset = case9(site, scale=1.02, growth=1.014).lost("8-9")
    # Line 5-6 trips; left are the 68.34 MW of source 1 on loads 5 and 9, and load 7 in full.
    assert unserved(dataset) == pytest.approx([1.014 * 215.0 - 68.34])
    served = 68.34 / (1.014 * 215.0)
    assert by_zone(dataset) == pytest.approx({"z5": 1 - served, "z7": 0.0, "z9": 1 - served}, abs=1e-6)
    assert people(dataset) == {round(2 * round(1000.0 * (1 - served), 3), 3)}


@pytest.mark.parametrize(("tolerance", "left"), [(0.49, "15"), (0.5, "1245"), (0.99, "1245"), (1.0, "12345")])
def test_ring_of_six(site: Any, tolerance: float, left: str) -> None:
    """SCIENCE 3.3 [C]."""
    dataset = ring(site, tolerance).lost("n0")
    assert by_zone(dataset) == {f"z{i}": 0.0 if str(i) in left else 1.0 for i in range(6)}
    assert set(dataset["root"].values.tolist()) == {"telecom/flood"}
    causes = dataset["down_count"].values[0].sum(axis=0).tolist()
    # The two links at node 0 stay in service while their other end does.
    assert causes[0] == 512


def test_three_quarters_of_the_supply_reach_zones_as_a_quarter_of_their_people_lost(site: Any) -> None:
    """SCIENCE 3.2, 60 of 80."""
    dataset = two_plants(site).lost("nb")
    assert people(dataset) == {250.0}
    assert by_zone(dataset) == {"ztown": 0.25}
    assert unserved(dataset) == pytest.approx([20.0])
    # Three quarters count as met for assets, so nothing but the plant is down.
    assert dataset["down_count"].sum("event").to_pandas().sum(axis=1).to_dict() == {
        "na": 0, "nb": 512, "ntown": 0, "a-town": 0, "b-town": 0,
    }  # fmt: skip
    assert dataset["root_people"].values.ravel().tolist() == [512 * 250.0]
    assert dataset["zone_root"].values.ravel().tolist() == [128.0]


@pytest.mark.parametrize(("min_fraction", "met"), [(0.75, True), (0.76, False)])
def test_assets_count_from_min_fraction_on(site: Any, min_fraction: float, met: bool) -> None:
    grid = two_plants(site)
    grid.assets.append({"id": "clinic", "sector": "medical"})
    values = [1.0 if asset["id"] == "nb" else 0.0 for asset in grid.assets]
    scenario = site.scenario(
        grid.assets, [{"values": [values], "return_periods": [100]}], zones=[{"id": "z"}, {"id": "y"}],
        supply=grid.supply, cascade={"levels": {"power": "share"}, "min_fraction": min_fraction},
        needs=[("clinic", "power", ["ntown"], 1), ("z", "medical", ["clinic"], 1), ("y", "power", ["ntown"], 1)],
    )  # fmt: skip
    dataset = assess(scenario, threads=1).dataset
    lost = dataset["people_without_service"].mean("sample").to_pandas().iloc[0]
    assert lost.to_dict() == {"power": 250.0, "medical": 0.0 if met else 1000.0}
    told = [note for note in assess(scenario, threads=1).notes if "of its demand or more" in note]
    assert len(told) == 1
    assert "default" not in told[0]


def test_no_hazard_takes_nothing_where_the_intact_city_is_short(site: Any) -> None:
    result = assess(two_plants(site, capacity=(40.0, 16.0)).scenario(), threads=1)
    dataset = result.dataset
    assert people(dataset) == {0.0}
    assert unserved(dataset).tolist() == [0.0]
    assert dataset["intact_served"].values.ravel().tolist() == pytest.approx([0.7])
    assert dataset["people_served"].values.tolist() == [700.0]
    assert float(dataset["intact_unserved"][0]) == pytest.approx(24.0)
    assert any("leaves 30.0 % of the demand in power" in note for note in result.notes)


def test_only_what_the_intact_city_served_is_lost(site: Any) -> None:
    dataset = two_plants(site, capacity=(40.0, 16.0)).lost("nb")
    assert people(dataset) == {200.0}
    assert unserved(dataset) == pytest.approx([16.0])
    assert people(two_plants(site, capacity=(40.0, 16.0)).lost("na", "nb")) == {700.0}


def test_a_buffer_gives_all_while_it_holds_and_hours_count_after(site: Any) -> None:
    grid = two_plants(site)
    values = [1.0 if asset["id"] == "nb" else 0.0 for asset in grid.assets]
    scenario = site.scenario(
        grid.assets, [{"values": [values], "return_periods": [100], "duration_hours": 10}], zones=[{"id": "z"}],
        needs=[("z", "power", ["ntown"], 1, {"buffer_hours": 4.0})], supply=grid.supply, levels={"power": "share"},
        time={"hours": [0, 24], "restart_hours": 2},
    )  # fmt: skip
    dataset = assess(scenario, threads=1).dataset
    assert people(dataset) == {0.0}
    # Out for 12 h, of which the battery gives 4: a need that gets three quarters is not met.
    assert dataset["person_hours_lost"].values.ravel() == pytest.approx(8 * 250.0)
    assert dataset["energy_not_served"].values.ravel() == pytest.approx(12 * 20.0)
    assert set(dataset["people_interrupted"].values.ravel().tolist()) == {250.0}
    weight = float(dataset["annual_weight"][0] + dataset["tail_weight"][0])
    assert float(dataset["annual_energy_not_served"][0]) == pytest.approx(weight * 240.0)
    assert float(dataset["annual_unserved_demand"][0]) == pytest.approx(weight * 20.0)
    assert float(dataset["saifi"][0]) == pytest.approx(weight * 0.25)


def test_sequence_of_hazards_on_a_sector_that_serves_parts(site: Any) -> None:
    grid = two_plants(site)
    maps = [[1.0 if asset["id"] == name else 0.0 for asset in grid.assets] for name in ("nb", "na")]
    scenario = site.scenario(
        grid.assets, [{"values": maps, "events": ["first", "second"], "duration_hours": 10}], zones=[{"id": "z"}],
        needs=[("z", "power", ["ntown"], 1)], supply=grid.supply, levels={"power": "share"},
        time={"hours": [0, 48], "restart_hours": 2},
        sequences=[{"name": "both", "parts": [{"family": "family0", "event": "first"},
                                              {"family": "family0", "event": "second", "after_hours": 6}]}],
    )  # fmt: skip
    dataset = assess(scenario, threads=1).dataset
    # Six hours at 60 of 80, six without any plant, six at 40 of 80.
    lost = dataset["energy_not_served"].sel(event="both").values
    assert lost.ravel() == pytest.approx(6 * 20.0 + 6 * 80.0 + 6 * 40.0)
    assert dataset["person_hours_lost"].sel(event="both").values.ravel() == pytest.approx(
        6 * 250.0 + 6 * 1000.0 + 6 * 500.0
    )


@pytest.mark.parametrize("level", ["share", {"level": "overload", "tolerance": 1.0}])
def test_a_sector_without_a_network_has_no_such_level(site: Any, level: Any) -> None:
    scenario = site.scenario(
        [{"id": "clinic", "sector": "medical"}], [{"values": [[0.5]], "return_periods": [10]}],
        needs=[("zone", "medical", ["clinic"], 1)], levels={"medical": level},
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match=r"cascade\.levels\.medical: level .* for a sector without"):
        assess(scenario, threads=1)


def test_result_is_the_same_in_any_order_and_blocks(site: Any) -> None:
    grid = case9(site, scale=1.02, growth=1.014)
    chance = {"samples": 1024}
    values = {asset["id"]: 0.3 for asset in grid.assets}

    def run(order: list[int], block: int) -> xr.Dataset:
        assets = [grid.assets[i] for i in order]
        scenario = site.scenario(
            assets, [{"values": [[values[asset["id"]] for asset in assets]], "return_periods": [100]}],
            zones=[{"id": f"z{name}"} for name in grid.zones], supply=[grid.supply[i % 6] for i in order[:6]]
            if sorted(i % 6 for i in order[:6]) == list(range(6)) else grid.supply,
            needs=[(f"z{name}", "power", [f"n{name}"], 1) for name in grid.zones],
            levels={"power": "dc_flow"}, monte_carlo={**chance, "block": block},
        )  # fmt: skip
        return assess(scenario, threads=2).dataset

    one = run(list(range(len(grid.assets))), 1024)
    other = run(np.random.default_rng(3).permutation(len(grid.assets)).tolist(), 512)
    assert 0 < float(one["people_without_service"].mean()) < 3000
    for name in ("people_without_service", "unserved_demand", "zone_without_service", "root_people", "sum_loss2"):
        np.testing.assert_array_equal(one[name].values, other[name].values, err_msg=name)
    for name in ("down_count", "failed_count", "sum_loss_failed", "root_share"):
        np.testing.assert_array_equal(one[name].values, other[name].sel(asset=one["asset"]).values, err_msg=name)


def test_tables_tell_what_is_not_served(site: Any, tmp_path: Any) -> None:
    assess(two_plants(site).scenario("nb"), out=tmp_path / "run", threads=1)
    table = pd.read_csv(tmp_path / "run" / "unserved.csv")
    assert table["event"].tolist() == ["rp100", "per year"]
    assert table["value"].tolist() == pytest.approx([20.0, 0.2])
    assert table["share_of_demand"].tolist()[0] == pytest.approx(0.25)
    assert table["unit"].tolist() == ["unit of supply", "unit of supply/year"]
    assert (tmp_path / "run" / "scenario.yaml").read_text().count("power: share") == 1


def test_problems_of_all_sectors_are_told_at_once_and_by_check(site: Any) -> None:
    grid = triangle(site)
    grid.assets += [{"id": "w1", "sector": "water"}, {"id": "w2", "sector": "water"},
                    {"id": "w", "sector": "water", "from_asset": "w1", "to_asset": "w2", "oneway": True}]  # fmt: skip
    grid.assets[3]["reactance"] = NAN
    grid.assets[4]["rating"] = 0.0
    grid.supply.append({"asset": "w1", "sector": "water", "is_source": True, "capacity": NAN, "demand": NAN})
    scenario = grid.scenario(cascade={"levels": {"power": "dc_flow", "water": "share"}})
    for run in (assess, check):
        with pytest.raises(DataError) as caught:
            run(scenario)
        told = str(caught.value)
        for part in ("assets.reactance in power: 1 of 3", "assets.rating in power: 1 of 3", "assets.oneway in water",
                     "supply.capacity in water: 1 of 1"):  # fmt: skip
            assert part in told, told


@pytest.mark.parametrize(
    ("cascade", "told"),
    [
        ({"levels": {"power": "share"}, "start": "all_down"}, "cascade.start: all_down with power: share"),
        ({"levels": {"power": "overload"}}, "cascade.levels.power: absent"),
        ({"levels": {"power": {"level": "share", "trip": "worst"}}}, "only with level: dc_flow"),
        ({"levels": {"power": {"level": "dc_flow", "base_power": 0}}}, "cascade.levels.power.base_power"),
        ({"levels": {"power": {"trip": "worst"}}}, "cascade.levels.power.level: absent"),
        ({"levels": {"power": "dcflow"}}, "did you mean 'dc_flow'?"),
        ({"min_fraction": 0}, "cascade.min_fraction"),
        ({"default": "share"}, "cascade.default"),
    ],
)
def test_scenarios_that_cannot_be_meant(cascade: dict[str, Any], told: str) -> None:
    data = {"schema_version": 1, "name": "town", "network": {"synthetic": {}}, "cascade": cascade}
    with pytest.raises(ConfigurationError) as caught:
        Scenario.from_dict(data)
    assert told in str(caught.value)


def test_parameters_are_kept_and_the_order_of_levels_counts() -> None:
    levels = {"power": {"level": "dc_flow", "trip": "worst"}, "water": "share", "telecom": "connected"}
    data = {"schema_version": 1, "name": "town", "network": {"synthetic": {}}, "cascade": {"levels": levels}}
    scenario = Scenario.from_dict(data)
    assert scenario.to_dict()["cascade"]["levels"] == levels
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    turned = Scenario.from_dict({**data, "cascade": {"levels": dict(reversed(levels.items()))}})
    assert turned.digest() != scenario.digest()
    assert scenario.changed_keys(turned) == ("cascade.levels",)


def test_built_in_city_takes_the_levels_as_it_is() -> None:
    data: dict[str, Any] = {
        "schema_version": 1, "name": "town", "network": {"synthetic": {"size": 600}},
        "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0},
        "cascade": {"levels": {"power": "dc_flow", "water": "share", "telecom": "connected"}},
    }  # fmt: skip
    dataset = assess(Scenario.from_dict(data), threads=1).dataset
    assert int(dataset["intact_down"].sum()) == 0
    assert (dataset["intact_served"].values == 1.0).all()
    assert dataset["supplied"].values.tolist() == ["power", "water"]
    assert (dataset["annual_unserved_demand"].values > 0).any()

"""Which repair comes first: people behind assets, and ranks from a table, by hand and through runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point

from resilience.cascade import supplied_graphs
from resilience.engine import City, find_baseline, lay_out_levels, people_behind
from resilience.errors import CannotCreateError, ConfigurationError, DataError
from resilience.flow import ShareSector
from resilience.network import Network
from resilience.network.compile import compile_network
from resilience.pipeline import assess
from resilience.scenario import Scenario
from resilience.service import ServiceRule, lay_out_services

SERVICES = ("power", "medical")


def small_city() -> City:
    """A source feeds p1 and p2 by one line each; a hospital needs either, so does z2; z1 needs p1, z3 the hospital."""
    names = ["source", "p1", "p2", "hospital", "to_p1", "to_p2"]
    assets = gpd.GeoDataFrame(
        {
            "id": names,
            "sector": ["power", "power", "power", "medical", "power", "power"],
            "from_asset": ["", "", "", "", "source", "source"],
            "to_asset": ["", "", "", "", "p1", "p2"],
            "geometry": [*(Point(i, 0) for i in range(4)), *(LineString([(0, 0), (i, 0)]) for i in (1, 2))],
        },
        crs=5179,
    )
    zones = gpd.GeoDataFrame(
        {"id": ["z1", "z2", "z3"], "persons": [10.0, 20.0, 5.0], "geometry": [Point(i, 1) for i in range(3)]}, crs=5179
    )
    needs = pd.DataFrame(
        {
            "id": ["n1", "n2", "n3", "n4"],
            "dependent": ["z1", "z2", "z3", "hospital"],
            "service": ["power", "power", "medical", "power"],
            "required": 1,
            "buffer_hours": [0.0, 0.0, 0.0, 48.0],
        }
    )
    dependencies = pd.DataFrame(
        {"need": ["n1", "n2", "n2", "n3", "n4", "n4"], "provider": ["p1", "p1", "p2", "hospital", "p1", "p2"]}
    )
    supply = pd.DataFrame({"asset": ["source"], "sector": ["power"], "is_source": [True]})
    network = Network.from_tables(assets=assets, zones=zones, needs=needs, dependencies=dependencies, supply=supply)
    compiled = compile_network(network, services=SERVICES)
    graphs = supplied_graphs(compiled, {"power": "connected"})
    layout = lay_out_services(compiled, [ServiceRule(name) for name in SERVICES])
    return City(compiled, graphs, layout, find_baseline(compiled, graphs, layout, "all_up"), seed=3)


def test_people_behind_an_asset_are_all_who_count_on_it_directly_or_not() -> None:
    city = small_city()
    asset = {name: position for position, name in enumerate(city.compiled.asset_id)}
    told = people_behind(city, np.array([asset[name] for name in asset], np.int32))
    # p1: z1, z2 and, as the hospital's buffer does not count, z3; what feeds an asset has those behind it, too.
    wanted = {"source": 35.0, "p1": 35.0, "to_p1": 35.0, "p2": 25.0, "to_p2": 25.0, "hospital": 5.0}
    assert dict(zip(asset, told.tolist(), strict=True)) == wanted


def test_people_are_behind_what_feeds_them_whatever_the_level_of_its_sector() -> None:
    city = small_city()
    graph = city.graphs["power"]
    shared = lay_out_levels(city.compiled, [ShareSector(graph, np.full(3, 9.0), np.ones(3))], min_fraction=0.5)
    every = np.arange(6, dtype=np.int32)
    assert people_behind(replace(city, graphs={}, levels=shared), every).tolist() == people_behind(city, every).tolist()


def test_people_behind_assets_do_not_depend_on_which_are_asked_or_in_which_order() -> None:
    city = small_city()
    every = people_behind(city, np.arange(6, dtype=np.int32))
    assert people_behind(city, np.array([4, 0], np.int32)).tolist() == every[[4, 0]].tolist()
    assert people_behind(city, np.empty(0, np.int32)).size == 0


def synthetic(repair: dict[str, Any]) -> Scenario:
    return Scenario.from_dict(
        {
            "schema_version": 1,
            "name": "ranks",
            "seed": 2,
            "network": {"synthetic": {"size": 600}},
            "monte_carlo": {"samples": 512},
            "time": {"hours": [0, 24, 96, 336, 720], "repair": {"crews": {"power": 1, "telecom": 1}, **repair}},
        }
    )


def lost(repair: dict[str, Any]) -> Any:
    return assess(synthetic(repair)).dataset["person_hours_lost"].sum(["sample", "event"])


def test_a_run_repairs_first_what_most_people_stand_behind() -> None:
    by_people, by_turn = lost({"rule": "persons"}), lost({"rule": "fifo"})
    assert float(by_people.sel(service="power")) < float(by_turn.sel(service="power"))


def test_importance_of_an_earlier_run_ranks_the_repairs_of_the_next(tmp_path: Path) -> None:
    out = tmp_path / "first"
    assess(synthetic({}), out=out)
    columns = {"asset": "asset", "rank": "fussell_vesely"}
    repair = {"rule": "priority", "ranks": {"path": str(out / "importance.csv"), "columns": columns}}
    with pytest.raises(CannotCreateError, match=r"importance\.csv"):
        assess(synthetic(repair), out=out)
    ranked = lost(repair)
    assert float(ranked.sel(service="power")) < float(lost({}).sel(service="power"))


def test_ranks_of_kinds_and_of_their_assets_give_the_same_run(tmp_path: Path) -> None:
    table = tmp_path / "ranks.csv"
    assets = assess(synthetic({})).dataset
    chosen = assets["asset"].values[assets["kind"].values == "substation"]
    pd.DataFrame({"asset": chosen, "rank": 2.0}).to_csv(table, index=False)
    by_asset = lost({"rule": "priority", "ranks": str(table)})
    by_kind = lost({"rule": "priority", "priority": {"substation": 2}})
    assert by_asset.values.tolist() == by_kind.values.tolist()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("asset,rank\nnobody,1\n", ("ids of assets", "nobody")),
        ("asset,rank\nsubstation-01,high\n", ("finite numbers", "high")),
        ("asset,place\nsubstation-01,1\n", ("rank",)),
    ],
)
def test_ranks_that_do_not_fit_are_told(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    table = tmp_path / "ranks.csv"
    table.write_text(text)
    with pytest.raises(DataError) as caught:
        assess(synthetic({"rule": "priority", "ranks": str(table)}))
    for word in words:
        assert word in str(caught.value)


def test_ranks_belong_to_the_rule_of_priority(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("asset,rank\n")
    for repair in ({"ranks": "r.csv"}, {"rule": "priority", "priority": {"substation": 1}, "ranks": "r.csv"}):
        with pytest.raises(ConfigurationError, match="ranks"):
            Scenario.from_dict(synthetic({}).to_dict() | {"time": {"repair": repair}}, base=tmp_path)

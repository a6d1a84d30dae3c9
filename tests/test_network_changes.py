"""Changes of the tables of a city, against slow twins."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from resilience.errors import Problems
from resilience.network import Network
from resilience.network.changes import add_providers, change_buffers
from resilience.network.redundancy import Standby, Units, add_redundancy


def random_city(seed: int) -> Network:
    """Thirty assets of three kinds on a coarse grid, where ties are common; needs of assets and zones."""
    rng = np.random.default_rng(seed)
    place = rng.integers(0, 6, size=(40, 2)) * 10.0
    points = gpd.points_from_xy(*place.T)
    kinds = np.array(["a", "b", "c"])[rng.integers(0, 3, 30)]
    ids = rng.permutation([f"p{i:02d}" for i in range(30)])
    assets = gpd.GeoDataFrame({"id": ids, "sector": "power", "kind": kinds}, geometry=points[:30], crs=5179)
    zones = gpd.GeoDataFrame({"id": [f"z{i}" for i in range(10)], "persons": 1.0}, geometry=points[30:], crs=5179)
    dependents = [*ids[:12], *zones["id"]]
    needs = pd.DataFrame({"id": [f"n{i}" for i in range(22)], "dependent": dependents, "service": "power"})
    served = []
    for need, dependent in zip(needs["id"], dependents, strict=True):
        others = [name for name in ids if name != dependent]
        served += [(need, name) for name in rng.choice(others, size=rng.integers(1, 3), replace=False)]
    return Network.from_tables(
        assets=assets, zones=zones, needs=needs, dependencies=pd.DataFrame(served, columns=["need", "provider"])
    )  # fmt: skip


def naive_providers(network: Network, dependents: set[str], kind: str | None) -> set[tuple[str, str]]:
    """Look at every asset for every need."""
    everyone = pd.concat([network.assets, network.zones]).set_index("id")["geometry"]
    kinds = network.assets.set_index("id")["kind"]
    added = set()
    for _, need in network.needs[network.needs["dependent"].isin(dependents)].iterrows():
        there = sorted(network.dependencies.loc[network.dependencies["need"] == need["id"], "provider"])
        wanted = kinds[there[0]] if kind is None else kind
        others = [name for name in kinds.index[kinds == wanted] if name not in {*there, need["dependent"]}]
        here = everyone[need["dependent"]]
        added.add((need["id"], min(others, key=lambda name: (round(here.distance(everyone[name]), 3), name))))
    return added


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", [None, "b"])
def test_a_further_provider_is_the_nearest_other_one(seed: int, kind: str | None) -> None:
    network = random_city(seed)
    problems = Problems()
    provider = None if kind is None else {"kind": kind}
    changed = add_providers(network, "zones", service="power", provider=provider, problems=problems, subject="x")
    of = {"kind": ["a", "c"]}
    changed = add_providers(changed, of, service="power", provider=provider, problems=problems, subject="x")
    chosen = set(network.assets["id"][network.assets["kind"].isin(of["kind"])])
    before, after = (
        set(zip(one.dependencies["need"], one.dependencies["provider"], strict=True)) for one in (network, changed)
    )
    assert list(problems) == []
    assert before < after
    assert after - before == naive_providers(network, {*network.zones["id"], *chosen}, kind)
    assert len(changed.dependencies) == len(after)


def test_spare_units_and_standbys_are_no_providers_of_that_kind() -> None:
    points = gpd.points_from_xy([0.0, 10.0, 20.0, 30.0], [0.0] * 4)
    assets = gpd.GeoDataFrame({"id": ["d2", "d1", "d3", "h"], "sector": ["data"] * 3 + ["medical"]}, geometry=points,
                              crs=5179)  # fmt: skip
    needs = pd.DataFrame({"id": ["n"], "dependent": ["h"], "service": ["data"]})
    network = Network.from_tables(
        assets=assets, needs=needs, dependencies=pd.DataFrame({"need": ["n"], "provider": ["d2"]})
    )  # fmt: skip
    network = add_redundancy(network, [
        Standby(of={"id": "d2"}, standby={"id": "d1"}, service="data", switch=0.9),
        Units(of={"id": "d2"}, service="data", units=2, required=1, unavailability=0.1),
    ])  # fmt: skip
    problems = Problems()
    changed = add_providers(network, {"id": "h"}, service="data", provider=None, problems=problems, subject="x")
    added = changed.dependencies.iloc[len(network.dependencies) :]
    assert added[["need", "provider"]].to_numpy().tolist() == [["n", "d3"]]
    same = change_buffers(
        network, {"id": "d2"}, service="data", changed={"buffer_hours": 5.0}, problems=problems, subject="y"
    )  # fmt: skip
    assert same is network
    assert [problem.subject for problem in problems] == ["y.service"]


def test_nothing_left_to_provide_is_told() -> None:
    network = random_city(1)
    problems = Problems()
    zones = network.needs["id"][network.needs["dependent"].isin(network.zones["id"])]
    only = {"id": network.dependencies["provider"][network.dependencies["need"].isin(zones)].iloc[0]}
    same = add_providers(network, "zones", service="power", provider=only, problems=problems, subject="x")
    assert [problem.subject for problem in problems] == ["x.provider"]
    assert same is network

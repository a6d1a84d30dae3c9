"""DC power flow on grids that nobody in this project made: every bus in balance, angles those of dense algebra.

And whole runs on them: what a run tells of an outage is what the flow leaves unserved.
"""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest

from resilience.flow import prepare_dc_flow, prepare_share
from resilience.network.compile import SectorGraph
from resilience.pipeline import assess

pytestmark = pytest.mark.real_data


def as_sector(buses, links, capacity, demand):
    """Return graph, assets and supply; `links` has columns tail, head, reactance, rating."""
    n, m = len(buses), len(links)
    place = {bus: i for i, bus in enumerate(buses)}
    graph = SectorGraph(
        "power", np.arange(n, dtype=np.int32), np.arange(n, n + m, dtype=np.int32),
        links["tail"].map(place).to_numpy(dtype=np.int64), links["head"].map(place).to_numpy(dtype=np.int64),
        np.zeros(m, bool), np.array(sorted(place[bus] for bus in capacity.index), dtype=np.int32),
    )  # fmt: skip
    blank = np.full(n, np.nan)
    assets = pd.DataFrame(
        {
            "id": [f"bus {bus}" for bus in buses] + [f"branch {i}" for i in range(m)],
            "reactance": np.concatenate([blank, links["reactance"]]),
            "rating": np.concatenate([blank, links["rating"]]),
        }
    )
    supply = pd.DataFrame({"capacity": capacity, "demand": demand})
    supply = supply.assign(is_source=supply["capacity"].notna(), sector="power")
    supply["asset"] = [f"bus {bus}" for bus in supply.index]
    supply["demand"] = supply["demand"].fillna(0.0)
    return graph, assets, supply


@pytest.fixture(scope="module")
def kpg193(real_data):
    """KPG193 v2.0 (synthetic Korean grid): the published dispatch as capacity, net feeders as sources."""
    text = (real_data / "kpg193" / "KPG193_ver2_0.m").read_text(encoding="utf-8-sig")

    def matrix(name):
        body = re.search(rf"mpc\.{name} = \[(.*?)\];", text, re.DOTALL)[1]
        return pd.DataFrame([line.rstrip("; \t").split() for line in body.strip().splitlines()]).astype(float)

    bus, generator, branch = matrix("bus"), matrix("gen"), matrix("branch")
    running = generator[generator[7] > 0]
    links = pd.DataFrame({"tail": branch[0], "head": branch[1], "reactance": branch[3], "rating": branch[5]})
    drawn = bus.set_index(0)[2]
    given = running.groupby(0)[1].sum().add(-drawn[drawn < 0.0], fill_value=0.0)
    return as_sector(bus[0].tolist(), links, given[given > 0.0], drawn.clip(lower=0.0))


@pytest.fixture(scope="module")
def oberrhein(real_data):
    """The 20 kV grid of pandapower: two 110 kV feeders as sources at 25 MW each, open switches opened."""
    tables = json.loads((real_data / "pandapower" / "mv_oberrhein.json").read_text(encoding="utf-8"))["_object"]

    def table(name):
        return pd.read_json(io.StringIO(tables[name]["_object"]), orient="split")

    bus, line, load, trafo, switch = (table(name) for name in ("bus", "line", "load", "trafo", "switch"))
    is_open = switch.loc[(switch["et"] == "l") & ~switch["closed"].astype(bool), "element"]
    line = line[~line.index.isin(is_open)]
    ohm = line["length_km"] * line["x_ohm_per_km"]
    links = pd.DataFrame(
        {"tail": line["from_bus"], "head": line["to_bus"], "reactance": ohm * 100.0 / 20.0**2,
         "rating": np.sqrt(3.0) * 20.0 * line["max_i_ka"]}
    )  # fmt: skip
    steps = pd.DataFrame(
        {"tail": trafo["hv_bus"], "head": trafo["lv_bus"],
         "reactance": trafo["vk_percent"] / 100.0 * 100.0 / trafo["sn_mva"], "rating": trafo["sn_mva"]}
    )  # fmt: skip
    capacity = pd.Series(25.0, index=table("ext_grid")["bus"].tolist())
    drawn = (load["p_mw"] * load["scaling"]).groupby(load["bus"]).sum()
    return as_sector(bus.index.tolist(), pd.concat([links, steps], ignore_index=True), capacity, drawn)


@pytest.mark.parametrize("name", ["kpg193", "oberrhein"])
def test_intact_grid_is_in_balance(request, name):
    graph, assets, supply = request.getfixturevalue(name)
    grid = prepare_dc_flow(graph, assets.assign(rating=np.nan), supply)
    state = grid.solve(np.ones(len(assets), bool))
    assert all(np.isfinite(part).all() for part in state[:4])
    out = np.bincount(graph.tail, state.flow, graph.node.size) - np.bincount(graph.head, state.flow, graph.node.size)
    # No source: what flows in is what is served.
    consumers = grid.capacity == 0.0
    assert -out[consumers] == pytest.approx(state.served[consumers], abs=1e-6)
    assert out.sum() == pytest.approx(0.0, abs=1e-6)
    susceptance = 100.0 / assets["reactance"].to_numpy()[graph.link]
    laplacian = np.zeros((graph.node.size, graph.node.size))
    for i, j, b in zip(graph.tail, graph.head, susceptance, strict=True):
        laplacian[[i, j], [i, j]] += b
        laplacian[[i, j], [j, i]] -= b
    angle = np.linalg.lstsq(laplacian, out, rcond=1e-13)[0]
    flow = (angle[graph.tail] - angle[graph.head]) * susceptance
    assert state.flow == pytest.approx(flow, abs=1e-4)
    # Both were published as they were operated: nothing is overloaded.
    assert not prepare_dc_flow(graph, assets, supply).solve(np.ones(len(assets), bool)).tripped.any()


@pytest.mark.parametrize(("name", "total"), [("kpg193", 66_588.1552), ("oberrhein", 37.116)])
def test_intact_grid_serves_what_is_drawn(request, name, total):
    graph, assets, supply = request.getfixturevalue(name)
    sector = prepare_share(graph, assets, supply)
    served = sector.serve(np.ones(len(assets), bool)).fraction[: graph.node.size] * sector.demand
    assert served.sum() == pytest.approx(total)


@pytest.mark.parametrize("name", ["kpg193", "oberrhein"])
def test_outages_end_within_the_ratings(request, name):
    graph, assets, supply = request.getfixturevalue(name)
    grid = prepare_dc_flow(graph, assets, supply)
    rng = np.random.default_rng(1)
    for _ in range(200):
        state = grid.solve(rng.random(len(assets)) < 0.98)
        assert np.isfinite(state.flow).all()
        assert np.all(np.abs(state.flow) <= grid.rating * (1.0 + 1e-9))
        assert np.all((state.fraction >= 0.0) & (state.fraction <= 1.0))


def run_with_outage(site, grid, down):
    """Return the result of a run in which some assets fail in every sample; 1,000 people per MW at every bus."""
    graph, assets, supply = grid
    ends = {}
    for name, column in (("from_asset", graph.tail), ("to_asset", graph.head)):
        ends[name] = np.full(len(assets), "", dtype=object)
        ends[name][graph.link] = assets["id"].to_numpy()[graph.node][column]
    rows = assets.assign(sector="power", **ends).to_dict("records")
    drawn = supply[supply["demand"] > 0.0]
    scenario = site.scenario(
        rows, [{"values": [np.isin(assets["id"], down).astype(float)], "return_periods": [50]}],
        zones=[{"id": f"people at {row.asset}", "persons": 1000.0 * row.demand} for row in drawn.itertuples()],
        needs=[(f"people at {name}", "power", [name], 1) for name in drawn["asset"]],
        supply=supply.to_dict("records"), levels={"power": "dc_flow"},
    )  # fmt: skip
    return assess(scenario, threads=1).dataset


@pytest.mark.parametrize(("name", "n_down"), [("kpg193", 0), ("kpg193", 1), ("kpg193", 12), ("oberrhein", 3)])
def test_outage_in_a_run_takes_what_the_flow_takes(request, site, name, n_down):
    """People are as many as the demand, so those without are the demand that is not served."""
    graph, assets, supply = request.getfixturevalue(name)
    lines = assets["id"].to_numpy()[graph.link]
    down = np.random.default_rng(5).choice(lines, n_down, replace=False).tolist()
    plants = supply.loc[supply["is_source"]].nlargest(2, "capacity")["asset"].tolist()
    down += plants[:1] if n_down else []
    dataset = run_with_outage(site, (graph, assets, supply), down)
    grid = prepare_dc_flow(graph, assets, supply)
    intact, state = (grid.solve(~np.isin(assets["id"], out)) for out in ([], down))
    lost = (grid.demand * np.maximum(intact.fraction - state.fraction, 0.0)).sum()
    assert dataset["unserved_demand"].values == pytest.approx(lost, rel=1e-9, abs=1e-9)
    assert dataset["people_without_service"].values == pytest.approx(1000.0 * lost, rel=1e-6)
    assert (lost > 0) == (n_down > 0)
    tripped = set(assets["id"].to_numpy()[graph.link[state.tripped]])
    causes = dataset["down_count"].values[0]
    supplied = set(dataset["asset"].values[causes[:, dataset["cause"].values.tolist().index("supply")] > 0])
    assert tripped <= supplied

"""Known reliabilities through the public city: from tables to people without service.

Every value is the textbook's, computed from the closed form named beside it. Three routes are taken: all states of a
system put through the fixed point and weighted with their exact probabilities (right to rounding); separate events
whose assets fail surely or never; and sampling by :func:`resilience.assess`, held to 4 standard errors.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any, NamedTuple

import numpy as np
import pytest

from resilience.cascade import Cascade, plan_event, supplied_graphs
from resilience.engine import City, find_baseline, prepare_event, solve_block
from resilience.network.compile import PERSON, compile_network
from resilience.pipeline import assess
from resilience.service import ServiceRule, lay_out_services


class System(NamedTuple):
    """A city of one zone; `parts` are the assets that fail, each with its availability."""

    assets: list[dict[str, Any]]
    needs: list[Any]
    parts: list[str]
    sources: dict[str, str] = {}  # noqa: RUF012
    connected: bool = False

    @property
    def levels(self) -> dict[str, str]:
        return {"power": "connected"} if self.connected else {}


def of_links(edges: list[tuple[str, str]], source: str, terminal: str) -> System:
    """Nodes never fail, edges do; the zone is served where supply reaches the terminal."""
    nodes = sorted({end for edge in edges for end in edge})
    links = [{"id": f"{a}-{b}", "from_asset": a, "to_asset": b} for a, b in edges]
    never = [{"id": node, "flood_fragility_curve": ""} for node in nodes]
    return System(
        [*never, *links], [("zone", "power", [terminal], 1)], [link["id"] for link in links], {source: "power"}, True
    )


def of_providers(n: int, required: int) -> System:
    parts = [f"unit{i}" for i in range(n)]
    return System([{"id": part} for part in parts], [("zone", "power", parts, required)], parts)


def grid(n: int) -> System:
    name = {(i, j): f"n{i}{j}" for i, j in product(range(n), repeat=2)}
    edges = [(name[i, j], name[i, j + 1]) for i in range(n) for j in range(n - 1)]
    edges += [(name[i, j], name[i + 1, j]) for i in range(n - 1) for j in range(n)]
    return of_links(edges, "n00", f"n{n - 1}{n - 1}")


SERIES = of_links([("s", "a"), ("a", "t")], "s", "t")
PARALLEL = of_links([("s", "a"), ("a", "t"), ("s", "b"), ("b", "t")], "s", "t")
BRIDGE = of_links([("s", "a"), ("s", "b"), ("a", "t"), ("b", "t"), ("a", "b")], "s", "t")
COMPLETE = of_links(list(combinations("abst", 2)), "s", "t")


def double_path() -> System:
    """Two sets of which one is enough, each four of five units (2(N+1))."""
    units = {side: [f"{side}{i}" for i in range(5)] for side in "ab"}
    assets = [{"id": unit} for side in "ab" for unit in units[side]]
    sets = [{"id": f"set-{side}", "flood_fragility_curve": ""} for side in "ab"]
    needs = [(f"set-{side}", "unit", units[side], 4) for side in "ab"]
    return System([*assets, *sets], [*needs, ("zone", "power", ["set-a", "set-b"], 1)], units["a"] + units["b"])


def standby() -> System:
    """One unit works; the other takes over if the switch does."""
    assets = [{"id": "first"}, {"id": "second"}, {"id": "switch"}]
    needs = [("second", "switch", ["switch"], 1), ("zone", "power", ["first", "second"], 1)]
    return System(assets, needs, ["first", "second", "switch"])


CASES = {
    "series, p^2": (SERIES, [0.9] * 2, 0.81),
    "parallel of single links, 1-(1-p)^2": (of_providers(2, 1), [0.9] * 2, 0.99),
    "parallel of two series, 1-(1-p^2)^2": (PARALLEL, [0.9] * 4, 1 - 0.19**2),
    "2 of 3, 3p^2-2p^3": (of_providers(3, 2), [0.9] * 3, 0.972),
    "bridge .5, 2p^2+2p^3-5p^4+2p^5": (BRIDGE, [0.5] * 5, 0.5),
    "bridge .9": (BRIDGE, [0.9] * 5, 0.97848),
    "grid 2x2, corner to corner": (grid(2), [0.9] * 4, 0.9639),
    "grid 3x3, corner to corner": (grid(3), [0.9] * 12, 0.972502171407),
    "complete graph of 4, .5": (COMPLETE, [0.5] * 6, 0.75),
    "complete graph of 4, .9": (COMPLETE, [0.9] * 6, 0.997848),
    "N+1: 4 of 5": (of_providers(5, 4), [0.98] * 5, 0.9961576),
    "2N of single paths": (of_providers(2, 1), [0.98] * 2, 0.9996),
    "2(N+1): 4 of 5, twice": (double_path(), [0.98] * 10, 0.9999852),
    "active and standby, switch .9": (standby(), [0.98, 0.98, 0.9], 0.99764),
}
PUBLISHED = {"2(N+1): 4 of 5, twice": 5e-8, "grid 3x3, corner to corner": 5e-13, "N+1: 4 of 5": 5e-8}


def city_of(site: Any, system: System) -> City:
    network = site.network(system.assets, needs=system.needs, sources=system.sources)
    compiled = compile_network(network)
    graphs = supplied_graphs(compiled, system.levels)
    layout = lay_out_services(compiled, [ServiceRule("power")])
    return City(compiled, graphs, layout, find_baseline(compiled, graphs, layout, "all_up"), seed=1)


def served_states(city: City, system: System, unpack: Any) -> np.ndarray:
    """Return whether the zone is served, for every state of the parts: bit i of the number is part i up."""
    compiled = city.compiled
    part = np.array([compiled.asset_id.index(name) for name in system.parts])
    probability = np.zeros(compiled.n_asset)
    probability[part] = 0.5
    plan = plan_event(compiled, probability, graphs=city.graphs, seed=1, family="states")
    cascade = Cascade(compiled, plan)
    cascade.sample(0)
    n_state = 1 << len(part)
    zone = int(compiled.zone_need[0])
    providers = compiled.provider[compiled.provider_indptr[zone] : compiled.provider_indptr[zone + 1]]
    served = []
    for first in range(0, n_state, 512):
        up = (np.arange(first, first + 512)[np.newaxis] >> np.arange(len(part))[:, np.newaxis]) & 1
        rows = np.packbits(up == 0, axis=1, bitorder="little").view(np.uint64)
        cascade.failed[plan.failed_row[part]] = rows
        cascade.solve()
        served.append(unpack(cascade.up[providers]).sum(axis=0) >= compiled.required[zone])
    return np.concatenate(served)[:n_state]


def weights_of(availability: list[float]) -> np.ndarray:
    bits = (np.arange(1 << len(availability))[:, np.newaxis] >> np.arange(len(availability))) & 1
    return np.where(bits == 1, availability, 1.0 - np.array(availability)).prod(axis=1)


@pytest.mark.parametrize("name", CASES)
def test_all_states_of_a_system_give_its_reliability(site, unpack, known, name):
    system, availability, wanted = CASES[name]
    served = served_states(city_of(site, system), system, unpack)
    known(
        "Reliability, all states", name, wanted, weights_of(availability) @ served, PUBLISHED.get(name, 1e-12),
        by="closed form",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["2 of 3, 3p^2-2p^3", "bridge .9", "active and standby, switch .9"])
def test_events_in_which_assets_fail_surely_or_never_give_it_too(site, name):
    system, availability, wanted = CASES[name]
    city = city_of(site, system)
    part = [city.compiled.asset_id.index(name) for name in system.parts]
    served = []
    for state in range(1 << len(part)):
        probability = np.zeros(city.compiled.n_asset)
        probability[part] = [1.0 - (state >> i & 1) for i in range(len(part))]
        people = solve_block(city, prepare_event(city, 0, probability, family="f"), 0, 8).people[0]
        assert np.unique(people).tolist() in ([0], [1000 * PERSON])
        served.append(people[0] == 0)
    assert weights_of(availability) @ np.array(served) == pytest.approx(wanted, abs=1e-12)


def sampled(site: Any, system: System, failure: float, samples: int, **more: Any) -> Any:
    depth = [failure if asset["id"] in system.parts else 0.0 for asset in system.assets]
    hazard = {"values": [depth], "events": ["storm"], "annual_rates": [1.0]}
    return assess(
        site.scenario(
            system.assets, [hazard], needs=system.needs, sources=system.sources, samples=samples,
            levels=system.levels,
            services={"power": {"by": "assignment"}, **{need[1]: {"by": "internal"} for need in system.needs[:-1]}},
            **more,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "samples"),
    [
        ("series, p^2", 2**18), ("parallel of single links, 1-(1-p)^2", 2**18), ("2 of 3, 3p^2-2p^3", 2**18),
        ("bridge .5, 2p^2+2p^3-5p^4+2p^5", 2**18), ("grid 2x2, corner to corner", 2**18),
        ("grid 3x3, corner to corner", 2**20), ("complete graph of 4, .5", 2**18),
        ("complete graph of 4, .9", 2**20),
    ],
)  # fmt: skip
def test_sampled_reliability(site, known, name, samples):
    system, availability, wanted = CASES[name]
    result = sampled(site, system, 1.0 - availability[0], samples)
    lost = result.dataset["people_without_service"].values[0, 0] / 1000.0
    assert set(np.unique(lost)) == {0.0, 1.0}
    error = np.sqrt(wanted * (1.0 - wanted) / samples)
    known(
        "Reliability, sampled", f"{name}; {samples:,} samples", wanted, 1.0 - lost.mean(), 4 * error, by="closed form"
    )
    # At rate 1 the annual value is the probability, and its standard error that of a share.
    annual = result.dataset["annual_value"].item() / 1000.0
    assert annual == pytest.approx(lost.mean(), rel=1e-12)
    assert result.dataset["annual_standard_error"].item() / 1000.0 == pytest.approx(error, rel=0.05)


def test_importance_of_the_bridge(site, known):
    """F = .02152; outer edges I_B .1062, FV .493494, RAW 5.44145, RRW 1.97431; bridge .0162, .075279, 1.67751, 1.08141.

    In persons of a zone of 1,000, hence the factor in Birnbaum.
    """
    found = sampled(site, BRIDGE, 0.1, 2**20).importance.squeeze("service")
    error = 4 * found["expected_annual_loss_standard_error"].item()
    section, by = "Importance, bridge of p = .9, 1,048,576 samples", "closed form"
    known(section, "F, per thousand", 21.52, found["expected_annual_loss"].item(), error, by=by)
    outer, bridge = ["s-a", "s-b", "a-t", "b-t"], ["a-b"]
    wanted = {
        "birnbaum": (106.2, 16.2), "fussell_vesely": (0.493494, 0.075279), "criticality": (0.493494, 0.075279),
        "risk_achievement_worth": (5.44145, 1.67751), "risk_reduction_worth": (1.97431, 1.08141),
    }  # fmt: skip
    for measure, values in wanted.items():
        for ids, value in zip((outer, bridge), values, strict=True):
            one = found.sel(asset=ids)
            error = one[f"{measure}_standard_error"].values
            assert (error > 0).all()
            assert (error < 0.05 * value).all()
            for name, got, one_error in zip(ids, one[measure].values, error, strict=True):
                known(section, f"{measure} of {name}", value, got, 4 * one_error, by=by)


def test_importance_of_the_bridge_from_paired_runs(site, known):
    """The same from runs with each edge surely up and surely down under the same random numbers."""
    samples = 2**18
    result = sampled(site, BRIDGE, 0.1, samples, importance={"top": 0, "assets": ["s-a", "a-b"]})
    found = result.pairs.squeeze("service")
    for name, birnbaum, reduction in (("s-a", 106.2, 1.97431), ("a-b", 16.2, 1.08141)):
        one = found.sel(asset=name)
        for measure, wanted in (("birnbaum", birnbaum), ("risk_reduction_worth", reduction)):
            error = one[f"{measure}_standard_error"].item()
            assert 0 < error < 0.05 * wanted
            section = f"Importance, bridge of p = .9, paired runs of {samples:,} samples"
            known(section, f"{measure} of {name}", wanted, one[measure].item(), 4 * error, by="closed form")


def test_common_cause_destroys_redundancy(site):
    """Beta factor, u = .01, beta = .1: P(both) = beta u + ((1-beta) u)^2 = .001081 (rare events), against .0001.

    Both units need the asset that stands for the common cause; P(common or both own) is exactly
    1 - (1 - .001)(1 - .009^2).
    """
    assets = [{"id": "one"}, {"id": "two"}, {"id": "common"}]
    needs = [("one", "cause", ["common"], 1), ("two", "cause", ["common"], 1), ("zone", "power", ["one", "two"], 1)]
    hazard = {"values": [[0.009, 0.009, 0.001]], "events": ["e"], "annual_rates": [1.0]}
    services = {"power": {"by": "assignment"}, "cause": {"by": "internal"}}
    samples = 2**20
    result = assess(site.scenario(assets, [hazard], needs=needs, services=services, samples=samples))
    exact = 1 - (1 - 0.001) * (1 - 0.009**2)
    assert exact == pytest.approx(0.001081, abs=1e-7)
    share = result.dataset["annual_value"].item() / 1000
    assert abs(share - exact) < 4 * np.sqrt(exact / samples)


def test_one_failure_group_is_one_component(site):
    """Both units of a 1-of-2 system in one group: .9 instead of .99, exactly the shared draw."""
    assets = [{"id": "one", "failure_group": "room"}, {"id": "two", "failure_group": "room"}]
    hazard = {"values": [[0.1, 0.1]], "events": ["e"], "annual_rates": [1.0]}
    result = assess(site.scenario(assets, [hazard], needs=[("zone", "power", ["one", "two"], 1)], samples=2**16))
    failed = result.dataset["failed_count"].values[0]
    assert failed[0] == failed[1] == (result.dataset["people_without_service"].values > 0).sum()
    assert abs(failed[0] / 2**16 - 0.1) < 4 * np.sqrt(0.09 / 2**16)

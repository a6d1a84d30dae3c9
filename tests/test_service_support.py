"""What a service does not rest on is nothing to it in any sample, judged by the engine and by a slow walk."""

from __future__ import annotations

import numpy as np
import pytest

from resilience.pipeline import assess
from resilience.risk.ranking import is_told_apart, is_untold
from resilience.scenario import Scenario
from resilience.service import AssignedPart, find_support
from tests.engine_cities import SERVICES, build, random_network, random_probability, solved


def walk(city, service):
    """Return what a service rests on by following tables, one asset at a time."""
    compiled = city.compiled
    first = compiled.provider_indptr
    providers = [compiled.provider[first[n] : first[n + 1]].tolist() for n in range(compiled.required.size)]
    ahead: list[int] = []
    for part in city.layout.parts:
        if part.service == service and isinstance(part, AssignedPart):
            ahead += [one for row in part.row for one in providers[compiled.zone_need[row]]]
        elif part.service == service:
            graph = city.layout.graphs[part.network]
            ahead += [*part.facility.tolist(), *graph.node.tolist(), *graph.link.tolist()]
    into: dict[int, set[int]] = {}
    for graph in city.graphs.values():
        for link, tail, head, oneway in zip(graph.link, graph.tail, graph.head, graph.oneway, strict=True):
            ends = [(graph.node[tail], graph.node[head])]
            for start, end in ends if oneway else [*ends, ends[0][::-1]]:
                into.setdefault(int(link), set()).add(int(start))
                into.setdefault(int(end), set()).add(int(link))
    found: set[int] = set()
    while ahead:
        one = ahead.pop()
        if one not in found:
            found.add(one)
            needs = range(*compiled.need_indptr[one : one + 2])
            ahead += [asset for need in needs for asset in providers[need]]
            ahead += into.get(one, set())
    return found


@pytest.mark.parametrize("start", ["all_up", "all_down"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_no_service_rests_on_changes_nothing(seed: int, start: str) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng)
    city = build(network, start=start, count_gaps=True)
    support = find_support(city.compiled, city.layout, supplied=city.graphs.values(), together=city.level_members)
    probability = random_probability(rng, network)
    seen = 0
    for service, name in enumerate(SERVICES):
        assert set(np.flatnonzero(support[:, service])) == walk(city, service), name
        others = {asset for asset, used in zip(city.compiled.asset_id, support[:, service], strict=True) if not used}
        seen += len(others)
        people = [solved(city, {**probability, **dict.fromkeys(others, share)}, 1).people for share in (0.0, 1.0)]
        np.testing.assert_array_equal(people[0][service], people[1][service], err_msg=name)
    assert seen


def test_pairs_of_the_built_in_city_agree() -> None:
    """Where the structure says that an asset is nothing to a service, two runs with and without it are the same."""
    named = ["substation-01", "pump-station-01"]
    data = {
        "schema_version": 1, "name": "town", "network": {"synthetic": {"size": 600}},
        "monte_carlo": {"samples": 512}, "risk": {"catalogue_years": 0}, "importance": {"top": 3, "assets": named},
        "cascade": {"levels": {"power": "connected", "water": "share", "telecom": "connected"}},
    }  # fmt: skip
    result = assess(Scenario.from_dict(data), threads=1)
    importance, pairs = result.importance, result.pairs
    assert importance is not None
    assert pairs is not None
    known = [name for name in pairs["asset"].values.tolist() if name in importance["asset"].values]
    one, two = importance.sel(asset=known), pairs.sel(asset=known)
    nothing = (one["birnbaum"] == 0) & (one["birnbaum_standard_error"] == 0)
    assert 0 < int(nothing.sum()) < nothing.size
    assert not two["birnbaum"].where(nothing, 0).any()
    assert not two["fussell_vesely"].where(nothing & (one["expected_annual_loss"] > 0), 0).any()
    # In turn: what is told apart, the largest first, and what is untold.
    worth = importance["fussell_vesely"].where(is_told_apart(importance), 0).max("service").values
    untold = set(importance["asset"].values[is_untold(importance).any(axis=1)].tolist())
    chosen = pairs["asset"].values.tolist()[:3]
    first, second = importance["asset"].values[np.argsort(-worth, kind="stable")[:2]]
    assert (chosen[0], chosen[2]) == (first, second)
    assert chosen[1] in untold

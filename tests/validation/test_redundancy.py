"""Redundancy of a data centre as a scenario says it, against the closed forms: all states, and sampled in dry weather.

Expected values are those worked out by hand for units of availability .98, a switch of .9 and a beta factor of .1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from resilience import redundancy as closed
from resilience.cascade import Cascade, plan_event
from resilience.inputs import load_inputs
from resilience.network.compile import compile_network
from resilience.pipeline import assess

SAMPLES = 2**17
A, B = {"id": "dc-a"}, {"id": "dc-b"}
UNITS = {"of": A, "service": "data", "unavailability": 0.02}
SITES = [{**UNITS, "units": 1}, {**UNITS, "of": B, "units": 1}]
SWITCH = {"of": A, "standby": B, "service": "data", "switch": 0.9}
BOTH = {"of": A, "standby": B, "service": "data", "mode": "active_active"}
SHARED = {**UNITS, "unavailability": 0.01, "units": 1, "paths": 2, "common_cause": 0.1}
CASES: dict[str, tuple[float, list[Any], float]] = {
    "one unit": (0.98, SITES[:1], 0.98),
    "N+1: 4 of 5": (0.9961576, [{**UNITS, "units": 5, "required": 4}], closed.with_spares(0.98, needed=4)),
    "2N of single paths": (0.9996, [{**UNITS, "units": 1, "paths": 2}], closed.duplicated(0.98)),
    "2(N+1): 4 of 5, twice": (
        0.9999852, [{**UNITS, "units": 5, "required": 4, "paths": 2}], closed.duplicated_with_spares(0.98, needed=4)
    ),
    "active and standby, switch .9": (0.99764, [*SITES, SWITCH], closed.active_standby(0.98, switch=0.9)),
    "active and active": (0.9996, [*SITES, BOTH], closed.active_active(0.98)),
    "2N, u = .01, beta .1": (1 - 0.001081, [SHARED], closed.duplicated(0.99, beta=0.1)),
}  # fmt: skip
SECTION = "Redundancy of a data centre"


def scenario_of(site: Any, name: str, samples: int = 512) -> Any:
    assets = [{"id": name, "sector": "data"} for name in ("dc-a", "dc-b")]
    return site.scenario(
        assets, [{"values": [[0.0, 0.0]], "events": ["dry"], "annual_rates": [1.0]}],
        needs=[("zone", "data", ["dc-a"], 1)], services={"data": {"by": "assignment"}}, samples=samples,
        redundancy=CASES[name][1],
    )  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_all_states_of_units_and_switch(site, unpack, known, name):
    """The fixed point of each state, weighted with its probability. What is shared is exact, not to first order."""
    wanted, _, formula = CASES[name]
    assert formula == pytest.approx(wanted, abs=5e-8)
    network = load_inputs(scenario_of(site, name)).network
    compiled = compile_network(network)
    anyway = network.assets.set_index("id")["unavailability"]
    part = np.array([i for i, asset in enumerate(compiled.asset_id) if anyway[asset] > 0])
    out = anyway[[compiled.asset_id[i] for i in part]].to_numpy()
    plan = plan_event(
        compiled, np.where(np.isin(np.arange(compiled.n_asset), part), 0.5, 0.0), graphs={}, seed=1, family=""
    )
    cascade = Cascade(compiled, plan)
    cascade.sample(0)
    zone = int(compiled.zone_need[0])
    providers = compiled.provider[compiled.provider_indptr[zone] : compiled.provider_indptr[zone + 1]]
    available = 0.0
    for first in range(0, 1 << part.size, 512):
        down = (np.arange(first, first + 512) >> np.arange(part.size)[:, np.newaxis]) & 1
        cascade.failed[plan.failed_row[part]] = np.packbits(down, axis=1, bitorder="little").view(np.uint64)
        cascade.solve()
        weight = np.where(down == 1, out[:, np.newaxis], 1.0 - out[:, np.newaxis]).prod(axis=0)
        weight[np.arange(first, first + 512) >= 1 << part.size] = 0.0
        available += weight @ unpack(cascade.up[providers]).any(axis=0)
    known(SECTION, f"{name}, all states", wanted, available, 1e-7, by="closed form")


@pytest.mark.parametrize("name", CASES)
def test_sampled_in_dry_weather(site, known, name):
    wanted = CASES[name][0]
    lost = assess(scenario_of(site, name, SAMPLES)).dataset["people_without_service"].values.ravel() / 1000.0
    assert set(np.unique(lost)) <= {0.0, 1.0}
    error = np.sqrt(wanted * (1.0 - wanted) / SAMPLES)
    known(SECTION, f"{name}; {SAMPLES:,} samples", wanted, 1.0 - lost.mean(), 4 * error, by="closed form")

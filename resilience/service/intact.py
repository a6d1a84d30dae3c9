"""What the intact city serves, by the same code: people are counted against it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.network.compile import CompiledNetwork
from resilience.service.access import Drives
from resilience.service.counter import ServiceCounter
from resilience.service.layout import Indices, ServiceLayout, Words
from resilience.service.plan import Baseline, plan_services


def find_served(
    compiled: CompiledNetwork,
    layout: ServiceLayout,
    up: Words,
    down: NDArray[np.bool_],
    *,
    fraction_row: Indices | None = None,
    fraction: NDArray[np.float64] | None = None,
    gap: tuple[NDArray[np.float64], ...] = (),
) -> Baseline:
    """Return what the intact city serves.

    Parameters
    ----------
    compiled : CompiledNetwork
    layout : ServiceLayout
    up : (n_asset, 8) uint64
        State of the intact city; its first sample is looked at.
    down : (n_asset,) bool
        Assets that are down in it.
    fraction_row : (n_asset,) int32, optional
        Of providers that can serve a part, the row of `fraction`.
    fraction : (n_fraction, 512) float64, optional
        What they serve.
    gap : tuple of (n_node,) float64, optional
        Demand that is not served at each node of the sectors solved state by state.
    """
    baseline = Baseline.begin(
        down, len(layout.parts), compiled.n_zone, n_zone_need=compiled.zone_need.size,
        provider_fraction=None if fraction is None else fraction[:, 0].copy(), gap=gap,
    )  # fmt: skip
    plan = plan_services(layout, np.asarray(~up.all(axis=1)), levels=(0,))
    counter = ServiceCounter(compiled, plan, baseline, fraction_row=fraction_row)
    no_buffer = np.full(compiled.required.size, -1, np.int32)
    none_buffered = np.empty((0, 8), np.uint64)
    counter.meet(up, no_buffer, none_buffered, water=0)
    for number, part in enumerate(counter.parts):
        if number not in layout.timed:
            baseline.served[number, part.zone] = (counter.lost(number, up)[:, 0] & np.uint64(1)) == 0
    if fraction is not None:
        for number, part in counter.partial.items():
            received = counter.receive(part, up, no_buffer, none_buffered, fraction)[:, 0]
            baseline.need_share[part.row] = received
            baseline.partial[number] = np.zeros(compiled.n_zone)
            baseline.partial[number][part.zone] = np.minimum.reduceat(received, part.start)
            baseline.served[number] = baseline.partial[number] > 0.0
    for drive in plan.drives:
        Drives(drive).intact(up, baseline)
    return baseline

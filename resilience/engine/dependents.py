"""Who stands behind an asset: the people who lose services where it alone fails and everything counts on it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import Cascade, plan_event
from resilience.engine.city import City
from resilience.kernels.rows import SAMPLES
from resilience.network.compile import PERSON
from resilience.service import ServiceCounter, plan_services


def people_behind(city: City, assets: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the people who lose services where one asset alone fails, each service counted, ``(n,) float64``.

    Parameters
    ----------
    city : City
    assets : (n,) int32
        Positions.

    Notes
    -----
    A measure for ranks that are known before any event: no buffer holds, and whoever has several providers counts on
    each of them, so that a substation with a spare is not worth nothing. Supply and roads lead round an asset where
    they can, and what they can carry does not count. The cascade of a run, each asset in a sample of its own: n / 512
    word groups.
    """
    compiled, baseline = city.compiled, city.baseline
    works = np.concatenate([[0], np.cumsum(~baseline.down[compiled.provider])])
    working = works[compiled.provider_indptr[1:]] - works[compiled.provider_indptr[:-1]]
    strict = replace(compiled, required=np.maximum(compiled.required, working).astype(compiled.required.dtype))
    probability = np.zeros(compiled.n_asset)
    probability[assets] = 0.5
    graphs = dict(city.graphs)
    if city.levels is not None:
        graphs |= {one.graph.sector: one.graph for one in city.levels.sectors if one.graph.source.size}
    plan = plan_event(
        strict, probability, graphs=graphs, seed=0, family="", start=city.start, buffers=False,
    )  # fmt: skip
    can_be_down = baseline.down.copy()
    can_be_down[plan.affected] = True
    cascade = Cascade(strict, plan)
    counter = ServiceCounter(strict, plan_services(city.layout, can_be_down, out=baseline.down), baseline)
    people = np.empty(assets.size)
    for first in range(0, assets.size, SAMPLES):
        group = assets[first : first + SAMPLES]
        lane = np.arange(group.size)
        cascade.draw(0)
        cascade.failed[:] = 0
        cascade.failed[plan.failed_row[group], lane // 64] |= np.uint64(1) << (lane % 64).astype(np.uint64)
        cascade.solve_from(city.start)
        counter.meet(cascade.up, plan.buffer_row, cascade.buffered)
        counter.look(cascade.up)
        people[first : first + SAMPLES] = counter.people.sum(axis=0)[: group.size] / PERSON
    return people

"""The sums of all blocks as one labelled dataset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cascade import cause_names
from resilience.engine import BlockSums, City, EventTask, square_step
from resilience.kernels.roots import SHARES
from resilience.network.compile import PERSON
from resilience.variables import VARIABLES
from resilience.why import name_root


def label_sums(city: City, tasks: Sequence[EventTask], sums: Sequence[BlockSums], damaged: xr.Dataset) -> xr.Dataset:
    """Return the sums of all events as a labelled dataset.

    Parameters
    ----------
    city : City
    tasks, sums
        One of each per event.
    damaged : xarray.Dataset
        Exposure and damage, (event, asset).

    Returns
    -------
    xarray.Dataset
        Counts per asset and zone, causes and roots, the running sums that importance is told from.
    """
    compiled = city.compiled
    n_event, n_asset = len(tasks), compiled.n_asset
    services = list(city.layout.names)
    causes = list(cause_names(compiled.services))
    perils = damaged["peril"].values.astype(str)
    pairs = [
        {int(root): name_root(compiled.sectors, perils[i], int(root)) for root in one.root_sectors}
        for i, one in enumerate(sums)
    ]
    roots = sorted({name for pair in pairs for name in pair.values()})
    failed = np.zeros((n_event, n_asset), np.int32)
    down = np.zeros((n_event, n_asset, len(causes)), np.int32)
    root_share = np.zeros((n_event, n_asset, len(roots)), np.float32)
    zone = np.zeros((n_event, compiled.n_zone, len(services)))
    zone_root = np.zeros((n_event, compiled.n_zone, len(services), len(roots)), np.float32)
    root_people = np.zeros((n_event, len(services), len(roots)))
    sum_failed = np.zeros((n_event, n_asset, len(services)))
    square_failed = np.zeros((n_event, n_asset, len(services)))
    square = np.zeros((n_event, len(services)))
    step = square_step(city)
    for i, (task, one, pair) in enumerate(zip(tasks, sums, pairs, strict=True)):
        failing, affected = task.plan.failing, task.plan.affected
        column = np.array([roots.index(pair[int(sector)]) for sector in one.root_sectors], dtype=np.intp)
        failed[i, failing] = one.failed
        down[i, affected] = one.causes
        root_share[i][np.ix_(affected, column)] = one.root_shares / SHARES
        zone[i] = one.zone_samples / SHARES
        zone_root[i][:, :, column] = one.zone_roots / SHARES
        root_people[i][:, column] = one.root_people / PERSON
        sum_failed[i, failing] = one.loss_failed / PERSON
        square_failed[i, failing] = one.loss_square_failed * step
        square[i] = one.loss_square * step
    assigned = {services[part.service] for part in city.layout.assigned}
    # Of type text also where there are none.
    coords = {
        name: np.array(labels, dtype=np.str_)
        for name, labels in (("service", services), ("cause", causes), ("root", roots), ("zone", compiled.zone_id))
    }
    served = np.zeros((compiled.n_zone, len(services)))
    for number, part in enumerate(city.layout.parts):
        share = 1.0 / getattr(part, "n_group", 1)
        served[:, part.service] += share * city.baseline.share(number)
    values: dict[str, NDArray[Any]] = {
        "failed_count": failed,
        "down_count": down,
        "root_share": root_share,
        "zone_without_service": zone,
        "zone_root": zone_root,
        "root_people": root_people,
        "sum_loss_failed": sum_failed,
        "sum_loss2_failed": square_failed,
        "sum_loss2": square,
        "intact_down": city.baseline.down,
        "intact_served": served,
        "service_by": np.array(["assignment" if name in assigned else "road" for name in services], dtype=object),
        "zone_people": compiled.persons / PERSON,
        "people_served": city.people / PERSON,
    }
    return damaged.assign_coords(coords).assign({name: (VARIABLES[name].dims, array) for name, array in values.items()})

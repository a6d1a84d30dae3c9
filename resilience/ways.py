"""What a result tells of ways in time: how many are served by whom, how much later, and why others are not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, Table, in_columns
from resilience.engine import BlockSums, City
from resilience.network.compile import PERSON
from resilience.network.travel import NO_WAY
from resilience.service import OUTCOMES
from resilience.variables import VARIABLES
from resilience.why import texts

_MINUTE = 60_000


def label_ways(labelled: xr.Dataset, city: City, sums: Sequence[BlockSums], n_sample: int) -> xr.Dataset:
    """Return the result with what became of people who are served in time in the intact city.

    Parameters
    ----------
    labelled : xarray.Dataset
    city : City
    sums : sequence of BlockSums
        Of each event.
    n_sample : int
    """
    timed = city.layout.timed
    if not timed:
        return labelled
    numbers = list(timed)
    served = city.baseline.served[numbers]
    intact = city.baseline.time[numbers].T
    persons = np.where(served, city.compiled.persons, 0)
    outcome = np.stack([one.access.outcome for one in sums])
    isolated = np.stack([one.access.isolated for one in sums])
    added = np.stack([one.access.added for one in sums]) / _MINUTE
    ways = n_sample - isolated
    in_all = (persons * ways).sum(axis=2)
    whole = PERSON * n_sample
    values: dict[str, NDArray[Any]] = {
        "limit_minutes": np.array([part.drive.limit_minutes for part in timed.values()]),
        "access_people": np.einsum("az,eazo->eao", persons, outcome) / whole,
        "access_isolated": (persons * isolated).sum(axis=2) / whole,
        "access_added_minutes": _ratio(_sum_exactly(persons * added), in_all),
        "zone_access_minutes": np.where(intact < NO_WAY, intact / _MINUTE, np.nan),
        "zone_added_minutes": np.where(served, _ratio(added, ways), np.nan).transpose(0, 2, 1),
        "zone_access": (outcome / n_sample).transpose(0, 2, 1, 3),
    }
    names = {"access": [part.name for part in timed.values()], "outcome": OUTCOMES}
    return labelled.assign_coords({name: np.array(labels, dtype=np.str_) for name, labels in names.items()}).assign(
        {name: (VARIABLES[name].dims, array) for name, array in values.items()}
    )


def _ratio(value: NDArray[Any], of: NDArray[Any]) -> NDArray[np.float64]:
    ratio = np.full(value.shape, np.nan)
    np.divide(value, of, out=ratio, where=of > 0)
    return ratio


def _sum_exactly(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sums over the last axis, rounded once: they do not depend on the order of zones."""
    return np.array([[math.fsum(row) for row in part] for part in values.tolist()])


def access_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per event and service with a limit of time, what became of people who are served in time without it.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "access", "limit_minutes", *OUTCOMES, "isolated", "added_minutes", "unit"]
    people, isolated, added = (
        dataset[name].values for name in ("access_people", "access_isolated", "access_added_minutes")
    )
    limits, access = dataset["limit_minutes"].values, texts(dataset, "access")

    def rows() -> Iterator[tuple[Any, ...]]:
        for i, event in enumerate(texts(dataset, "event")):
            for a, name in enumerate(access):
                yield (event, name, float(limits[a]), *map(float, people[i, a]), float(isolated[i, a]),
                       float(added[i, a]), unit)  # fmt: skip

    return header, in_columns(rows())


def zone_ways_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return the same per zone: shares of samples, minutes in the intact city and minutes added.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "access", "zone", unit, "intact_minutes", "added_minutes", *OUTCOMES]
    zones, people = texts(dataset, "zone"), dataset["zone_people"].values
    intact, added = dataset["zone_access_minutes"].values, dataset["zone_added_minutes"].values
    outcome = dataset["zone_access"].values

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            for a, name in enumerate(texts(dataset, "access")):
                same = [[word] * zones.size for word in (event, name)]
                yield [*same, zones, people, intact[:, a], added[i, :, a], *outcome[i, :, a].T]

    return header, blocks()

"""What a result tells of ways in time: how many are served by whom, how much later, and why others are not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.cells import Column, Table, broadcast_columns
from resilience.engine import BlockSums, City
from resilience.labels import texts
from resilience.network.compile import PERSON
from resilience.network.travel import NO_WAY
from resilience.quotients import divide
from resilience.service import OUTCOMES, Districts
from resilience.variables import VARIABLES

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
    detour = np.stack([one.access.detour for one in sums]).astype(np.float64)
    in_time = outcome[..., :2].sum(axis=-1).astype(np.float64)
    base = np.where(served, city.baseline.time[numbers], 0).astype(np.float64)
    everybody = max(int(city.compiled.persons.sum()), 1)
    values: dict[str, NDArray[Any]] = {
        "limit_minutes": np.array([part.drive.limit_minutes for part in timed.values()]),
        "access_people": np.einsum("az,eazo->eao", persons, outcome) / whole,
        "access_isolated": (persons * isolated).sum(axis=2) / whole,
        "access_added_minutes": divide(_sum_exactly(persons * added), in_all),
        "zone_access_minutes": np.where(intact < NO_WAY, intact / _MINUTE, np.nan),
        "zone_added_minutes": np.where(served, divide(added, ways), np.nan).transpose(0, 2, 1),
        "access_share": np.einsum("az,eazo->eao", persons, outcome)[:, :, :2].sum(axis=2) / n_sample / everybody,
        "access_share_intact": persons.sum(axis=1) / everybody,
        "access_detour_ratio": divide(
            _sum_exactly(persons * (base * in_time + detour)), _sum_exactly(persons * (base * in_time))
        ),
        "zone_detour_ratio": np.where(served, divide(base * in_time + detour, base * in_time), np.nan).transpose(
            0, 2, 1
        ),
        "zone_facility": _facilities(city, numbers),
        "zone_access": (outcome / n_sample).transpose(0, 2, 1, 3),
    }
    names: dict[str, Sequence[str]] = {"access": [part.name for part in timed.values()], "outcome": OUTCOMES}
    if city.districts is not None and city.districts.indicators:
        names |= {"indicator": [one.rule.name for one in city.districts.indicators], "district": city.districts.names}
        values |= _label_indicators(city, city.districts, sums, n_sample)
    return labelled.assign_coords({name: np.array(labels, dtype=np.str_) for name, labels in names.items()}).assign(
        {name: (VARIABLES[name].dims, array) for name, array in values.items()}
    )


def _facilities(city: City, numbers: Sequence[int]) -> NDArray[np.object_]:
    """Return the id of the facility that serves each zone in the intact city, (zone, part); empty without."""
    found = np.full((city.compiled.n_zone, len(numbers)), "", dtype=object)
    for column, number in enumerate(numbers):
        part = city.layout.timed[number]
        for zone in np.flatnonzero(city.baseline.served[number]):
            found[zone, column] = city.compiled.asset_id[part.facility[city.baseline.label[number, zone]]]
    return found


def _label_indicators(
    city: City, districts: Districts, sums: Sequence[BlockSums], n_sample: int
) -> dict[str, NDArray[Any]]:
    """Return what indicators tell of districts."""
    persons = city.compiled.persons
    people = np.array([int(persons[zones].sum()) for zones in districts.zones], np.float64)
    without = [np.logical_not(city.baseline.served[list(one.parts)].all(axis=0)) for one in districts.indicators]
    intact = np.array([[int((persons * lost)[zones].sum()) for zones in districts.zones] for lost in without])
    return {
        "indicator_threshold": np.array([one.rule.threshold for one in districts.indicators]),
        "district_people": people / PERSON,
        "indicator_probability": np.stack([one.access.above for one in sums]) / n_sample,
        "indicator_share": divide(np.stack([one.access.without for one in sums]) / n_sample, people),
        "indicator_share_intact": divide(intact, people),
    }


def indicators_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return, per event, indicator and district, whether too many of its people are without services in time.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "indicator", "district", unit, "threshold", "intact_share", "intact_counts", "share",
              "probability"]  # fmt: skip
    threshold, people = dataset["indicator_threshold"].values[:, np.newaxis], dataset["district_people"].values
    intact, share, probability = (
        dataset[name].values for name in ("indicator_share_intact", "indicator_share", "indicator_probability")
    )
    counts = np.where(np.round(intact, 9) >= np.round(threshold, 9), "yes", "no")
    events, indicators, districts = (texts(dataset, name) for name in ("event", "indicator", "district"))
    columns = broadcast_columns(
        events[:, np.newaxis, np.newaxis], indicators[:, np.newaxis], districts, people, threshold, intact, counts,
        share, probability,
    )  # fmt: skip
    return header, iter([columns])


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
    header = ["event", "access", "limit_minutes", *OUTCOMES, "isolated", "added_minutes", "detour_ratio",
              "share_in_time", "intact_share_in_time", "unit"]  # fmt: skip
    people, isolated, added, detour, share = (
        dataset[f"access_{name}"].values for name in ("people", "isolated", "added_minutes", "detour_ratio", "share")
    )
    columns = broadcast_columns(
        texts(dataset, "event")[:, np.newaxis], texts(dataset, "access"), dataset["limit_minutes"].values,
        *np.moveaxis(people, -1, 0), isolated, added, detour, share, dataset["access_share_intact"].values, unit,
    )  # fmt: skip
    return header, iter([columns])


def zone_ways_table(dataset: xr.Dataset, *, unit: str) -> Table:
    """Return the same per zone: shares of samples, minutes in the intact city and minutes added.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    unit : str
        What people are counted in.
    """
    header = ["event", "access", "zone", unit, "intact_facility", "intact_minutes", "added_minutes",
              "detour_ratio", *OUTCOMES]  # fmt: skip
    access, zones, people = texts(dataset, "access"), texts(dataset, "zone"), dataset["zone_people"].values
    facility, intact = texts(dataset, "zone_facility").T, dataset["zone_access_minutes"].values.T
    added, detour = (dataset[name].values.transpose(0, 2, 1) for name in ("zone_added_minutes", "zone_detour_ratio"))
    outcome = dataset["zone_access"].values.transpose(0, 3, 2, 1)

    def blocks() -> Iterator[Sequence[Column]]:
        for i, event in enumerate(texts(dataset, "event")):
            yield broadcast_columns(
                event, access[:, np.newaxis], zones, people, facility, intact, added[i], detour[i], *outcome[i]
            )

    return header, blocks()

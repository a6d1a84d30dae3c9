"""Demand that a sector at level `share` or `dc_flow` does not serve: of samples, of events and per year."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import xarray as xr

from resilience.cells import Column, Table, broadcast_columns
from resilience.engine import City
from resilience.flow import OverloadSector
from resilience.labels import texts
from resilience.risk.expected import expected_annual
from resilience.risk.standard_errors import sample_error
from resilience.variables import VARIABLES
from resilience.why import PER_YEAR

QUANTITIES = {"unserved_demand": "", "energy_not_served": "h"}
"""What is told, and by what the unit of the supply table is multiplied."""


def label_supplied(labelled: xr.Dataset, city: City) -> xr.Dataset:
    """Return the result with the sectors that can serve a part: their level, demand and gap in the intact city."""
    if city.levels is None:
        return labelled
    sectors = zip(city.levels.sectors, city.baseline.gap, strict=True)
    supplied = [(one, gap) for one, gap in sectors if not isinstance(one, OverloadSector)]
    values = {
        "supplied_level": np.array([one.level for one, _ in supplied], dtype=object),
        "demand": np.array([one.demand.sum() for one, _ in supplied]),
        "intact_unserved": np.array([gap.sum() for _, gap in supplied]),
    }
    return labelled.assign_coords(supplied=np.array(city.supplied, dtype=np.str_)).assign(
        {name: (VARIABLES[name].dims, array) for name, array in values.items()}
    )


def annual_unserved(rated: xr.Dataset) -> dict[str, Any]:
    """Return the expected annual values with standard errors, of events with rates; none without such a sector."""
    found: dict[str, Any] = {}
    ends = {"annual_value": "", "annual_standard_error": "_standard_error", "annual_tail": "_tail"}
    for quantity in QUANTITIES:
        if quantity in rated:
            annual = expected_annual(
                rated[quantity], weights=rated["annual_weight"], tail_weights=rated["tail_weight"]
            )  # fmt: skip
            found |= {f"annual_{quantity}{end}": annual[name].variable for name, end in ends.items()}
    return found


def unserved_table(dataset: xr.Dataset) -> Table:
    """Return, per event and sector, the demand that is not served, mean and quantiles; then per year.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with a sector at level share or dc_flow.

    Returns
    -------
    header, blocks of columns
        The share is that of the intact city's demand; of demand times hours there is none.
    """
    header = ["event", "sector", "quantity", "value", "standard_error", "p05", "p50", "p95", "share_of_demand",
              "beyond_rarest_event", "unit"]  # fmt: skip
    sectors, levels, demand = texts(dataset, "supplied"), texts(dataset, "supplied_level"), dataset["demand"].values
    nan = float("nan")

    def blocks() -> Iterator[Sequence[Column]]:
        for quantity, times in QUANTITIES.items():
            if quantity not in dataset:
                continue
            units = [f"MW{times}" if level == "dc_flow" else f"unit of supply {times}".strip() for level in levels]
            for event, values in zip(texts(dataset, "event"), dataset[quantity].values, strict=True):
                mean = values.mean(axis=-1)
                quantiles = np.quantile(values, [0.05, 0.5, 0.95], axis=-1, method="inverted_cdf")
                share = nan if times else mean / demand
                yield broadcast_columns(
                    event, sectors, quantity, mean, sample_error(values), *quantiles, share, nan, units
                )
            annual = f"annual_{quantity}"
            if annual in dataset:
                value, error, tail = (dataset[f"{annual}{end}"].values for end in ("", "_standard_error", "_tail"))
                yearly = [f"{unit}/year" for unit in units]
                yield broadcast_columns(PER_YEAR, sectors, quantity, value, error, nan, nan, nan, nan, tail, yearly)

    return header, blocks()

"""Assets and zones of a result as GeoDataFrames: where they are, and what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.choices import demand_rates, event_at
from resilience.errors import ConfigurationError, Problem
from resilience.labels import people_unit, tells_money, texts
from resilience.network import Network
from resilience.perils import PERILS

Floats = NDArray[np.float64]


def make_frame(
    dataset: xr.Dataset, network: Network | None, *, what: str = "assets", event: str | None = None
) -> gpd.GeoDataFrame:
    """Return the assets or the zones of a result with their geometry and figures.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    network : Network or None
        Of the same result.
    what : {"assets", "zones"}
    event : str, optional
        Its figures; by default those per year, over all events with rates.

    Returns
    -------
    geopandas.GeoDataFrame
        In the CRS of the network, indexed by id, in the order of the dataset; see :func:`assets_frame` and
        :func:`zones_frame`. Units of the columns are in ``attrs["units"]``.

    Raises
    ------
    ConfigurationError
        The result has no such event, or no event with a rate and none is named; `what` is something else;
        there is no network.
    """
    if network is None:
        wanted = "a result of assess() or open_run(), which know their city"
        raise ConfigurationError(Problem("network", wanted=wanted, got="none"))
    if what == "assets":
        return assets_frame(dataset, network, event=event)
    if what == "zones":
        return zones_frame(dataset, network, event=event)
    raise ConfigurationError(Problem("what", wanted="assets or zones", got=repr(what)))


def assets_frame(dataset: xr.Dataset, network: Network, *, event: str | None = None) -> gpd.GeoDataFrame:
    """Return the assets of a result.

    Parameters
    ----------
    dataset, network, event
        As in :func:`make_frame`.

    Returns
    -------
    geopandas.GeoDataFrame
        `sector`, `kind`; of an event `intensity`, `wet_length`, `failure_probability`, `down_probability`,
        `direct_loss` and with a time grid `down_hours`, as in ``assets.csv``; per year `annual_failure_rate`,
        `annual_down_rate`, `annual_direct_loss` and with a time grid `annual_down_hours`.
    """
    numbers: dict[str, Floats]
    if event is not None:
        at = event_at(dataset, event)
        numbers = {
            "intensity": dataset["exposed_intensity"].isel(event=at).values,
            "wet_length": dataset["wet_length"].isel(event=at).values,
            **_asset_figures(dataset, at),
        }
        peril = str(texts(dataset, "peril")[at])
        unit = PERILS[peril].unit if peril in PERILS else ""
        units = {"intensity": unit, "wet_length": "m", "failure_probability": "1", "down_probability": "1",
                 "direct_loss": "money", "down_hours": "h"}  # fmt: skip
    else:
        names = {"failure_probability": "annual_failure_rate", "down_probability": "annual_down_rate",
                 "direct_loss": "annual_direct_loss", "down_hours": "annual_down_hours"}  # fmt: skip
        numbers = {names[name]: values for name, values in _per_year(dataset, _asset_figures).items()}
        units = {"annual_failure_rate": "1/year", "annual_down_rate": "1/year", "annual_direct_loss": "money/year",
                 "annual_down_hours": "h/year"}  # fmt: skip
    labels = {name: pd.array(texts(dataset, name), dtype="str") for name in ("sector", "kind")}
    return _placed(network.assets, network, texts(dataset, "asset"), "asset", {**labels, **numbers}, units)


def zones_frame(dataset: xr.Dataset, network: Network, *, event: str | None = None) -> gpd.GeoDataFrame:
    """Return the zones of a result.

    Parameters
    ----------
    dataset, network, event
        As in :func:`make_frame`.

    Returns
    -------
    geopandas.GeoDataFrame
        `district`, `people`; per service of an event `lost_` (mean share of the service lost at the peak) and with a
        time grid `hours_` (mean hours without), as in ``zones.csv``; per year `annual_lost_` (the sum of shares lost)
        and `annual_hours_`.
    """
    if event is not None:
        numbers = _zone_figures(dataset, event_at(dataset, event))
        units = {name: "1" if name.startswith("lost_") else "h" for name in numbers}
    else:
        numbers = {f"annual_{name}": values for name, values in _per_year(dataset, _zone_figures).items()}
        units = {name: "1/year" if name.startswith("annual_lost_") else "h/year" for name in numbers}
    people = dataset["zone_people"]
    zones = texts(dataset, "zone")
    district = network.zones.set_index("id")["district"].reindex(zones).array
    units = {"people": people_unit(dataset), **units}
    return _placed(
        network.zones, network, zones, "zone", {"district": district, "people": people.values, **numbers}, units
    )


def _asset_figures(dataset: xr.Dataset, at: int) -> dict[str, Floats]:
    one = dataset[
        [name for name in ("failure_probability", "down_count", "asset_direct_loss", "down_hours") if name in dataset]
    ].isel(event=at)
    loss = one["asset_direct_loss"].values
    figures = {
        "failure_probability": one["failure_probability"].values,
        "down_probability": one["down_count"].values.sum(axis=1) / dataset.sizes["sample"],
        "direct_loss": loss if tells_money(dataset) else np.full(loss.shape, np.nan),
    }
    if "down_hours" in one:
        figures["down_hours"] = one["down_hours"].values.sum(axis=1, dtype=np.float64)
    return figures


def _zone_figures(dataset: xr.Dataset, at: int) -> dict[str, Floats]:
    services = texts(dataset, "service")
    lost = dataset["zone_without_service"].isel(event=at).values / dataset.sizes["sample"]
    figures = {f"lost_{name}": lost[:, s] for s, name in enumerate(services)}
    if "zone_hours_lost" in dataset:
        hours = dataset["zone_hours_lost"].isel(event=at).values
        figures |= {f"hours_{name}": hours[:, s] for s, name in enumerate(services)}
    return figures


def _per_year(dataset: xr.Dataset, figures: Callable[[xr.Dataset, int], dict[str, Floats]]) -> dict[str, Floats]:
    """Return the weighted sums of the figures of all events with rates, one event in memory at a time."""
    weight = demand_rates(dataset)
    total: dict[str, Floats] = {}
    for at in np.flatnonzero(np.isfinite(weight)).tolist():
        for name, values in figures(dataset, at).items():
            total[name] = total.get(name, 0.0) + weight[at] * values
    return total


def _placed(
    table: gpd.GeoDataFrame,
    network: Network,
    ids: NDArray[np.object_],
    name: str,
    columns: Mapping[str, Any],
    units: Mapping[str, str],
) -> gpd.GeoDataFrame:
    shapes = gpd.GeoSeries(table.set_index("id")["geometry"]).reindex(ids).array
    index = pd.Index(ids, dtype="str", name=name)
    frame = gpd.GeoDataFrame(dict(columns), geometry=shapes, crs=network.crs, index=index)
    frame.attrs["units"] = {column: unit for column, unit in units.items() if column in frame}
    return frame

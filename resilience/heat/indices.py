"""Indices of what people feel, as maps that are worked out where and when they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from xarray.backends import BackendArray
from xarray.core import indexing

from resilience.errors import DataError, Problem, Problems
from resilience.hazard import grid_of
from resilience.heat.apparent import apparent_temperature, humidex, steadman_temperature
from resilience.heat.globe import shade_wbgt, simplified_wbgt, sun_wbgt
from resilience.heat.heat_index import heat_index
from resilience.heat.humidity import wet_bulb

INDICES: Mapping[str, Callable[[Any, Any], Any]] = {
    "kma_apparent": apparent_temperature,
    "heat_index": heat_index,
    "humidex": humidex,
    "steadman": steadman_temperature,
    "swbgt": simplified_wbgt,
    "wbgt_shade": shade_wbgt,
    "wbgt_sun": sun_wbgt,
    "wet_bulb": wet_bulb,
}
"""Names of indices in scenario files, and what works each out from degC and percent of humidity."""


class IndexCells(BackendArray):
    """A lazy array of an index: the windows of temperature and humidity are read when it is.

    Parameters
    ----------
    temperature, humidity : xarray.Variable
        degC and %, of the same shape.
    index : str
        One of :data:`INDICES`.
    subject : str
        For messages.
    """

    def __init__(self, temperature: xr.Variable, humidity: xr.Variable, index: str, subject: str) -> None:
        self.temperature, self.humidity = temperature, humidity
        self.index, self.subject = index, subject
        self.shape = temperature.shape
        self.dtype = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        """Return the index in the cells of `key`."""
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> NDArray[np.float32]:
        air, moist = (np.asarray(one[key].values, np.float64) for one in (self.temperature, self.humidity))
        if moist.size and 0.0 < np.nanmax(moist, initial=0.0) <= 1.0:
            wanted = "percent; shares are given with `unit: 1`"
            raise DataError(Problem(f"humidity of {self.subject}", wanted, "no cell of a window above 1 %"))
        return np.asarray(INDICES[self.index](air, moist), dtype=np.float32)


def add_index(temperature: xr.Dataset, humidity: xr.Dataset, index: str) -> xr.Dataset:
    """Return a hazard of air temperature with humidity and an index beside it, all lazy.

    Parameters
    ----------
    temperature, humidity : xarray.Dataset
        Hazards of degC and % with the same events and hours, on one grid.
    index : str
        One of :data:`INDICES`.

    Returns
    -------
    xarray.Dataset
        `temperature` with the further variables ``humidity`` (%) and ``index`` (degC) and the attribute `index`.

    Raises
    ------
    DataError
        Events, hours, dates or grids that differ.
    """
    problems = Problems()
    subject = f"humidity of family {temperature.attrs['family']!r}"
    for name in ("event", "time"):
        one, other = (
            hazard.coords[name].values if name in hazard.dims else np.zeros(0) for hazard in (temperature, humidity)
        )
        if not np.array_equal(one, other):
            problems.add(subject, wanted=f"the same {'events' if name == 'event' else 'hours'} as the temperature",
                         got="others")  # fmt: skip
    days = [hazard.attrs.get("days", ()) for hazard in (temperature, humidity)]
    for one, other in zip(*days, strict=False):
        if one and other and one != other:
            problems.add(subject, wanted=f"the dates of the temperature, from {one} on", got=f"from {other} on")
            break
    if (clock := temperature.attrs.get("clock")) != (other_clock := humidity.attrs.get("clock")):
        shown = [f"{hour:g}" for hour in (clock, other_clock) if hour is not None]
        problems.add(subject, wanted="hours of the day of the temperature", got="others", first=shown)
    first, second = grid_of(temperature), grid_of(humidity)
    same = (first.height, first.width) == (second.height, second.width)
    tolerance = 1e-3 * abs(first.transform.a)
    if not same or not np.allclose(first.transform[:6], second.transform[:6], rtol=0.0, atol=tolerance):
        problems.add(subject, wanted="the grid of the temperature (warp it, e.g. with gdalwarp)", got="another grid")
    problems.raise_if_any(DataError)
    air, moist = temperature.variables["intensity"], humidity.variables["intensity"]
    cells = IndexCells(air, moist, index, subject.removeprefix("humidity of "))
    return temperature.assign(
        humidity=xr.Variable(air.dims, moist._data, {"units": "%"}),
        index=xr.Variable(air.dims, indexing.LazilyIndexedArray(cells), {"units": "degC"}),
    ).assign_attrs(index=index)

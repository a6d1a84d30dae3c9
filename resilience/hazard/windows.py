"""What a hazard dataset says in a window of its grid, or in some of its hours."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray


def read_window(hazard: xr.Dataset, rows: slice, columns: slice) -> NDArray[np.float32]:
    """Return the intensity of all events in a window of the grid.

    Parameters
    ----------
    hazard : xarray.Dataset
    rows, columns : slice
        Row and column numbers of the grid, as for an array.

    Returns
    -------
    (event, [time,] row, column) float32, m or degC
        NaN where the map has no data. A view where the hazard is in memory; do not write to it. The attribute `bias`
        of the hazard, if it has one, is added: to depths where there is water, to temperatures everywhere.

    Raises
    ------
    DataError
        A value of the window is not credible.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from resilience.grid import Grid
    >>> from resilience.hazard import make_hazard
    >>> grid = Grid(pyproj.CRS.from_epsg(5187), Affine(10, 0, 0, 0, -10, 0), height=2, width=3)
    >>> rain = make_hazard(np.eye(2, 3), grid=grid, family="rain", peril="flood")
    >>> read_window(rain, slice(0, 1), slice(0, 2)).tolist()
    [[[1.0, 0.0]]]
    """
    values = np.asarray(hazard.variables["intensity"][..., rows, columns].values, dtype=np.float32)
    bias = np.float32(hazard.attrs.get("bias", 0.0))
    if bias == 0.0:
        return values
    if hazard.attrs["peril"] == "flood":
        # What is dry stays dry: a map tells where water goes, a bias how deep it stands there.
        return np.where(values > 0, np.maximum(values + bias, np.float32(0)), values)
    return values + bias


def view_hours(hazard: xr.Dataset, event: int, hours: slice, variable: str = "intensity") -> xr.Dataset:
    """Return some hours of one event as distinct events without rates, as lazy as the hazard is.

    Parameters
    ----------
    hazard : xarray.Dataset
        Without time, an event is one hour.
    event : int
        Position of the event.
    hours : slice
        Positions in time.
    variable : str
        What becomes the intensity, on the grid of the hazard.

    Examples
    --------
    >>> import pyproj
    >>> from affine import Affine
    >>> from resilience.grid import Grid
    >>> from resilience.hazard import make_hazard
    >>> grid = Grid(pyproj.CRS.from_epsg(5187), Affine(10, 0, 0, 0, -10, 0), height=1, width=2)
    >>> air = np.array([[[[20.0, 21.0]], [[30.0, 31.0]]]])
    >>> wave = make_hazard(air, grid=grid, family="wave", peril="heat", hours=[12, 15])
    >>> wave.duration_hours.item(), view_hours(wave, 0, slice(1, 2)).intensity.values.tolist()
    (6.0, [[[30.0, 31.0]]])
    """
    timed = "time" in hazard.dims
    cells = hazard.variables[variable][event, hours] if timed else hazard.variables[variable][event : event + 1]
    cells.dims = ("event", "y", "x")
    n = cells.shape[0]
    times = hazard["time"].values[hours] if timed else np.zeros(1)
    names = [f"{hazard['event'].values[event]} hour {hour:g}" for hour in times]
    unknown = ("event", np.full(n, np.nan))
    return xr.Dataset(
        {"intensity": cells},
        coords={
            "event": names, "y": hazard["y"], "x": hazard["x"], "return_period": unknown, "annual_rate": unknown,
            "duration_hours": unknown,
        },
        attrs={**hazard.attrs, "axis": "events"},
    )  # fmt: skip

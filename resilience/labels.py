"""What a labelled result says of itself: its texts, what it counts in, whether it tells money or is made up."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

SYNTHETIC = "Everything is synthetic"
"""How the first note of the built-in city begins."""


def texts(dataset: xr.Dataset, name: str) -> NDArray[np.object_]:
    """Return a variable's texts as ``str``, whichever kind of text the dataset holds: a stored one has another."""
    return np.array(dataset[name].values.tolist(), dtype=object)


def people_unit(dataset: xr.Dataset) -> str:
    """Return what a result counts people in."""
    return str(dataset["people_served"].attrs["units"])


def loss_unit(people: str, *, hours: bool = False, yearly: bool = False) -> str:
    """Return the unit of what is lost of a service.

    Parameters
    ----------
    people : str
        What people are counted in.
    hours : bool
        Whether it is people times hours, else people at the peak.
    yearly : bool
        Whether it is per year, else per event.

    Examples
    --------
    >>> loss_unit("persons", hours=True, yearly=True), loss_unit("dwellings")
    ('persons h/year', 'dwellings')
    """
    return f"{people}{' h' if hours else ''}{'/year' if yearly else ''}"


def tells_money(dataset: xr.Dataset) -> bool:
    """Return whether any asset has a replacement cost and a damage curve; without, a direct loss of 0 would mislead."""
    return int(dataset.attrs.get("assets_with_costs", 1)) > 0

"""The vocabulary: every word and every variable of the project, once.

A :class:`Variable` says name, dimensions, type, unit and meaning. The same object documents a dataset, checks it and
gives its attributes. Dimensions are singular and always in the order of :data:`DIMENSIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from resilience.errors import DataError, Problems

GLOSSARY: dict[str, str] = {
    "cell": "one square of a raster",
    "zone": "an area of people; part of a district",
    "asset": "a node or a link of a network; both can fail",
    "sector": "the network an asset belongs to: power, telecom, data, water, transport, medical, care, safety",
    "kind": "what an asset is: substation, hospital, road, ...",
    "service": "what a dependant or a person receives",
    "curve": "how an asset answers to a hazard: damage curve (fraction of value lost) or fragility curve "
    "(probability of being out of function)",
    "peril": "flood or heat",
    "intensity": "what the hazard map tells at a place: water depth (m) or temperature (degC)",
    "family": "a severity axis of one peril (a stack of return periods) or a list of distinct events",
    "event": "one hazard map of a family",
    "sample": "one Monte Carlo draw of what fails",
    "word": "64 samples in one unsigned integer",
    "word group": "512 samples: eight words, one cache line per asset",
    "block": "a whole number of word groups: one task and one chunk of the result",
    "need": "a service that an asset or a zone must receive, from at least `required` of its providers",
    "dependency": "one provider of a need",
    "supply": "being reached, within a sector, by one of its sources through functional assets",
    "functional": "able to do its work",
    "failed": "out of function through the hazard itself",
}

DIMENSIONS: tuple[str, ...] = (
    "event", "branch", "asset", "zone", "service", "cause", "root", "time", "sample", "y", "x",
)  # fmt: skip


@dataclass(frozen=True)
class Variable:
    """One registered variable.

    Parameters
    ----------
    name : str
    dims : tuple of str
        In the order of :data:`DIMENSIONS`.
    dtype : str
        NumPy type; ``"str"`` for text.
    unit : str
        ``"1"`` for numbers without a unit; ``""`` where a unit makes no sense.
    meaning : str
        One sentence.
    """

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    meaning: str

    def attributes(self) -> dict[str, str]:
        """Return the attributes an array of this variable carries."""
        attributes = {"long_name": self.meaning}
        if self.unit:
            attributes["units"] = self.unit
        return attributes

    def array(self, values: Any, coords: dict[str, Any] | None = None) -> xr.DataArray:
        """Return `values` as a labelled array of this variable.

        Raises
        ------
        DataError
            The number of dimensions does not fit.

        Examples
        --------
        >>> VARIABLES["direct_loss"].array([1.0, 2.0], {"event": ["a", "b"]}).attrs["units"]
        'money'
        """
        data = np.asarray(values) if self.dtype == "str" else np.asarray(values, dtype=self.dtype)
        return xr.DataArray(data, dims=self.dims, coords=coords, name=self.name, attrs=self.attributes())


def _register(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Variable]:
    table: dict[str, Variable] = {}
    for name, dims, dtype, unit, meaning in rows:
        table[name] = Variable(name, tuple(dims.split()), dtype, unit, meaning)
    return table


VARIABLES: dict[str, Variable] = _register(
    [
        # hazard
        ("intensity", "event y x", "float32", "", "hazard intensity per cell; unit in the attribute; NaN is no data"),
        ("family", "event", "str", "", "event family of the event"),
        ("peril", "event", "str", "", "flood or heat"),
        ("return_period", "event", "float64", "year", "return period of the event; NaN where it has none"),
        ("annual_rate", "event", "float64", "1/year", "mean number per year; NaN where the family has no rates"),
        ("annual_weight", "event", "float64", "1/year", "weight of the event in annual expected values"),
        ("duration_hours", "event", "float64", "hour", "time at peak; NaN where not given"),
        # exposure
        ("exposed_intensity", "event asset", "float64", "", "intensity at a point, highest along a line or footprint"),
        ("mean_intensity", "event asset", "float64", "", "length- or area-weighted mean intensity"),
        ("wet_length", "event asset", "float64", "m", "length of a line in deeper water than its dry threshold"),
        ("damage_fraction", "event asset", "float64", "1", "share of the replacement cost lost, weighted over cells"),
        # damage
        ("direct_loss", "event", "float64", "money", "repair cost of all assets"),
        ("asset_direct_loss", "event asset", "float64", "money", "repair cost of the asset"),
        ("failure_probability", "event asset", "float64", "1", "probability that the hazard puts it out of function"),
        # cascade and service
        ("people_without_service", "event service sample", "float64", "persons", "people who lost the service"),
        ("failed_count", "event asset", "int64", "1", "samples in which the hazard put the asset out of function"),
        ("down_count", "event asset cause", "int64", "1", "samples in which the asset was down, by proximate cause"),
        ("root_share", "event asset root", "float64", "1", "samples in which it was down, by root cause, ties shared"),
        ("zone_without_service", "event zone service", "float64", "1", "sum over samples of the share of service lost"),
        ("zone_root", "event zone service root", "float64", "1", "the same by root cause, ties shared"),
        ("root_people", "event service root", "float64", "persons", "sum over samples of people without, by root"),
        ("sum_loss_failed", "event asset service", "float64", "persons", "people without, over samples it failed in"),
        ("sum_loss2_failed", "event asset service", "float64", "persons^2", "their squares, over the same samples"),
        ("sum_loss2", "event service", "float64", "persons^2", "squares of people without, over all samples"),
        # risk
        ("baseline_down", "asset", "bool", "", "down in the intact city: never counted as lost"),
        ("baseline_served", "zone service", "float64", "1", "share of the service that the intact city gives the zone"),
        ("annual_value", "service", "float64", "persons/year", "expected annual number of people without the service"),
        ("annual_standard_error", "service", "float64", "persons/year", "Monte Carlo standard error of annual_value"),
        ("annual_tail", "service", "float64", "persons/year", "part of annual_value beyond the rarest event"),
    ]
)


def check_dataset(dataset: xr.Dataset, names: Iterable[str], *, subject: str) -> None:
    """Raise unless `dataset` holds the variables `names` as registered.

    Parameters
    ----------
    dataset : xarray.Dataset
    names : iterable of str
        Registered names.
    subject : str
        What the dataset is, for the message.

    Raises
    ------
    DataError
        With every difference found.

    Examples
    --------
    >>> check_dataset(xr.Dataset(), ["direct_loss"], subject="damage")
    Traceback (most recent call last):
    ...
    resilience.errors.DataError: damage.direct_loss: absent; wanted: repair cost of all assets, dims (event)
    """
    problems = Problems()
    for name in names:
        variable = VARIABLES[name]
        dims = ", ".join(variable.dims)
        if name not in dataset:
            problems.add(f"{subject}.{name}", wanted=f"{variable.meaning}, dims ({dims})", got="absent")
            continue
        array = dataset[name]
        if array.dims != variable.dims:
            problems.add(f"{subject}.{name}", wanted=f"dims ({dims})", got=f"dims ({', '.join(map(str, array.dims))})")
        if variable.dtype != "str" and not np.can_cast(array.dtype, variable.dtype, "same_kind"):
            problems.add(f"{subject}.{name}", wanted=variable.dtype, got=str(array.dtype))
    problems.raise_if_any(DataError)

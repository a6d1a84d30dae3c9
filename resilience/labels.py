"""Labels of datasets: given after the vocabulary, held against it, and what the labels of a result tell."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import DataError, Problems, ResilienceError
from resilience.variables import VARIABLES, Variable

PEOPLE, PERSON_HOURS = "people_without_service", "person_hours_lost"
"""What is lost, by event, service and sample: at the peak, and over time."""

SYNTHETIC = "Everything is synthetic"
"""How the first note of the built-in city begins."""


def counted_in(attributes: dict[str, str], unit: str) -> dict[str, str]:
    """Return the attributes with `unit` in the place of persons: a city may count zones or dwellings instead.

    Examples
    --------
    >>> counted_in({"units": "persons/year", "long_name": "people who lost the service"}, "zones")
    {'units': 'zones/year', 'long_name': 'zones who lost the service'}
    """
    if unit == "persons":
        return attributes
    return {name: re.sub("persons|people", lambda _: unit, text) for name, text in attributes.items()}


def _check_array(
    array: xr.DataArray | xr.Variable, variable: Variable, unit: str, subject: str, problems: Problems
) -> None:
    if array.dims != variable.dims:
        wanted, got = (f"dims ({', '.join(map(str, dims))})" for dims in (variable.dims, array.dims))
        problems.add(subject, wanted=wanted, got=got)
    text = array.dtype.kind in "OUT"
    if text != (variable.dtype == "str") or not (text or np.can_cast(array.dtype, variable.dtype, "same_kind")):
        problems.add(subject, wanted=variable.dtype, got=str(array.dtype))
    if unit and array.attrs.get("units", unit) != unit:
        problems.add(subject, wanted=f"in {unit}", got=f"in {array.attrs['units']}")


def check_dataset(dataset: xr.Dataset, names: Iterable[str], *, subject: str) -> None:
    """Raise unless `dataset` holds the variables `names` as registered: dimensions, type and, if it has one, unit.

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
        if name in dataset:
            _check_array(dataset[name], variable, variable.unit, f"{subject}.{name}", problems)
        else:
            wanted = f"{variable.meaning}, dims ({', '.join(variable.dims)})"
            problems.add(f"{subject}.{name}", wanted=wanted, got="absent")
    problems.raise_if_any(DataError)


def label_dataset(dataset: xr.Dataset, *, subject: str, persons_unit: str = "persons") -> xr.Dataset:
    """Return `dataset` with the registered type and attributes of all its variables, all of which are registered.

    Parameters
    ----------
    dataset : xarray.Dataset
        Attributes beside meaning and unit stay.
    subject : str
        What the dataset is, for the message.
    persons_unit : str
        What zones count.

    Raises
    ------
    ResilienceError
        With every variable that is not registered, or whose dimensions, kind of type or unit are not as registered.

    Examples
    --------
    >>> label_dataset(xr.Dataset({"people_served": ("service", [3])}), subject="result")["people_served"].attrs["units"]
    'persons'
    """
    problems = Problems()
    unknown = [str(name) for name in dataset.variables if name not in VARIABLES]
    if unknown:
        problems.add(
            subject, wanted="registered variables", got="others", count=len(unknown), total=len(dataset.variables),
            first=unknown,
        )  # fmt: skip
    known = {name: (array, VARIABLES[str(name)]) for name, array in dataset.variables.items() if name in VARIABLES}
    attributes = {name: counted_in(variable.attributes(), persons_unit) for name, (_, variable) in known.items()}
    for name, (array, variable) in known.items():
        _check_array(array, variable, attributes[name].get("units", ""), f"{subject}.{name}", problems)
    problems.raise_if_any(ResilienceError)
    cast = {
        name: array.astype(variable.dtype)
        for name, (array, variable) in known.items()
        if variable.dtype != "str" and variable.dtype != array.dtype
    }
    labelled = dataset.assign(cast)
    for name in known:
        labelled.variables[name].attrs.update(attributes[name])
    return labelled


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

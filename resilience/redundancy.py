"""Availability of redundant units: closed forms for data centres and other plants.

Every argument may be a number, an array or a DataArray; NaN is refused. Units are taken as independent but for the
common cause that is told. Two things that no formula here sees and a network of needs does: a fail-over controller
that stands in the site it is to replace (let it be an asset with needs of its own), and systems in intact rooms that
need the failed one.
"""

from __future__ import annotations

from math import comb
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, DataError, Problems, ResilienceError

Values: TypeAlias = "float | NDArray[Any] | xr.DataArray"


def _check(shares: dict[str, Any], counts: dict[str, tuple[int, int]] | None = None) -> list[Any]:
    """Return the shares as arrays after telling all that is wrong with them and with the counts (value, least)."""
    problems, values = Problems(), []
    kind: type[ResilienceError] = DataError
    for name, given in shares.items():
        value = given if isinstance(given, xr.DataArray) else np.asarray(given, dtype=np.float64)
        plain = np.asarray(value)
        bad = ~((plain >= 0.0) & (plain <= 1.0))
        if bad.any():
            problems.add(
                name,
                wanted="a probability, 0 to 1",
                got="values outside" if plain.ndim else "outside",
                count=int(bad.sum()) if plain.ndim else None,
                total=plain.size if plain.ndim else None,
                first=[f"{number:g}" for number in plain[bad][:3]],
            )
        values.append(value)
    for name, (number, least) in (counts or {}).items():
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            kind = ConfigurationError
            problems.add(name, wanted=f"a whole number, >= {least}", got=repr(number))
    problems.raise_if_any(kind)
    return values


def _plain(value: Any) -> Any:
    """Return a NumPy scalar for an array without dimensions, else the value, and its unit where it has labels."""
    if isinstance(value, xr.DataArray):
        value.attrs = {"units": "1"}
        return value
    return np.asarray(value)[()]


def k_of_n(unit: Values, *, units: int, required: int) -> Any:
    """Return the availability of `units` equal units of which `required` must work.

    Parameters
    ----------
    unit : number, array or DataArray
        Availability of one unit.
    units, required : int

    Raises
    ------
    DataError
        An availability is NaN or outside 0 to 1.
    ConfigurationError
        `units` or `required` is no whole number, negative, or more are required than there are.

    Notes
    -----
    ``sum over j >= k of C(n, j) a^j (1 - a)^(n - j)``.

    Examples
    --------
    >>> round(float(k_of_n(0.98, units=5, required=4)), 7)
    0.9961576
    """
    (a,) = _check({"unit": unit}, {"units": (units, 0), "required": (required, 0)})
    if required > units:
        problems = Problems()
        problems.add("required", wanted=f"at most the {units} units there are", got=repr(required))
        problems.raise_if_any(ConfigurationError)
    # The shorter of the two sums; what is left out is told apart from 1 only by the sum of what fails.
    if required > units - required:
        return _plain(
            sum((comb(units, j) * a**j * (1.0 - a) ** (units - j) for j in range(required, units + 1)), a * 0.0)
        )
    return _plain(1.0 - sum((comb(units, j) * a**j * (1.0 - a) ** (units - j) for j in range(required)), a * 0.0))


def with_spares(unit: Values, *, needed: int, spares: int = 1) -> Any:
    """Return the availability of N+1: `needed` units and one spare, or more.

    Parameters
    ----------
    unit : number, array or DataArray
        Availability of one unit.
    needed, spares : int

    Raises
    ------
    DataError, ConfigurationError
        See :func:`k_of_n`.

    Examples
    --------
    >>> round(float(with_spares(0.98, needed=4)), 7)
    0.9961576
    """
    _check({}, {"needed": (needed, 0), "spares": (spares, 0)})
    return k_of_n(unit, units=needed + spares, required=needed)


def common_cause_failure(unavailability: Values, *, beta: Values, units: int = 2) -> Any:
    """Return the probability that all of some equal units are down, part of it for a cause they share.

    Parameters
    ----------
    unavailability : number, array or DataArray
        Probability that one unit is down.
    beta : same
        Share of a unit's failures that takes all units at once: a room, a basement, a software error.
    units : int

    Raises
    ------
    DataError, ConfigurationError
        See :func:`k_of_n`.

    Notes
    -----
    ``beta u + ((1 - beta) u)^n``, the beta factor model to first order: for unavailabilities well below a half.

    Examples
    --------
    >>> round(float(common_cause_failure(0.01, beta=0.1)), 6)
    0.001081
    """
    u, share = _check({"unavailability": unavailability, "beta": beta}, {"units": (units, 1)})
    if units == 1:
        return _plain(u + 0.0 * share)
    return _plain(share * u + ((1.0 - share) * u) ** units)


def duplicated(path: Values, *, beta: Values = 0.0, paths: int = 2) -> Any:
    """Return the availability of 2N: `paths` whole paths of which one is enough.

    Parameters
    ----------
    path : number, array or DataArray
        Availability of one path.
    beta : same
        Share of a path's failures that takes all of them.
    paths : int

    Raises
    ------
    DataError, ConfigurationError
        See :func:`k_of_n`.

    Examples
    --------
    >>> round(float(duplicated(0.98)), 4)
    0.9996
    """
    (a,) = _check({"path": path})
    return _plain(1.0 - common_cause_failure(1.0 - a, beta=beta, units=paths))


def duplicated_with_spares(unit: Values, *, needed: int, spares: int = 1, beta: Values = 0.0) -> Any:
    """Return the availability of 2(N+1): two paths, each with its own spare.

    Parameters
    ----------
    unit : number, array or DataArray
        Availability of one unit.
    needed, spares : int
        Units of one path.
    beta : same as `unit`
        Share of a path's failures that takes both.

    Raises
    ------
    DataError, ConfigurationError
        See :func:`k_of_n`.

    Examples
    --------
    >>> round(float(duplicated_with_spares(0.98, needed=4)), 7)
    0.9999852
    """
    return duplicated(with_spares(unit, needed=needed, spares=spares), beta=beta)


def active_standby(active: Values, *, switch: Values, standby: Values | None = None) -> Any:
    """Return the availability of a site with another one that takes over if the switch succeeds.

    Parameters
    ----------
    active : number, array or DataArray
        Availability of the active site.
    switch : same
        Probability that fail-over succeeds when it is needed. A tool that performs it and stands in the active site
        is no switch: give 0, or model it as an asset.
    standby : same, optional
        Availability of the standby site; by default that of the active one.

    Raises
    ------
    DataError
        See :func:`k_of_n`.

    Notes
    -----
    ``a + (1 - a) b s``.

    Examples
    --------
    >>> round(float(active_standby(0.98, switch=0.9)), 5)
    0.99764
    """
    a, s, b = _check({"active": active, "switch": switch, "standby": active if standby is None else standby})
    return _plain(a + (1.0 - a) * b * s)


def active_active(site: Values, *, sites: int = 2, required: int = 1, beta: Values = 0.0) -> Any:
    """Return the availability of sites that all serve, of which `required` carry the whole load.

    Parameters
    ----------
    site : number, array or DataArray
        Availability of one site.
    sites, required : int
    beta : same as `site`
        Share of a site's failures that takes all of them.

    Raises
    ------
    DataError, ConfigurationError
        See :func:`k_of_n`.

    Notes
    -----
    ``1 - beta u - P(fewer than k of n)`` with ``a = 1 - (1 - beta) u`` for each site, not below 0. No switch is needed,
    which is what sets it apart from :func:`active_standby`.

    Examples
    --------
    >>> round(float(active_active(0.98)), 4), round(float(active_active(0.98, sites=3, required=2)), 6)
    (0.9996, 0.998816)
    """
    a, share = _check({"site": site, "beta": beta})
    down = 1.0 - a
    alone = k_of_n(1.0 - (1.0 - share) * down, units=sites, required=required)
    return _plain(np.maximum(alone - share * down, 0.0))

"""Formulas on plain arrays, applied to what users hold: numbers, arrays, labelled arrays in memory or in chunks.

A formula trusts its input: what is checked is checked here, once. Labelled arrays keep their dimensions and
coordinates; one in chunks stays in chunks, and is checked chunk by chunk when it is computed. Numbers in single
precision stay so.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.errors import DataError, Problems
from resilience.heat.quantities import Argument

Floats: TypeAlias = NDArray[Any]
Values: TypeAlias = "float | Sequence[float] | NDArray[Any] | xr.DataArray"


def evaluate(formula: Callable[..., Any], *arguments: Argument, unit: str, meaning: str = "") -> Any:
    """Return ``formula(*values)`` in the kind of container the arguments came in.

    Parameters
    ----------
    formula : callable
        Takes one array per argument, returns one array.
    *arguments : Argument
    unit, meaning : str
        Attributes of a labelled result.

    Raises
    ------
    DataError
        With everything that is wrong with the arguments.
    """
    values = _checked(arguments)
    if not any(isinstance(value, xr.DataArray) for value in values):
        return np.asarray(formula(*values))[()]
    result = xr.apply_ufunc(
        _checking_chunks(formula, arguments, values),
        *values,
        join="exact",
        dask="parallelized",
        output_dtypes=[np.result_type(*(value.dtype for value in values))],
        keep_attrs=False,
    )
    return _named(result, unit, meaning)


def evaluate_along(
    formula: Callable[..., Any],
    *arguments: Argument,
    dim: str,
    axis: int,
    units: Sequence[str],
    meanings: Sequence[str],
    reduce: bool = False,
) -> Any:
    """Return what `formula` makes of series; their time axis is `dim` if labelled, else `axis`.

    Parameters
    ----------
    formula : callable
        Takes one array per argument, time last (of length 1 where an argument does not depend on time), and returns
        one array per unit.
    *arguments : Argument
        The first has the time axis.
    dim : str
    axis : int
    units, meanings : sequence of str
        One per result.
    reduce : bool
        The results have no time axis.

    Raises
    ------
    DataError
        With everything that is wrong with the arguments; also if the first has no time axis.
    """
    values = _checked(arguments)
    if not any(isinstance(value, xr.DataArray) for value in values):
        if values[0].ndim == 0:
            _raise_without_time(arguments[0], "a single number", f"axis {axis}")
        moved = [np.moveaxis(value, axis, -1) if value.ndim > 1 else np.atleast_1d(value) for value in values]
        results = [np.asarray(result) for result in _as_tuple(formula(*moved))]
        shaped = [result[()] if reduce else np.moveaxis(result, -1, axis) for result in results]
        return shaped[0] if len(units) == 1 else tuple(shaped)
    if not isinstance(values[0], xr.DataArray) or dim not in values[0].dims:
        _raise_without_time(arguments[0], f"dims {getattr(values[0], 'dims', ())}", f"dimension {dim!r}")
    split = [
        argument.name
        for argument, value in zip(arguments, values, strict=True)
        if isinstance(value, xr.DataArray) and len(value.chunksizes.get(dim, ())) > 1
    ]
    if split:
        problems = Problems()
        problems.add(
            ", ".join(split), wanted=f"one chunk along {dim}: chunk({dim}=-1)", got=f"several chunks along {dim}"
        )
        problems.raise_if_any(DataError)
    timed = [isinstance(value, xr.DataArray) and dim in value.dims for value in values]

    def on_last_axis(*parts: Floats) -> Any:
        spread = [part if has else np.asarray(part)[..., np.newaxis] for part, has in zip(parts, timed, strict=True)]
        return formula(*spread)

    core: list[Hashable] = [] if reduce else [dim]
    found = xr.apply_ufunc(
        _checking_chunks(on_last_axis, arguments, values),
        *values,
        input_core_dims=[[dim] if has else [] for has in timed],
        output_core_dims=[core for _ in units],
        join="exact",
        dask="parallelized",
        output_dtypes=[np.result_type(*(value.dtype for value in values))] * len(units),
        keep_attrs=False,
    )
    order = [name for name in values[0].dims if not (reduce and name == dim)]
    labelled = [
        _named(array.transpose(..., *order), unit, meaning)
        for array, unit, meaning in zip(_as_tuple(found), units, meanings, strict=True)
    ]
    return labelled[0] if len(units) == 1 else tuple(labelled)


def unit_of(values: Any) -> str:
    """Return the unit that a labelled amount carries, ``"1"`` where it carries none."""
    attributes = values.attrs if isinstance(values, xr.DataArray) else {}
    return str(attributes.get("units", attributes.get("unit", "1")))


def _as_tuple(results: Any) -> tuple[Any, ...]:
    return results if isinstance(results, tuple) else (results,)


def _named(result: xr.DataArray, unit: str, meaning: str) -> xr.DataArray:
    result.name = None
    result.attrs = {"units": unit, **({"long_name": meaning} if meaning else {})}
    return result


def _raise_without_time(argument: Argument, got: str, wanted: str) -> None:
    problems = Problems()
    problems.add(argument.name, wanted=f"a series along {wanted}", got=got)
    problems.raise_if_any(DataError)


def _checked(arguments: Sequence[Argument]) -> list[Any]:
    """Return the arguments as floating-point arrays, labelled or not, after telling all that is wrong with them."""
    problems = Problems()
    values = [_floating(argument, problems) for argument in arguments]
    problems.raise_if_any(DataError)
    labelled = [value for value in values if isinstance(value, xr.DataArray)]
    for argument, value in zip(arguments, values, strict=True):
        if not isinstance(value, xr.DataArray):
            if labelled and value.ndim:
                problems.add(
                    argument.name,
                    wanted="a number or a labelled array, since another argument is labelled",
                    got=f"an array of shape {value.shape}",
                )
            argument.quantity.check(argument.name, value, problems)
            continue
        unit = str(value.attrs.get("units", value.attrs.get("unit", argument.quantity.unit)))
        if not argument.quantity.spells(unit):
            problems.add(argument.name, wanted=f"{argument.quantity.what} in {argument.quantity.unit}: convert it",
                         got=f"unit {unit!r}")  # fmt: skip
        elif value.chunks is None:
            argument.quantity.check(argument.name, value.values, problems, array=value)
    problems.raise_if_any(DataError)
    try:
        xr.align(*labelled, join="exact", copy=False)
    except ValueError as error:
        names = ", ".join(
            argument.name for argument, value in zip(arguments, values, strict=True) if isinstance(value, xr.DataArray)
        )
        problems.add(names, wanted="the same labels along shared dimensions", got=str(error).splitlines()[0])
    problems.raise_if_any(DataError)
    # A single number must not turn maps in single precision into double.
    types = [value.dtype for value in values if value.ndim] or [np.dtype(np.float64)]
    return [value if value.ndim else value.astype(np.result_type(*types)) for value in values]


def _floating(argument: Argument, problems: Problems) -> Any:
    values = argument.values
    if isinstance(values, xr.DataArray):
        kind = values.dtype.kind
    else:
        try:
            values = np.asarray(values)
            kind = values.dtype.kind
        except ValueError:
            kind = "O"
    if kind not in "iuf":
        wanted = f"{argument.quantity.what} in {argument.quantity.unit}: numbers"
        problems.add(argument.name, wanted=wanted, got=f"{type(argument.values).__name__} of no numbers")
        return values
    if isinstance(values, xr.DataArray) and values.chunks is None:
        # Read once: the check and the formula would each read an array that is still on disk.
        values = values.copy(data=values.values)
    return values if kind == "f" else values.astype(np.float64)


def _checking_chunks(
    formula: Callable[..., Any], arguments: Sequence[Argument], values: Sequence[Any]
) -> Callable[..., Any]:
    """Return `formula`, preceded by the check of those arguments that could not be checked before."""
    later = [isinstance(value, xr.DataArray) and value.chunks is not None for value in values]
    if not any(later):
        return formula

    def checked(*parts: Floats) -> Any:
        problems = Problems()
        for argument, part, late in zip(arguments, parts, later, strict=True):
            if late:
                argument.quantity.check(argument.name, np.asarray(part), problems)
        problems.raise_if_any(DataError)
        return formula(*parts)

    return checked

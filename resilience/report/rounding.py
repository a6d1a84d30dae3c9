"""Figures as people write them: no more digits than are known."""

from __future__ import annotations

import math

from resilience.risk.standard_errors import NORMAL

DIGITS = 3
"""Most significant digits of a figure: curves and maps are not known better than that."""


def tell(value: float, error: float = math.nan) -> str:
    """Return a figure rounded to its uncertainty.

    Parameters
    ----------
    value : float
    error : float, optional
        Standard error; NaN where none is known, which leaves :data:`DIGITS` digits.

    Examples
    --------
    >>> tell(58_568.2413, 1_002.78026), tell(629.260771, 0.34552875), tell(0.0214)
    ('58,600', '629', '0.0214')
    >>> tell(1_234.0, 300.0), tell(12.0, 40.0), tell(0.0)
    ('1,200', '10', '0')

    A figure far below its uncertainty keeps its first digit, and so its sign.

    >>> tell(-0.5, 40.0)
    '-0.5'
    """
    if not math.isfinite(value):
        return "–"
    place = _place(value, error)
    return _write(value, min(place, math.floor(math.log10(abs(value)))) if value else place)


def tell_interval(value: float, error: float) -> str:
    """Return the half-width of the 95 % interval of a figure, rounded up to the last digit that it allows the figure.

    Parameters
    ----------
    value, error : float
        The figure and its standard error.

    Returns
    -------
    str
        Empty where there is no error, or none is known.

    Examples
    --------
    >>> tell_interval(58_568.2413, 1_002.78026), tell_interval(629.260771, 0.34552875)
    ('2,000', '1')
    >>> tell_interval(5.0, 0.0)
    ''
    """
    if not (math.isfinite(value) and math.isfinite(error) and error > 0):
        return ""
    step = 10.0 ** _place(value, error)
    return _write(math.ceil(NORMAL * error / step - 1e-9) * step, _place(value, error))


def tell_difference(whole: float, part: float, error: float = math.nan) -> tuple[str, str, str]:
    """Return two figures and what the first is more than the second, rounded so that they add up as they are told.

    Parameters
    ----------
    whole, part : float
        The first uncertain, the second certain.
    error : float, optional
        Standard error of the first, and so of the difference.

    Returns
    -------
    whole, part, difference : str
        The difference is told as :func:`tell` does, the others to its last digit; `whole` may be one off there.

    Examples
    --------
    >>> tell_difference(44_432.0, 27_172.0, 700.0), tell_difference(1_234_567.0, 1_230_000.0)
    (('44,500', '27,200', '17,300'), ('1,234,570', '1,230,000', '4,570'))
    """
    if not (math.isfinite(whole) and math.isfinite(part)):
        return tell(whole, error), tell(part), "–"
    difference = whole - part
    place = _place(difference, error)
    place = min(place, math.floor(math.log10(abs(difference)))) if difference else _place(part, error)
    step = 10.0**place
    counts = round(difference / step), round(part / step)
    return _write(sum(counts) * step, place), _write(part, place), _write(difference, place)


def tell_share(share: float) -> str:
    """Return a share in per cent.

    Examples
    --------
    >>> tell_share(0.514), tell_share(0.0004), tell_share(0.0)
    ('51 %', '<1 %', '0 %')
    """
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def _place(value: float, error: float) -> int:
    """Return the power of ten of the last digit that is told."""
    size = abs(value)
    half = NORMAL * error if math.isfinite(error) and error > 0 else 0.0
    if size == 0 and half == 0:
        return 0
    place = math.floor(math.log10(size)) - DIGITS + 1 if size else -100
    if half:
        # One digit of the interval, two where the first is a 1.
        first = math.floor(math.log10(half))
        place = max(place, first - (half < 2 * 10.0**first))
    return place


def _write(value: float, place: int) -> str:
    if place < 0:
        text = f"{value:,.{-place}f}"
        return "0" if float(text.replace(",", "")) == 0 else text
    return f"{round(value / 10**place) * 10**place:,.0f}"

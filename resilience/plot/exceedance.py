"""How often: what is exceeded once in how many years."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import xarray as xr

from resilience.choices import choose, choose_some
from resilience.colours import colours_of
from resilience.errors import ConfigurationError, Problem
from resilience.labels import texts
from resilience.plot.canvas import plain, take_axes, write_in_full

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PEOPLE, PERSON_HOURS, DIRECT_LOSS = "people", "person_hours", "direct_loss"
_CURVES = {"occurrence": "largest event of a year", "aggregate": "sum of a year"}
_HOURS_END = "_person_hours"


def draw_exceedance(
    exceedance: xr.Dataset | None,
    *,
    service: str | Sequence[str] | None = None,
    what: str = PEOPLE,
    curve: str = "occurrence",
    tail: bool = False,
    band: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with exceedance curves: value by return period, with its interval.

    Parameters
    ----------
    exceedance : xarray.Dataset or None
        Of a result.
    service : str or sequence of str, optional
        One service or several; by default all that are ever lost.
    what : {"people", "person_hours", "direct_loss"}
        People without the service at the peak, people times hours (needs a time grid), or money.
    curve : {"occurrence", "aggregate"}
        The largest event of a year, or the sum of a year.
    tail : bool
        Draw the mean of what is beyond, instead of what is exceeded.
    band : bool
        Draw the interval: at the level of ``risk.confidence``, by the number of years alone.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        A line per service, its x the return periods in years.

    Raises
    ------
    ConfigurationError
        The result has no such curve or service.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> found = xr.Dataset(
    ...     {f"occurrence_value{end}": (("quantity", "return_period"), [[0.0, 90.0]]) for end in ("", "_low", "_high")},
    ...     {"quantity": ["power"], "quantity_unit": ("quantity", ["persons"]), "return_period": [2.0, 100.0]},
    ... )
    >>> draw_exceedance(found).lines[0].get_ydata().tolist()
    [0.0, 90.0]
    """
    if exceedance is None:
        wanted = "hazards with `return_periods` or `annual_rates`, and `risk.catalogue_years` above 0"
        raise ConfigurationError(Problem("exceedance", wanted=wanted, got="a result without a catalogue of years"))
    curve = choose(curve, list(_CURVES), what="curve")
    what = choose(what, [PEOPLE, PERSON_HOURS, DIRECT_LOSS], what="what")
    name = f"{curve}_{'tail_value' if tail else 'value'}"
    quantities = _find_quantities(exceedance, what, service)
    known = texts(exceedance, "quantity").tolist()
    unit = str(texts(exceedance, "quantity_unit")[known.index(next(iter(quantities.values())))])
    axes = take_axes(ax)
    years = exceedance["return_period"].values
    value, low, high = (exceedance[f"{name}{end}"].transpose("quantity", "return_period").values
                        for end in ("", "_low", "_high"))  # fmt: skip
    rows = {label: known.index(quantity) for label, quantity in quantities.items()}
    if service is None and what != DIRECT_LOSS:
        rows = {label: row for label, row in rows.items() if (value[row] > 0).any()} or rows
    for (label, row), colour in zip(rows.items(), colours_of(rows).values(), strict=True):
        axes.plot(years, value[row], color=colour, marker="o", markersize=3, label=plain(label))
        if band:
            axes.fill_between(years, low[row], high[row], color=colour, alpha=0.2, linewidth=0)
    axes.set_xscale("log")
    axes.set_xticks(years, [f"{year:g}" for year in years])
    axes.set_xticks([], minor=True)
    axes.set_ylim(bottom=0)
    write_in_full(axes.yaxis)
    axes.set_xlabel("return period (years)")
    told = {PEOPLE: "without the service at the peak", PERSON_HOURS: "without the service, times hours",
            DIRECT_LOSS: "direct loss"}[what]  # fmt: skip
    axes.set_ylabel(plain(f"{told} ({unit})" if what == DIRECT_LOSS else f"{unit} {told}"))
    level = exceedance.attrs.get("confidence")
    bands = "" if not band else "; bands: interval" if level is None else f"; bands: {100 * level:g} % interval"
    axes.set_title(f"{'mean beyond: ' if tail else ''}{_CURVES[curve]}{bands}", fontsize="medium")
    if what != DIRECT_LOSS:
        axes.legend(frameon=False)
    return axes


def _find_quantities(exceedance: xr.Dataset, what: str, service: str | Sequence[str] | None) -> dict[str, str]:
    """Return the quantity of the dataset by the name it is shown under."""
    known = texts(exceedance, "quantity").tolist()
    if what == DIRECT_LOSS:
        if service is not None:
            raise ConfigurationError(
                Problem("service", wanted="none: a direct loss is of all assets", got=repr(service))
            )
        return {"direct loss": choose(DIRECT_LOSS, known, what="what")}
    # One of its own for the hours of each service, in the same order, where there is a time grid.
    hours = [name for name in known if name.endswith(_HOURS_END) and name.removesuffix(_HOURS_END) in known]
    services = [name for name in known if name != DIRECT_LOSS and name not in hours]
    asked = choose_some(service, services, what="service")
    if what == PEOPLE:
        return {name: name for name in asked}
    if not hours:
        wanted = "a `time` section in the scenario, for figures over time"
        raise ConfigurationError(Problem("what", wanted=wanted, got=f"{what!r} of a result at the peak alone"))
    return {name: f"{name}{_HOURS_END}" for name in asked}

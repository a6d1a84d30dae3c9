"""When: people without a service from the peak until it is back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from resilience.choices import choose_some, event_at
from resilience.colours import colours_of
from resilience.errors import ConfigurationError, Problem
from resilience.labels import people_unit, texts
from resilience.plot.canvas import plain, take_axes, write_in_full
from resilience.quotients import divide

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BANDS = 3


def draw_recovery(
    dataset: xr.Dataset,
    *,
    event: str | None = None,
    service: str | Sequence[str] | None = None,
    share: bool = False,
    band: bool | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with recovery curves: mean people without a service over the hours after the peak.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result with a time grid.
    event : str, optional
        By default the one with most person-hours lost over the services that are drawn.
    service : str or sequence of str, optional
        One service or several; by default all that are lost in the event.
    share : bool
        Draw the share of the people whom the intact city serves, in the place of their number.
    band : bool, optional
        Draw a bar at 50, 90 and 100 % of the service: hours until it is held for good, from the 5 % to the 95 %
        quantile over samples, with the median marked. Levels that 95 % of the samples always hold have none; a bar
        that reaches the end of the time grid may go on beyond. By default for three services or fewer.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        A line of steps per service; each step holds until the next.

    Raises
    ------
    ConfigurationError
        The result has no time grid, event or service of that name.
    """
    if "people_over_time" not in dataset:
        wanted = "a `time` section in the scenario, such as `time: {hours: [0, 6, 24, 72, 168]}`"
        raise ConfigurationError(Problem("recovery", wanted=wanted, got="a result at the peak alone"))
    services = texts(dataset, "service").tolist()
    asked = [services.index(name) for name in choose_some(service, services, what="service")]
    lost = dataset["person_hours_lost"].mean("sample").values
    at = int(lost[:, asked].sum(axis=1).argmax()) if event is None else event_at(dataset, event)
    if service is None:
        asked = [s for s in asked if lost[at, s] > 0] or asked
    hours = np.append(dataset["time"].values, float(dataset.attrs["horizon_hours"]))
    people, served = dataset["people_over_time"].isel(event=at).values, dataset["people_served"].values
    scale = divide(1.0, served) if share else np.ones(served.size)
    axes = take_axes(ax)
    names = [services[s] for s in asked]
    band = len(asked) <= _MOST_BANDS if band is None else band
    for s, name, colour in zip(asked, names, colours_of(names).values(), strict=True):
        steps = people[s] * scale[s]
        axes.plot(hours, np.append(steps, steps[-1]), color=colour, drawstyle="steps-post", label=plain(name))
        if band:
            _draw_return(axes, dataset.isel(event=at, service=s), float(served[s] * scale[s]), colour)
    unit = people_unit(dataset)
    axes.set_xlim(min(0.0, float(hours[0])), hours[-1])
    axes.set_ylim(bottom=0)
    write_in_full(axes.yaxis)
    axes.set_xlabel("hours after the peak")
    axes.set_ylabel("share of people without the service" if share else plain(f"{unit} without the service"))
    bars = "; bars: 90 % of samples until 50, 90, 100 % are back" if band else ""
    axes.set_title(plain(f"{texts(dataset, 'event')[at]}, mean{bars}"), fontsize="medium")
    axes.legend(frameon=False)
    return axes


def _draw_return(axes: Axes, one: xr.Dataset, served: float, colour: str) -> None:
    low, middle, high = (one[f"restore_hours_p{q}"].values for q in ("05", "50", "95"))
    without = served * (1 - one["level"].values / 100)
    seen = high > 0
    if seen.any():
        axes.errorbar(
            middle[seen], without[seen], xerr=[(middle - low)[seen], (high - middle)[seen]], color=colour, fmt="|",
            elinewidth=4, alpha=0.45, clip_on=False,
        )  # fmt: skip

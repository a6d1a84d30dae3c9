"""Why: the loss of each service by root cause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.choices import choose_some, demand_rates, event_at
from resilience.colours import colours_of
from resilience.errors import ConfigurationError, Problem
from resilience.labels import PEOPLE, PERSON_HOURS, loss_unit, people_unit, texts
from resilience.plot.canvas import HATCHES, plain, take_axes, write_in_full
from resilience.quotients import divide
from resilience.why import PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]


def draw_causes(
    dataset: xr.Dataset,
    *,
    event: str | None = None,
    service: str | Sequence[str] | None = None,
    hours: bool | None = None,
    share: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with a bar per service, stacked by the sector and peril in which its loss began.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of a result.
    event : str, optional
        By default per year, over all events with rates.
    service : str or sequence of str, optional
        One service or several; by default all that are lost.
    hours : bool, optional
        Whether the loss is people times hours, or people at the peak; by default the first where there is a time grid.
    share : bool
        Draw shares of the loss of the service, in the place of the loss.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        Bars of one root cause are one container, with its name as label: colours tell sectors, hatches heat. What is
        not traced to a root is missing from the bar.

    Raises
    ------
    ConfigurationError
        No such event or service; hours of a result at the peak alone; no event with a rate and none named.
    """
    over_time = PERSON_HOURS in dataset
    if hours and not over_time:
        wanted = "a `time` section in the scenario, for figures over time"
        raise ConfigurationError(Problem("hours", wanted=wanted, got="a result at the peak alone"))
    hours = over_time if hours is None else hours
    by_root, total = _loss_by_root(dataset, event, hours=hours)
    services, roots = texts(dataset, "service").tolist(), texts(dataset, "root").tolist()
    asked = [services.index(name) for name in choose_some(service, services, what="service")]
    if service is None:
        asked = [s for s in asked if total[s] > 0] or asked
    lengths = 100 * divide(by_root, total[:, np.newaxis]) if share else by_root
    lengths = np.nan_to_num(lengths)
    axes = take_axes(ax)
    colours = colours_of(dict.fromkeys(root.rsplit("/", 1)[0] for root in roots))
    labels, left = [plain(services[s]) for s in asked], np.zeros(len(asked))
    for r in np.argsort(-by_root[asked].sum(axis=0), kind="stable"):
        length = lengths[asked, r]
        if length.any():
            sector, peril = roots[r].rsplit("/", 1)
            axes.barh(
                labels, length, left=left, color=colours[sector], hatch=HATCHES.get(peril, ".."), edgecolor="white",
                linewidth=0.5, label=plain(roots[r]),
            )  # fmt: skip
            left += length
    axes.invert_yaxis()
    write_in_full(axes.xaxis)
    unit = loss_unit(people_unit(dataset), hours=hours, yearly=event is None)
    axes.set_xlabel("share of the loss (%)" if share else plain(f"{unit} without the service"))
    axes.set_title(plain(f"root causes, {PER_YEAR if event is None else event}"), fontsize="medium")
    if share:
        axes.set_xlim(0, 100)
    if axes.containers:
        axes.legend(title="began in", frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return axes


def _loss_by_root(dataset: xr.Dataset, event: str | None, *, hours: bool) -> tuple[Floats, Floats]:
    """Return the mean loss by root, (service, root), and in all, (service,): of an event, or per year."""
    by_root = dataset["root_person_hours"].values if hours else dataset["root_people"].values / dataset.sizes["sample"]
    total = dataset[PERSON_HOURS if hours else PEOPLE].mean("sample").values
    if event is not None:
        at = event_at(dataset, event)
        return by_root[at], total[at]
    weight = demand_rates(dataset)
    rated = np.isfinite(weight)
    return np.tensordot(weight[rated], by_root[rated], axes=1), np.tensordot(weight[rated], total[rated], axes=1)

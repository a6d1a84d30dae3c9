"""What matters most: assets by their importance to a service."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from resilience.choices import choose
from resilience.colours import colours_of
from resilience.errors import ConfigurationError, Problem
from resilience.labels import texts
from resilience.plot.canvas import plain, take_axes
from resilience.risk.ranking import is_told_apart, take_measure
from resilience.risk.standard_errors import NORMAL
from resilience.variables import MEASURES

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_criticality(
    importance: xr.Dataset | None,
    dataset: xr.Dataset,
    *,
    service: str | None = None,
    measure: str = "fussell_vesely",
    top: int = 10,
    ax: Axes | None = None,
) -> Axes:
    """Return axes with a bar per asset whose worth is told apart from none, most important first, with its error.

    Parameters
    ----------
    importance : xarray.Dataset or None
        `importance` of a result, its `pairs`, or both from ``resilience.risk.ranking.join_pairs``.
    dataset : xarray.Dataset
        Of the same result.
    service : str, optional
        By default, of those of which the samples tell it, the one that most people are without per year.
    measure : str
        One of ``resilience.variables.MEASURES``.
    top : int
        Most bars.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        The first container has the bars, coloured by sector; whiskers are 1.96 standard errors,
        and to the right also what may be unseen of the share (`importance_unseen`).

    Raises
    ------
    ConfigurationError
        No importance, service or measure of that name; no asset whose worth is told apart from none; `top` below 1.
    """
    if importance is None:
        wanted = "hazards with `return_periods` or `annual_rates`, and failures that are drawn one by one"
        raise ConfigurationError(Problem("criticality", wanted=wanted, got="a result without importance of assets"))
    from matplotlib.patches import Patch

    measure = choose(measure, list(MEASURES), what="measure")
    if not isinstance(top, int) or top < 1:
        raise ConfigurationError(Problem("top", wanted="a whole number above 0", got=repr(top)))
    services = texts(importance, "service").tolist()
    worth, error = take_measure(importance, measure)
    able = is_told_apart(importance, measure)
    if service is None:
        lost = dataset["annual_value"].sel(service=importance["service"]).values
        service = services[int(np.where(able.any(axis=0), lost, -1.0).argmax())]
    s = services.index(choose(service, services, what="service"))
    told = np.flatnonzero(able[:, s])
    if told.size == 0:
        # Of paired runs alone nothing more is told than the measures.
        paired = "told_apart" not in importance or bool(importance.get("paired", np.False_).any())
        advice = "a larger `importance.top`" if paired else "`importance: {top: 10}`"
        wanted = (
            f"an asset whose worth is told apart from none; {advice} in the scenario runs "
            f"{'more' if paired else 'some'} anew, `importance.assets` those that it names"
        )
        raise ConfigurationError(Problem(f"{measure} to {service}", wanted=wanted, got="none"))
    shown = told[np.argsort(-worth[told, s], kind="stable")][:top]
    assets = texts(importance, "asset")[shown]
    sector_of = dict(zip(texts(dataset, "asset"), texts(dataset, "sector"), strict=True))
    sectors = [sector_of[name] for name in assets]
    colours = colours_of(dict.fromkeys(sectors))
    axes, place = take_axes(ax), np.arange(shown.size)
    axes.barh(place, worth[shown, s], color=[colours[sector] for sector in sectors])
    half = NORMAL * np.nan_to_num(error[shown, s])
    whiskers = np.stack([half, half])
    if measure == "fussell_vesely" and "unseen" in importance:
        whiskers[1] += importance["unseen"].transpose("asset", "service").values[shown, s]
    axes.errorbar(worth[shown, s], place, xerr=whiskers, fmt="none", ecolor="#333333", capsize=2)
    axes.set_yticks(place, [plain(name) for name in assets])
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel(fill(f"{measure}: {MEASURES[measure][1]}", 80), fontsize="small")
    axes.set_title(plain(f"importance to {service}; whiskers: 95 % by sampling"), fontsize="medium")
    axes.legend(handles=[Patch(color=colour, label=plain(sector)) for sector, colour in colours.items()], frameon=False)
    return axes

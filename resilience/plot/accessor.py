"""`result.plot`: every plot of a result by one name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import xarray as xr

from resilience.choices import choose, choose_some
from resilience.errors import ConfigurationError, Problem
from resilience.frames import make_frame
from resilience.labels import texts
from resilience.network import Network
from resilience.plot.causes import draw_causes
from resilience.plot.criticality import draw_criticality
from resilience.plot.exceedance import PEOPLE, draw_exceedance
from resilience.plot.maps import draw_map
from resilience.plot.recovery import draw_recovery
from resilience.risk.ranking import join_pairs
from resilience.why import PER_YEAR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_OF_ASSETS = {
    "down_probability": "annual_down_rate",
    "failure_probability": "annual_failure_rate",
    "direct_loss": "annual_direct_loss",
    "down_hours": "annual_down_hours",
    "intensity": "intensity",
    "wet_length": "wet_length",
}
_OF_ZONES = ("lost", "hours")


class Found(Protocol):
    """What plots need of a result."""

    @property
    def dataset(self) -> xr.Dataset:
        """Everything, labelled."""

    @property
    def exceedance(self) -> xr.Dataset | None:
        """Curves by return period."""

    @property
    def importance(self) -> xr.Dataset | None:
        """Importance from the samples."""

    @property
    def pairs(self) -> xr.Dataset | None:
        """Importance from paired runs."""

    @property
    def network(self) -> Network | None:
        """Where assets and zones are."""


@dataclass(frozen=True)
class ResultPlots:
    """The plots of one result.

    Each draws on the axes that it is given, or else in a new figure, and returns the axes. Colours mean the same sector
    or service in every plot.

    Parameters
    ----------
    result : Result
    """

    result: Found

    def exceedance(
        self,
        service: str | Sequence[str] | None = None,
        *,
        what: str = PEOPLE,
        curve: str = "occurrence",
        tail: bool = False,
        band: bool = True,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw what is exceeded once in how many years: see :func:`resilience.plot.draw_exceedance`."""
        return draw_exceedance(
            self.result.exceedance, service=service, what=what, curve=curve, tail=tail, band=band, ax=ax
        )

    def recovery(
        self,
        service: str | Sequence[str] | None = None,
        *,
        event: str | None = None,
        share: bool = False,
        band: bool | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw people without a service over time: see :func:`resilience.plot.draw_recovery`."""
        return draw_recovery(self.result.dataset, service=service, event=event, share=share, band=band, ax=ax)

    def causes(
        self,
        service: str | Sequence[str] | None = None,
        *,
        event: str | None = None,
        hours: bool | None = None,
        share: bool = True,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the loss of each service by root cause: see :func:`resilience.plot.draw_causes`."""
        return draw_causes(self.result.dataset, service=service, event=event, hours=hours, share=share, ax=ax)

    def criticality(
        self,
        service: str | None = None,
        *,
        measure: str = "fussell_vesely",
        top: int = 10,
        paired: bool = False,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw the assets that matter most: see :func:`resilience.plot.draw_criticality`.

        Those that were run in pairs as these runs tell them, as the report does; with `paired` these alone.
        """
        pairs = self.result.pairs
        importance = pairs if paired else join_pairs(self.result.importance, pairs)
        if paired and importance is None:
            wanted = "assets chosen by the scenario, such as `importance: {top: 10}`"
            raise ConfigurationError(Problem("criticality", wanted=wanted, got="a result without paired runs"))
        return draw_criticality(importance, self.result.dataset, service=service, measure=measure, top=top, ax=ax)

    def map(
        self,
        what: str = "down_probability",
        *,
        event: str | None = None,
        service: str | None = None,
        sector: str | Sequence[str] | None = None,
        cmap: str | None = None,
        limits: tuple[float, float] | None = None,
        ax: Axes | None = None,
    ) -> Axes:
        """Draw a map of assets or zones: see :func:`resilience.plot.draw_map`.

        Parameters
        ----------
        what : {"down_probability", "failure_probability", "intensity", "direct_loss", "down_hours", "wet_length",
            "lost", "hours"}
            The last two are of zones: the share of a service that is lost at the peak, and hours without it.
        event : str, optional
            By default per year, over all events with rates: probabilities become rates.
        service : str, optional
            Of zones; by default the one that is lost most.
        sector : str or sequence of str, optional
            Whose assets are drawn; by default all.
        cmap, limits, ax
            As in the function.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigurationError
            There is nothing of that name, or nothing is known of where things are.
        """
        choose(what, [*_OF_ASSETS, *_OF_ZONES], what="what")
        dataset, network = self.result.dataset, self.result.network
        known = texts(dataset, "service").tolist()
        if service is not None:
            choose(service, known, what="service")
        title = PER_YEAR if event is None else event
        zones = make_frame(dataset, network, what="zones", event=event)
        if what in _OF_ZONES:
            lost = dataset["people_without_service"].mean(["event", "sample"])
            name = known[int(lost.values.argmax())] if service is None else service
            column = f"{'annual_' if event is None else ''}{what}_{name}"
            return draw_map(zones, column, title=title, cmap=cmap, limits=limits, ax=ax)
        assets = make_frame(dataset, network, event=event)
        if sector is not None:
            sectors = sorted(set(texts(dataset, "sector")))
            assets = assets[assets["sector"].isin(choose_some(sector, sectors, what="sector"))]
        column = what if event is not None else _OF_ASSETS[what]
        return draw_map(assets, column, title=title, cmap=cmap, limits=limits, background=zones, ax=ax)

"""Sectors that are solved state by state, in a run: what is prepared per city, and what each thread works with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.cascade import Reduced
from resilience.engine.factors import LevelFactors
from resilience.errors import ConfigurationError, Problems
from resilience.flow import LevelRows, LevelSector, OverloadSector, ShareSector
from resilience.kernels.rows import SAMPLES, Words
from resilience.network.compile import CompiledNetwork

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@dataclass(frozen=True)
class Levels:
    """The sectors of a city at levels `share`, `dc_flow` and `overload`; from :func:`lay_out_levels`.

    Parameters
    ----------
    sectors : tuple of ShareSector, FlowSector or OverloadSector
        In the order in which they are solved.
    min_fraction : float
        Share from which on an asset counts for who needs it.
    provider : tuple of (n,) int64
        Per sector, those of its members that zones need, as positions among nodes, then links.
    provider_row : (n_asset,) int32
        Row of each among all of them, or -1.
    provider_level : (n_provider,) int32
        Number of the sector of each.
    """

    sectors: tuple[LevelSector, ...]
    min_fraction: float
    provider: tuple[NDArray[np.int64], ...]
    provider_row: Indices
    provider_level: Indices

    @property
    def members(self) -> tuple[Indices, ...]:
        """Per sector, its nodes and links as rows of the asset table."""
        return tuple(np.concatenate([sector.graph.node, sector.graph.link]) for sector in self.sectors)

    @property
    def supplied(self) -> tuple[int, ...]:
        """Numbers of the sectors that have a demand."""
        return tuple(i for i, sector in enumerate(self.sectors) if not isinstance(sector, OverloadSector))


def lay_out_levels(compiled: CompiledNetwork, sectors: Sequence[LevelSector], *, min_fraction: float) -> Levels | None:
    """Return what a city needs of its sectors that are solved state by state; None without any.

    Parameters
    ----------
    compiled : CompiledNetwork
    sectors : sequence of ShareSector, FlowSector or OverloadSector
    min_fraction : float
    """
    if not sectors:
        return None
    of_zones = np.zeros(compiled.n_asset, bool)
    of_zones[compiled.provider[compiled.provider_indptr[compiled.need_indptr[-1]] :]] = True
    row = np.full(compiled.n_asset, -1, np.int32)
    provider, level, n = [], [], 0
    for number, sector in enumerate(sectors):
        member = np.concatenate([sector.graph.node, sector.graph.link])
        chosen = np.flatnonzero(of_zones[member])
        row[member[chosen]] = np.arange(n, n + chosen.size)
        provider.append(chosen)
        level.append(np.full(chosen.size, number, np.int32))
        n += chosen.size
    return Levels(tuple(sectors), min_fraction, tuple(provider), row, np.concatenate(level))


def scale_steps(sector: LevelSector, factors: LevelFactors | None, n_step: int) -> tuple[LevelSector, ...]:
    """Return the sector as it is in each step of a time grid; one for all where nothing differs.

    Parameters
    ----------
    sector : ShareSector, FlowSector or OverloadSector
    factors : LevelFactors, optional
        Of this sector.
    n_step : int

    Raises
    ------
    ConfigurationError
        Factors for columns that the level does not have, or that do not fit.
    """
    if factors is None:
        return (sector,)
    problems, graph = Problems(), sector.graph
    known = {"capacity": graph.node, "demand": graph.node}
    if not isinstance(sector, ShareSector):
        known["rating"] = graph.link
    if isinstance(sector, OverloadSector):
        known = {}
    for name, values in factors.given.items():
        subject = f"factor of {name} in {graph.sector}"
        if name not in known:
            problems.add(subject, wanted="a column of the sector's level", got="a level without it")
        elif values.shape not in {(n, known[name].size) for n in (1, n_step)}:
            wanted = f"one row or {n_step:,}, and {known[name].size:,} columns"
            problems.add(subject, wanted=wanted, got=f"shape {values.shape}")
    problems.raise_if_any(ConfigurationError)
    # Its factors fit no column, which has raised.
    assert not isinstance(sector, OverloadSector)
    # Factors stand in the order of the asset table, the sector's own assets in that of their ids.
    column = {name: np.searchsorted(np.sort(asset), asset) for name, asset in known.items()}
    steps = []
    for step in range(max(len(values) for values in factors.given.values())):
        rows = {name: values[step if len(values) > 1 else 0] for name, values in factors.given.items()}
        steps.append(sector.with_factors(**{name: row[column[name]] for name, row in rows.items()}))
    return tuple(steps)


def _scaled_rows(sector: LevelSector, factors: LevelFactors | None, n_step: int, min_fraction: float) -> LevelRows:
    steps = scale_steps(sector, factors, n_step)
    worst = None if factors is None else scale_steps(sector, factors.worst, 1)[0]
    return LevelRows(steps, min_fraction, worst)


class LevelStates:
    """The sectors in the present word group; one per thread.

    Parameters
    ----------
    levels : Levels, optional
    factors : sequence of LevelFactors, optional
        Of the event.
    n_step : int, optional
        Of the time grid.

    Attributes
    ----------
    rows : tuple of LevelRows
    """

    def __init__(self, levels: Levels | None, factors: Sequence[LevelFactors] = (), n_step: int = 1) -> None:
        self._levels = levels
        by_sector = {one.sector: one for one in factors}
        self.rows: tuple[LevelRows, ...] = ()
        if levels is not None:
            self.rows = tuple(
                _scaled_rows(sector, by_sector.get(sector.graph.sector), n_step, levels.min_fraction)
                for sector in levels.sectors
            )

    def fraction(self) -> Floats | None:
        """Return what each provider of zones serves, ``(n_provider, 512)``; None where no sector serves parts."""
        if self._levels is None:
            return None
        return np.concatenate(
            [rows.fractions(members) for rows, members in zip(self.rows, self._levels.provider, strict=True)]
        )

    def reduced(self, less: Words) -> Reduced | None:
        """Return the providers that serve a part; `less` tells where it is less than in the intact city."""
        if self._levels is None:
            return None
        return Reduced(self._levels.provider_row, less, self._levels.provider_level)

    def gap(self) -> tuple[Floats, ...]:
        """Return, per sector, the demand that is not served at each node in the first sample."""
        return tuple(rows.gap() for rows in self.rows)

    def unserved(self, gap: Sequence[Floats]) -> Floats:
        """Return the demand not served beyond that of the intact city, ``(n_supplied, 512)``, the sectors' own units.

        Parameters
        ----------
        gap : sequence of (n_node,) float64
            Per sector, from :meth:`gap` of the intact city.
        """
        chosen = () if self._levels is None else self._levels.supplied
        found = [self.rows[number].unserved(gap[number]) for number in chosen]
        return np.stack(found) if found else np.empty((0, SAMPLES))

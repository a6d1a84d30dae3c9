"""What heat or growth does to a sector's columns while an event lasts: factors on capacity, demand and rating."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resilience.errors import ConfigurationError, Problems

Floats = NDArray[np.float64]
WORST = {"capacity": np.minimum, "demand": np.maximum, "rating": np.minimum}
"""Which of two factors on a column is the worse one."""


@dataclass(frozen=True)
class LevelFactors:
    """Factors on the columns of one sector at level `share` or `dc_flow`, in one event.

    Parameters
    ----------
    sector : str
    capacity, demand : (n_step, n_node) float64, optional
        On the `capacity` of sources and the `demand` of nodes, >= 0; columns in the order of
        ``compiled.graphs[sector].node``. One row per step of the time grid, or one row for all of them (and for the
        state at the peak, if there is no grid). None leaves a column as it is.
    rating : (n_step, n_link) float64, optional
        On the `rating` of links, > 0, in the order of ``compiled.graphs[sector].link``; level `dc_flow` alone has
        ratings.

    Raises
    ------
    ConfigurationError
        Factors that are negative or not finite, a rating scaled to zero, no factor at all.

    Notes
    -----
    The intact city, against which losses are told, has no factors: what they take from people counts as lost. Sectors
    at other levels have no columns to scale.

    Examples
    --------
    >>> hot = LevelFactors("power", demand=np.array([[1.0, 1.2], [1.0, 1.3]]))
    >>> hot.row("demand", 1).tolist(), hot.row("rating", 1), hot.changed.tolist()
    ([1.0, 1.3], None, [True, True])
    """

    sector: str
    capacity: Floats | None = None
    demand: Floats | None = None
    rating: Floats | None = None

    def __post_init__(self) -> None:
        problems = Problems()
        given = self.given
        if not given:
            problems.add(f"factors of {self.sector}", wanted="capacity, demand or rating", got="none of them")
        for name, values in given.items():
            subject = f"factor of {name} in {self.sector}"
            if np.ndim(values) != 2 or not len(values):
                problems.add(subject, wanted="an array (steps, assets)", got=f"shape {np.shape(values)}")
                continue
            low = values <= 0.0 if name == "rating" else values < 0.0
            wrong = low | ~np.isfinite(values)
            if wrong.any():
                limit = "> 0 (take a link down instead)" if name == "rating" else ">= 0"
                problems.add(
                    subject, wanted=f"finite numbers {limit}", got="others", count=int(wrong.sum()), total=values.size,
                    first=[f"{value:g}" for value in values[wrong][:3]],
                )  # fmt: skip
        if len({len(values) for values in given.values() if np.ndim(values) == 2 and len(values) > 1}) > 1:
            problems.add(f"factors of {self.sector}", wanted="as many steps in each, or one row", got="other numbers")
        problems.raise_if_any(ConfigurationError)

    @property
    def given(self) -> dict[str, Floats]:
        """Return what is scaled, by name of the column."""
        columns = {"capacity": self.capacity, "demand": self.demand, "rating": self.rating}
        return {name: values for name, values in columns.items() if values is not None}

    def row(self, name: str, step: int) -> Floats | None:
        """Return the factors of one column in one step of the grid; None where it is as it is."""
        values = self.given.get(name)
        return None if values is None else values[step if len(values) > 1 else 0]

    @property
    def worst(self) -> LevelFactors:
        """Return the worst of all steps together, in one row: least capacity and rating, most demand."""
        return LevelFactors(
            self.sector,
            **{name: WORST[name].reduce(values, axis=0)[np.newaxis] for name, values in self.given.items()},
        )

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Whether anything is scaled, per step; of length one where all steps are alike."""
        n = max(len(values) for values in self.given.values())
        changed = np.zeros(n, bool)
        for values in self.given.values():
            changed |= (values != 1.0).any(axis=1)
        return changed

    def later(self, minutes: int, grid_minute: NDArray[np.int64]) -> LevelFactors:
        """Return the factors of the same event when it begins later: none before, then step means of what they were.

        Parameters
        ----------
        minutes : int
            How much later.
        grid_minute : (n_step + 1,) int64
            Points of the time grid, of these factors and of what is returned.

        Examples
        --------
        >>> hot = LevelFactors("power", demand=np.array([[1.4], [1.2], [1.0]]))
        >>> hot.later(60, np.array([0, 60, 120, 240])).demand.round(3).tolist()
        [[1.0], [1.4], [1.1]]
        """
        step = np.diff(grid_minute)[:, np.newaxis]
        begin, end = grid_minute[:-1, np.newaxis] - minutes, grid_minute[1:, np.newaxis] - minutes
        shared = np.maximum(np.minimum(end, grid_minute[1:]) - np.maximum(begin, grid_minute[:-1]), 0) / step
        # Departures from 1 are added up, so that what is 1 all along stays exactly that.
        return LevelFactors(
            self.sector,
            **{
                name: 1.0 + shared @ (np.broadcast_to(values, (step.size, values.shape[1])) - 1.0)
                for name, values in self.given.items()
            },
        )


def join_factors(factors: Sequence[LevelFactors]) -> tuple[LevelFactors, ...]:
    """Return one set of factors per sector: of several hazards the worst of each step, not their product.

    Examples
    --------
    >>> two = [LevelFactors("power", demand=np.array([[1.2], [1.0]])), LevelFactors("power", demand=np.array([[1.1]]))]
    >>> join_factors(two)[0].demand.tolist()
    [[1.2], [1.1]]
    """
    joined: dict[str, dict[str, Floats]] = {}
    for one in factors:
        columns = joined.setdefault(one.sector, {})
        for name, values in one.given.items():
            columns[name] = WORST[name](columns[name], values) if name in columns else values
    return tuple(LevelFactors(sector, **columns) for sector, columns in joined.items())

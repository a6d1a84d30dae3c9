"""What is kept of every sample of every event while blocks end."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.engine import LEVELS, NEVER, Block, BlockSums, City
from resilience.labels import PEOPLE, PERSON_HOURS
from resilience.network.compile import PERSON
from resilience.quotients import divide
from resilience.risk.standard_errors import ratio_residual, sample_error
from resilience.unserved import label_supplied
from resilience.variables import VARIABLES

Floats = NDArray[np.float64]
_QUANTILES = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


class SampleTotals:
    """Figures per event, service and sample.

    Parameters
    ----------
    city : City
    n_event, n_sample : int

    Attributes
    ----------
    people : (n_event, n_service, n_sample) float64
        People without the service at the peak.
    lost, worst, interrupted : (n_event, n_service, n_sample) float64
        Over time: person-hours, most people at one time, people at any time; empty without a time grid.
    unserved, not_served : (n_event, n_supplied, n_sample) float64
        Demand that is not served at the peak, and times hours over time, in the sectors' own units.
    toll : (n_event, n_sample) int64
        Weights of zones without a service, see :class:`resilience.engine.Toll`; 0 where none are asked for.
    """

    def __init__(self, city: City, n_event: int, n_sample: int) -> None:
        shape = (n_event, len(city.layout.names), n_sample)
        over_time = shape if city.grid is not None else (0, 0, 0)
        self.people: Floats = np.empty(shape)
        self.lost: Floats = np.empty(over_time)
        self.worst: Floats = np.empty(over_time)
        self.interrupted: Floats = np.empty(over_time)
        self.toll = np.zeros((over_time[0], over_time[2]), np.int64)
        self._worst_minute = np.empty(over_time, np.int32)
        self._restored = np.empty((len(LEVELS), *over_time), np.int32)
        supplied = (n_event, len(city.supplied), n_sample)
        self.unserved: Floats = np.empty(supplied)
        self.not_served: Floats = np.empty(supplied if city.grid is not None else (0, 0, 0))
        self._city = city

    @property
    def n_sample(self) -> int:
        """Samples that are kept."""
        return int(self.people.shape[-1])

    def lost_until(self, sample: int) -> Floats:
        """Return what is lost by event, service and sample before `sample`: over time, else at the peak."""
        return (self.people if self._city.grid is None else self.lost)[..., :sample]

    def end_at(self, sample: int) -> None:
        """Forget samples from `sample` on: none of their blocks was solved."""
        for name, array in vars(self).items():
            if isinstance(array, np.ndarray):
                setattr(self, name, array[..., :sample])

    def take(self, block: Block, sums: BlockSums) -> None:
        """Keep what a block found."""
        event, first = block.task.event, block.first_word * 64
        here = slice(first, first + sums.people.shape[1])
        self.people[event, :, here] = sums.people / PERSON
        self.unserved[event, :, here] = sums.unserved
        over = sums.over_time
        if over is None:
            return
        self.not_served[event, :, here] = over.unserved_minutes / 60
        self.lost[event, :, here] = over.sample_minutes / (60 * PERSON)
        self.worst[event, :, here] = over.worst / PERSON
        self.interrupted[event, :, here] = over.interrupted / PERSON
        if over.toll.size:
            self.toll[event, here] = over.toll
        self._worst_minute[event, :, here] = over.worst_minute
        self._restored[:, event, :, here] = over.restored

    def label(self, labelled: xr.Dataset) -> xr.Dataset:
        """Return the dataset with what was kept.

        A level that is not held at the end of the grid counts as restored then; `unrestored_share` tells how often.
        """
        values: dict[str, NDArray[Any]] = {PEOPLE: self.people}
        grid = self._city.grid
        if grid is not None:
            values |= {
                PERSON_HOURS: self.lost,
                "worst_people": self.worst,
                "people_interrupted": self.interrupted,
            }
            never = self._restored == NEVER
            hours = np.where(never, grid.minute[-1], self._restored) / 60
            told: dict[str, Floats] = {
                "restore_hours": hours.mean(axis=-1),
                "restore_hours_standard_error": sample_error(hours),
                "unrestored_share": never.mean(axis=-1),
            }
            for name, q in _QUANTILES.items():
                told[f"restore_hours_{name}"] = np.quantile(hours, q, axis=-1, method="inverted_cdf")
            values |= {name: np.moveaxis(array, 0, -1) for name, array in told.items()}
            values |= self._rapidity(hours[-1], never[-1])
            labelled = labelled.assign_coords(level=np.array(LEVELS, np.int64))
        if self._city.supplied:
            labelled = label_supplied(labelled, self._city)
            values["unserved_demand"] = self.unserved
            if grid is not None:
                values["energy_not_served"] = self.not_served
        return labelled.assign({name: (VARIABLES[name].dims, array) for name, array in values.items()})

    def _rapidity(self, full: Floats, never: NDArray[np.bool_]) -> dict[str, Floats]:
        """Return the mean share lost at the worst over the mean time from then to the whole service.

        Of samples that lose and regain it: a ratio of means, which does not depend on how coarse the grid is, as a mean
        of ratios would. Its error is by linearisation.
        """
        served = np.maximum(self._city.people / PERSON, 1e-9)[:, np.newaxis]
        counts = (self.worst > 0) & ~never
        share = np.where(counts, self.worst / served, 0.0)
        taken = np.where(counts, full - self._worst_minute / 60, 0.0)
        total = taken.sum(axis=-1)
        rate = divide(share.sum(axis=-1), total)
        residual = ratio_residual(share, rate, taken)
        spread = sample_error(residual) * residual.shape[-1]
        error = divide(spread, total)
        return {"rapidity": rate, "rapidity_standard_error": error}

"""Importance of chosen assets from paired runs: the city again, with the asset never and with it always failing.

The runs share all random numbers, so differences are of the asset alone. Right where failures are correlated, and
defined for assets that seldom or always fail, where conditional averages are not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, zip_longest

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from resilience.engine import Block, BlockSums, City, EventTask, people_behind
from resilience.network.compile import PERSON
from resilience.risk.paired import paired_importance
from resilience.risk.ranking import is_told_apart, is_untold
from resilience.variables import MEASURES

Floats = NDArray[np.float64]
Solve = Callable[..., list[BlockSums]]


def choose_assets(city: City, importance: xr.Dataset, *, top: int, named: Sequence[str]) -> list[str]:
    """Return `top` assets, those that matter most in turn with those that the samples tell nothing of, and those named.

    Parameters
    ----------
    city : City
    importance : xarray.Dataset
        From :func:`resilience.annual.rank_assets`.
    top : int
        At most so many.
    named : sequence of str

    Notes
    -----
    The former by the largest Fussell-Vesely measure of any service that is told apart from none. The latter by the
    people behind them (see :func:`resilience.engine.people_behind`), who may be none: such an asset is not chosen.
    """
    if importance.sizes["asset"] == 0 or top == 0:
        return list(dict.fromkeys(named))
    names = importance["asset"].values.astype(str)
    worth = np.where(is_told_apart(importance), importance["fussell_vesely"].transpose("asset", "service"), 0.0)
    told = _largest(worth.max(axis=1))
    untold = np.flatnonzero(is_untold(importance).any(axis=1))
    place = {name: i for i, name in enumerate(city.compiled.asset_id)}
    behind = people_behind(city, np.array([place[name] for name in names[untold]], dtype=np.int32))
    in_turn = chain.from_iterable(zip_longest(told, untold[_largest(behind)]))
    chosen = [str(names[i]) for i in in_turn if i is not None][:top]
    return list(dict.fromkeys([*chosen, *named]))


def _largest(values: Floats) -> NDArray[np.intp]:
    """Return positions of what is above 0, the largest first."""
    order = np.argsort(-values, kind="stable")
    return order[values[order] > 0]


def _people(part: str, city: City, tasks: Sequence[EventTask], *, n_samples: int, solve: Solve) -> Floats:
    people = np.empty((len(tasks), len(city.layout.names), n_samples))

    def keep(block: Block, sums: BlockSums) -> None:
        first = block.first_word * 64
        people[block.task.event, :, first : first + sums.people.shape[1]] = sums.people / PERSON

    solve(part, city, tasks, n_samples=n_samples, on_block=keep)
    return people


def run_in_pairs(
    city: City,
    assets: Sequence[str],
    *,
    force: Callable[[int, float], Sequence[EventTask]],
    people: xr.DataArray,
    weights: xr.DataArray,
    failure_probability: xr.DataArray,
    solve: Solve,
) -> xr.Dataset:
    """Return the importance of the chosen assets, (asset, service), with standard errors.

    Parameters
    ----------
    city : City
        Without a grid.
    assets : sequence of str
    force : callable
        Returns the events with rates as tasks in which one asset, by position, fails with the probability given.
    people : (event, service, sample) xarray.DataArray
        Of the run as it is.
    weights : (event,) xarray.DataArray, 1/year
    failure_probability : (event, asset) xarray.DataArray
    solve : callable
        As :meth:`resilience.sampling.Sampler.solve`.

    Notes
    -----
    Two more runs per asset.
    """
    index = {name: i for i, name in enumerate(city.compiled.asset_id)}
    services = people["service"].values
    shape = (len(assets), services.size)
    values = {name: np.full(shape, np.nan) for name in MEASURES}
    errors = {name: np.full(shape, np.nan) for name in MEASURES}
    base = failure_probability.values
    for row, name in enumerate(assets):
        runs = []
        for forced in (0.0, 1.0):
            part = f"pair-{row:03d}-{'down' if forced else 'up'}"
            tasks = force(index[name], forced)
            runs.append(_people(part, city, tasks, n_samples=people.sizes["sample"], solve=solve))
        for s in range(services.size):
            found = paired_importance(
                people.values[:, s], loss_up=runs[0][:, s], loss_down=runs[1][:, s], weights=weights.values,
                failure_probability=np.nan_to_num(base[:, index[name]]),
            )  # fmt: skip
            for measure in MEASURES:
                values[measure][row, s], errors[measure][row, s] = getattr(found, measure)
    result = xr.Dataset(coords={"asset": list(assets), "service": services})
    for measure in MEASURES:
        result[measure] = (("asset", "service"), values[measure])
        result[f"{measure}_standard_error"] = (("asset", "service"), errors[measure])
    return result

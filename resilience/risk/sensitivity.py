"""What an answer hangs on: the share of its variance that each uncertain input brings, and fair shares of a total."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from math import comb
from typing import Any, Final

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from resilience.errors import DataError, Problems
from resilience.risk.intervals import random_generator
from resilience.risk.standard_errors import sample_error

Floats = NDArray[np.float64]

MOST_PLAYERS: Final = 20
"""A million coalitions."""


def sobol_indices(
    model: Callable[[dict[str, Floats]], ArrayLike | Mapping[str, ArrayLike]],
    inputs: Mapping[str, Any],
    *,
    points: int,
    replicates: int = 8,
    seed: int = 1,
) -> xr.Dataset:
    """Return which share of the variance of a model's outputs each of its independent inputs brings.

    Parameters
    ----------
    model : callable
        From a value of every input, arrays of ``(n,) float64`` by name, to an output ``(n,)``, or outputs by name.
    inputs : mapping of str to distribution
        Anything with a ``ppf``, such as ``scipy.stats.uniform(0, 1)``.
    points : int
        A power of two. The model is asked for ``points * (inputs + 2)`` points in each replicate.
    replicates : int
        Of the whole design, each scrambled anew; errors come from their spread.
    seed : int

    Returns
    -------
    xarray.Dataset
        Dimensions (output, input). `first_order`: the share of the variance that goes when the input is known;
        `total_order`: the share that is left when all others are known; both with ``_standard_error``. 0 for an output
        that does not vary.

    Raises
    ------
    DataError
        No inputs, points that are no power of two, fewer than two replicates, outputs that are missing.

    Notes
    -----
    Saltelli et al. (2010) on scrambled Sobol' points, by :func:`scipy.stats.sobol_indices`.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> sum_of = lambda x: 2.0 * x["bias"] + x["cost"]
    >>> found = sobol_indices(sum_of, {"bias": uniform(), "cost": uniform()}, points=256)
    >>> found["first_order"].squeeze().round(2).values.tolist()
    [0.8, 0.2]
    """
    problems = Problems()
    if not inputs:
        problems.add("inputs", wanted="one input at least", got="none")
    if points < 2 or points & (points - 1):
        problems.add("points", wanted="a power of two, e.g. 256", got=str(points))
    if replicates < 2:
        problems.add("replicates", wanted="2 or more", got=str(replicates))
    problems.raise_if_any(DataError)
    names = list(inputs)
    outputs: list[str] = []

    def ask(values: Floats) -> Floats:
        found = model(dict(zip(names, values, strict=True)))
        each = found if isinstance(found, Mapping) else {"output": found}
        outputs[:] = list(each)
        table = np.stack(
            [np.broadcast_to(np.asarray(one, dtype=np.float64), values.shape[1:]) for one in each.values()]
        )
        gaps = int(np.isnan(table).sum())
        if gaps:
            problems.add("model", wanted="outputs that are numbers", got="missing values", count=gaps, total=table.size)
            problems.raise_if_any(DataError)
        return table

    # Scrambling spawns generators, which one with a key of its own cannot.
    rng = np.random.default_rng(int(random_generator(seed, "sobol indices").integers(2**63)))
    first, total = [], []
    for _ in range(replicates):
        # An output that does not vary is divided by its variance all the same.
        with np.errstate(divide="ignore", invalid="ignore"):
            found = stats.sobol_indices(func=ask, n=points, dists=list(inputs.values()), rng=rng)
        first.append(np.reshape(found.first_order, (len(outputs), len(names))))
        total.append(np.reshape(found.total_order, (len(outputs), len(names))))
    values = {}
    for name, one in (("first_order", first), ("total_order", total)):
        each = np.stack(one, axis=-1)
        values[name] = (("output", "input"), each.mean(axis=-1))
        values[f"{name}_standard_error"] = (("output", "input"), sample_error(each))
    return xr.Dataset(values, coords={"output": outputs, "input": names})


def shapley_values(players: Sequence[str], value: Callable[[frozenset[str]], float]) -> xr.DataArray:
    """Return the fair share of every player in what all of them come to together.

    Players may be assets that can fail, perils, options or uncertain inputs; the value of a coalition is the loss with
    these failing alone, the saving by these options together, the variance that these inputs bring.

    Parameters
    ----------
    players : sequence of str
        Up to 20: the value of every one of the 2^n coalitions is asked for once.
    value : callable
        From a coalition to its value.

    Returns
    -------
    (player,) xarray.DataArray
        Adds up to the value of all less that of none; players who add the same to every coalition have the same share.

    Raises
    ------
    DataError
        No players, names twice, too many of them, or a coalition whose value is missing.

    Notes
    -----
    The mean over all orders of what a player adds to those before it (Shapley 1953): exact, not sampled.

    Examples
    --------
    Two of three pumps are enough; each has a third of the blame when all fail.

    >>> shapley_values(["a", "b", "c"], lambda failed: float(len(failed) >= 2)).round(6).values.tolist()
    [0.333333, 0.333333, 0.333333]
    """
    problems = Problems()
    names = list(players)
    if not names:
        problems.add("players", wanted="one at least", got="none")
    if len(set(names)) < len(names):
        problems.add("players", wanted="every name once", got=f"{len(names) - len(set(names))} names again")
    if len(names) > MOST_PLAYERS:
        problems.add("players", wanted=f"{MOST_PLAYERS} at most", got=str(len(names)))
    problems.raise_if_any(DataError)
    n = len(names)
    coalitions = [frozenset(chosen) for size in range(n + 1) for chosen in combinations(names, size)]
    worth = {one: float(value(one)) for one in coalitions}
    if missing := [" ".join(sorted(one)) or "nobody" for one, amount in worth.items() if np.isnan(amount)]:
        wanted = "a number for every coalition"
        problems.add("value", wanted=wanted, got="missing values", count=len(missing), first=missing)
        problems.raise_if_any(DataError)
    shares = dict.fromkeys(names, 0.0)
    for one in coalitions:
        for name in one:
            shares[name] += (worth[one] - worth[one - {name}]) / (n * comb(n - 1, len(one) - 1))
    return xr.DataArray(list(shares.values()), dims="player", coords={"player": names})

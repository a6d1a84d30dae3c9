"""Sums over events and over years, the inner work of annual figures and of their tails."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from resilience.kernels.compiler import kernel

_BLOCK = 2048  # 16 KB of `out` stay in the first cache while the events pass over it


@kernel
def add_weighted_events(values: NDArray[np.float64], weights: NDArray[np.float64], out: NDArray[np.float64]) -> None:
    """Add the weighted sum over events of `values` to `out`.

    Parameters
    ----------
    values : (n_event, n) float64
        C or Fortran contiguous; NaN stays NaN in its column.
    weights : (n_event,) float64
    out : (n,) float64
        Added to, not overwritten: events may come in several calls.

    Notes
    -----
    Each column is summed in the order of the events, one rounding per product and sum, so a column has the same
    value whatever stands beside it; a BLAS product does not promise that. O(n_event n), bound by reading `values`.
    """
    n_event, n = values.shape
    for start in range(0, n, _BLOCK):
        stop = min(start + _BLOCK, n)
        total = out[start:stop]
        event = 0
        # Four events per pass: a third of the time of one per pass, which loads and stores `out` for each product.
        while event + 4 <= n_event:
            a, b = values[event, start:stop], values[event + 1, start:stop]
            c, d = values[event + 2, start:stop], values[event + 3, start:stop]
            wa, wb, wc, wd = weights[event], weights[event + 1], weights[event + 2], weights[event + 3]
            for column in range(total.shape[0]):
                total[column] = (((total[column] + wa * a[column]) + wb * b[column]) + wc * c[column]) + wd * d[column]
            event += 4
        while event < n_event:
            a, wa = values[event, start:stop], weights[event]
            for column in range(total.shape[0]):
                total[column] += wa * a[column]
            event += 1


@kernel
def accumulate_exceedance(
    loss: NDArray[np.float64], rate: NDArray[np.float64], order: NDArray[np.int64], out: NDArray[np.float64]
) -> None:
    """Write to ``out[i]`` the rate of losses at least as large as the i-th smallest.

    Parameters
    ----------
    loss : (n,) float64
        In ascending order, no NaN.
    rate : (n,) float64
        In the order the losses came in.
    order : (n,) int64
        Positions in `rate` of the sorted losses; those of equal losses are brought into ascending order.
    out : (n,) float64
        Equal losses get the same rate.

    Notes
    -----
    Sums from the largest loss down: the rare end, which matters, is summed first and keeps its relative precision.
    Whatever sort `order` is from, stable or not, the sums are the same. O(n), and O(k log k) for k equal losses.
    """
    total = 0.0
    stop = loss.shape[0]
    while stop > 0:
        start = stop - 1
        while start > 0 and loss[start - 1] == loss[start]:
            start -= 1
        if stop - start > 1:
            order[start:stop].sort()
        for position in range(stop - 1, start - 1, -1):
            total += rate[order[position]]
        out[start:stop] = total
        stop = start


@kernel
def average_tails(
    years: NDArray[np.int64],
    largest: NDArray[np.float64],
    above: NDArray[np.int64],
    rest: NDArray[np.float64],
    order: NDArray[np.int64],
    count: NDArray[np.int64],
    out: NDArray[np.float64],
) -> None:
    """Write the means of the largest values among `years`, for several shares and for all columns at once.

    Parameters
    ----------
    years : (n_drawn,) int64
        Drawn rows of `largest`, in any order, some of them more than once; more than any of `above`.
    largest : (n_year, n) float64
        Values of each year, each column in descending order.
    above : (n_share,) int64
        How many of the drawn values count whole.
    rest : (n_share,) float64
        Part, from 0 to 1, to which the next one counts.
    order : (n_share,) int64
        That sorts `above`.
    count : (n_year,) int64
        Overwritten: how often each year was drawn.
    out : (n_share, n) float64

    Notes
    -----
    Counting how often each year is drawn, largest first, spares sorting the draws. Each column is summed from its
    largest value down. O(n_drawn + n_year n).
    """
    n_year, n = largest.shape
    count[:] = 0
    for draw in range(years.shape[0]):
        count[years[draw]] += 1
    total = np.zeros(n)
    passed = 0
    place = 0
    for year in range(n_year):
        if count[year] == 0:
            continue
        row = largest[year]
        while place < order.shape[0] and above[order[place]] < passed + count[year]:
            share = order[place]
            mass = above[share] + rest[share]
            whole = float(above[share] - passed)
            for column in range(n):
                out[share, column] = (total[column] + whole * row[column] + rest[share] * row[column]) / mass
            place += 1
        if place == order.shape[0]:
            return
        passed += count[year]
        times = float(count[year])
        for column in range(n):
            total[column] += times * row[column]

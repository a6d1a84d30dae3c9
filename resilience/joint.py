"""Two severity axes whose severities of a year belong together: what every pair of maps weighs, and years drawn.

The annual expected value is the integral of D(p, q) over the copula of the two annual exceedance probabilities. D is
bilinear between the maps of both axes (in the quantity in which each axis is interpolated), and 0 on the side of an
axis on which its most frequent map is not reached. So it is a weighted sum over pairs of maps, "none" among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from resilience.catalogue import draw_samples, locate_periods
from resilience.copulas import GROUP_WORDS, Copula, draw_severities
from resilience.draws import SEVERITY, stream_key
from resilience.events import EventFamily, Rule, Tail

Floats = NDArray[np.float64]

_PIECES = 64
"""Into so many pieces each band is cut for the mass of the copula; with independence any number is exact."""


@dataclass(frozen=True)
class JointFamily:
    """Two families whose severities of a year belong together.

    Parameters
    ----------
    name : str
    first, second : EventFamily
        Severity axes, return periods ascending.
    copula : Copula
        Of their annual non-exceedance probabilities.
    node : (n_first + 1, n_second + 1) int64
        Position on the event axis of each pair of events; row and column 0 are without the family, -1 without both.
    """

    name: str
    first: EventFamily
    second: EventFamily
    copula: Copula
    node: NDArray[np.int64]


def joint_weights(
    first: EventFamily, second: EventFamily, copula: Copula, *, rule: Rule = "trapezoid", tail: Tail = "hold"
) -> tuple[Floats, Floats]:
    """Return what every pair of maps weighs in annual expected values.

    Parameters
    ----------
    first, second : EventFamily
        Severity axes, return periods ascending.
    copula : Copula
    rule : {"trapezoid", "log_linear"}
    tail : {"hold", "none"}

    Returns
    -------
    weights, tail_weights : (n_first + 1, n_second + 1) float64, 1/year
        Row and column 0 stand for no event of the family. The tail is what lies beyond the rarest map of either.

    Notes
    -----
    Rows and columns add up to the weights of each family alone, under any copula.

    Examples
    --------
    >>> axis = EventFamily(name="river", axis="severity", events=("rp10", "rp100"),
    ...     return_period=np.array([10.0, 100.0]), annual_rate=np.array([0.1, 0.01]))
    >>> weights, tail = joint_weights(axis, axis, Copula("independent"))
    >>> (weights + tail).sum(axis=1).round(6).tolist()
    [0.9, 0.045, 0.055]
    """
    edges, shares, beyond = zip(*(_pieces(one.return_period, rule, tail) for one in (first, second)), strict=True)
    below = copula.cdf(1.0 - edges[0][:, np.newaxis], 1.0 - edges[1])
    # Edges descend, so non-exceedance ascends.
    mass = np.maximum(np.diff(np.diff(below, axis=0), axis=1), 0.0)
    rare = beyond[0][:, np.newaxis] | beyond[1]
    weights, tail_weights = (shares[0].T @ np.where(part, mass, 0.0) @ shares[1] for part in (~rare, rare))
    return weights, tail_weights


def _pieces(return_period: Floats, rule: Rule, tail: Tail) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return pieces of an axis: descending edges in p, the mean share of each map in each piece, and what is tail."""
    p = 1.0 / return_period
    edges, shares = [1.0], []
    n = p.size + 1
    none = np.zeros(n)
    none[0] = 1.0
    shares.append(none)
    edges.append(p[0])
    for k in range(p.size - 1):
        high, low = p[k], p[k + 1]
        cuts = np.linspace(high, low, _PIECES + 1)
        b, a = cuts[:-1], cuts[1:]
        if rule == "trapezoid":
            of_high = ((a + b) / 2 - low) / (high - low)
        else:
            of_high = (b * np.log(b / low) - a * np.log(a / low) - (b - a)) / (b - a) / np.log(high / low)
        for share in of_high.tolist():
            row = np.zeros(n)
            row[k + 1], row[k + 2] = share, 1.0 - share
            shares.append(row)
        edges.extend(a.tolist())
    last = np.zeros(n)
    last[-1 if tail == "hold" else 0] = 1.0
    shares.append(last)
    edges.append(0.0)
    beyond = np.zeros(len(shares), bool)
    beyond[-1] = tail == "hold"
    return np.array(edges), np.stack(shares), beyond


def draw_joint(joint: JointFamily, *, years: int, seed: int, n_samples: int, rule: Rule = "trapezoid") -> pd.DataFrame:
    """Return what the two families bring in `years` simulated years: each at most once a year.

    Parameters
    ----------
    joint : JointFamily
    years, seed : int
    n_samples : int
        Monte Carlo samples to choose from.
    rule : {"trapezoid", "log_linear"}

    Returns
    -------
    pandas.DataFrame
        One row per year with either: ``year``; per family ``first_lower``, ``first_upper`` (row of `node`; 0 without),
        ``first_weight`` of the upper one; ``sample``.

    Notes
    -----
    A year's severity comes with the annual exceedance probability 1 / T, that of the largest event of the year. Another
    copula leaves the first family's years as they are.
    """
    words = GROUP_WORDS * -(-years // (64 * GROUP_WORDS))
    drawn = draw_severities(joint.copula, stream_key(seed, SEVERITY, joint.name), n_words=words)[:, :years]
    columns: dict[str, NDArray[np.generic]] = {"year": np.arange(years)}
    comes = np.zeros(years, bool)
    for name, family, u in zip(("first", "second"), (joint.first, joint.second), drawn, strict=True):
        period = 1.0 / (1.0 - u)
        reached = period >= family.return_period[0]
        lower, upper, weight, _ = locate_periods(family, period, rule)
        comes |= reached
        columns[f"{name}_lower"] = np.where(reached, lower + 1, 0)
        columns[f"{name}_upper"] = np.where(reached, upper + 1, 0)
        columns[f"{name}_weight"] = np.where(reached, weight, 1.0)
    columns["sample"] = draw_samples(seed, joint.name, years, n_samples)
    return pd.DataFrame(columns)[comes].reset_index(drop=True)


def joint_losses(totals: xr.DataArray, joint: JointFamily, catalogue: pd.DataFrame) -> xr.DataArray:
    """Return the loss of each row of a catalogue.

    Parameters
    ----------
    totals : (event, ..., sample) xarray.DataArray
        Of all events, in the order to which `joint.node` refers.
    joint : JointFamily
    catalogue : DataFrame
        From :func:`draw_joint`.

    Returns
    -------
    (occurrence, ...) xarray.DataArray
    """
    rest = [dim for dim in totals.dims if dim not in ("event", "sample")]
    values = totals.transpose("event", *rest, "sample").values
    sample = catalogue["sample"].to_numpy()
    lost = np.zeros((len(catalogue), *values.shape[1:-1]))
    for a in ("lower", "upper"):
        for b in ("lower", "upper"):
            weight = np.ones(len(catalogue))
            for name, end in (("first", a), ("second", b)):
                upper = catalogue[f"{name}_weight"].to_numpy()
                weight = weight * (upper if end == "upper" else 1.0 - upper)
            node = joint.node[catalogue[f"first_{a}"], catalogue[f"second_{b}"]]
            for event in np.unique(node[(node >= 0) & (weight > 0)]).tolist():
                rows = np.flatnonzero((node == event) & (weight > 0))
                taken = np.moveaxis(values[event][..., sample[rows]], -1, 0)
                lost[rows] += taken * weight[rows].reshape(-1, *[1] * len(rest))
    coords = {name: c for name, c in totals.coords.items() if not {"event", "sample"} & set(c.dims) and c.dims}
    return xr.DataArray(lost, dims=("occurrence", *rest), coords=coords, name="occurrence_loss")

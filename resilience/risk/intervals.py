"""How sure a figure is: intervals for probabilities, return periods, means and statistics of yearly values.

No interval here is drawn from a fitted law: Wilson's for a probability, order statistics for a return period, the
normal limit for a mean, and the percentile bootstrap for what is left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, betaincinv, ndtri

from resilience.errors import DataError, Problems

Floats = NDArray[np.float64]

_ROUNDING = 1e-9  # n (1 - 1/T) of a whole number must count as that number


class Interval(NamedTuple):
    """Lower and upper end.

    Parameters
    ----------
    low, high : float or float64 array
    """

    low: Any
    high: Any


def _two_sided_z(confidence: float) -> float:
    return float(ndtri(0.5 + check_share(confidence, "confidence") / 2.0))


def check_share(value: float, subject: str) -> float:
    """Return `value` if it lies between 0 and 1, both excluded.

    Raises
    ------
    DataError
        Otherwise.
    """
    if not 0.0 < value < 1.0:
        problems = Problems()
        problems.add(subject, wanted="a number between 0 and 1, both excluded", got=repr(value))
        problems.raise_if_any(DataError)
    return float(value)


def wilson_interval(successes: ArrayLike, trials: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a probability.

    Parameters
    ----------
    successes, trials : array_like of int
        0 <= successes <= trials; shapes broadcast.
    confidence : float

    Returns
    -------
    Interval of float64 arrays
        NaN where there are no trials.

    Raises
    ------
    DataError
        A count is negative or larger than its number of trials.

    Notes
    -----
    The roots p of ``(x/n - p)^2 = z^2 p (1 - p) / n`` (Wilson 1927). Unlike the normal interval it stays within
    [0, 1] and has a width when nothing was seen: 0 of 1,000 still allows .0038.

    Examples
    --------
    >>> low, high = wilson_interval(10, 1000)
    >>> print(f"{low:.5f} {high:.5f}")
    0.00544 0.01831
    """
    count = np.asarray(successes, dtype=np.float64)
    number = np.asarray(trials, dtype=np.float64)
    wrong = np.broadcast_to(~((count >= 0) & (count <= number)), np.broadcast_shapes(count.shape, number.shape))
    if wrong.any():
        problems = Problems()
        problems.add(
            "successes",
            wanted="counts between 0 and the number of trials",
            got="outside",
            count=int(wrong.sum()),
            total=int(wrong.size),
            first=np.broadcast_to(count, wrong.shape)[wrong][:3],
        )
        problems.raise_if_any(DataError)
    z = _two_sided_z(confidence)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = count / number
        scale = 1.0 + z * z / number
        middle = (share + z * z / (2.0 * number)) / scale
        half = z * np.sqrt(share * (1.0 - share) / number + z * z / (4.0 * number * number)) / scale
    # The exact ends at 0 and n are 0 and 1; the formula leaves a rounding there.
    low = np.where(count == 0, np.where(number == 0, np.nan, 0.0), middle - half)
    high = np.where(count == number, np.where(number == 0, np.nan, 1.0), middle + half)
    return Interval(low[()], high[()])


def exceedance_interval(rank: ArrayLike, n: int, *, confidence: float = 0.95) -> Interval:
    """Return the interval of the exceedance probability of the `rank`-th largest of `n` independent values.

    Parameters
    ----------
    rank : array_like of int
        1 is the largest.
    n : int
        Number of values, e.g. years of a catalogue.
    confidence : float

    Returns
    -------
    Interval of float64 arrays
        Of probability; the reciprocal is the interval of the return period in years.

    Raises
    ------
    DataError
        A rank is not between 1 and n.

    Notes
    -----
    Whatever the law of the values, the probability of exceeding the k-th largest of n is Beta(k, n - k + 1).

    Examples
    --------
    >>> low, high = exceedance_interval(100, 10_000)
    >>> print(f"{1 / high:.1f} {1 / low:.1f}")
    83.1 122.8
    """
    k = np.asarray(rank, dtype=np.float64)
    wrong = ~((k >= 1) & (k <= n))
    if wrong.any():
        problems = Problems()
        problems.add("rank", wanted=f"1 .. {n}", got="outside", count=int(wrong.sum()), total=wrong.size)
        problems.raise_if_any(DataError)
    outside = (1.0 - check_share(confidence, "confidence")) / 2.0
    low = np.asarray(betaincinv(k, n - k + 1.0, outside), dtype=np.float64)
    high = np.asarray(betaincinv(k, n - k + 1.0, 1.0 - outside), dtype=np.float64)
    return Interval(low[()], high[()])


def quantile_rank(n: int, exceedance: float) -> int:
    """Return how many of `n` values lie above the value that is exceeded with probability `exceedance`.

    Notes
    -----
    The quantile is the smallest value whose share of larger values is at most `exceedance`, so with m the whole part
    of ``n exceedance`` it is the (m + 1)-th largest.

    Examples
    --------
    >>> quantile_rank(10_000, 1 - 0.99)
    100
    """
    product = n * exceedance
    return min(int(product + _ROUNDING * max(1.0, product)), n - 1)


def quantile_ranks(n: int, exceedance: float, *, confidence: float = 0.95) -> tuple[int, int]:
    """Return the ranks of the values that enclose the quantile with the given exceedance probability.

    Parameters
    ----------
    n : int
        Number of independent values.
    exceedance : float
        Probability of exceeding the quantile, 1/T for a return period of T years.
    confidence : float

    Returns
    -------
    low, high : int
        The `low`-th largest value is at most the quantile and the `high`-th largest at least, each but with
        probability (1 - confidence) / 2. `high` is 0 and `low` is n + 1 where no value is large or small enough:
        `n` values do not bound that side.

    Notes
    -----
    The number of values above the quantile is Binomial(n, exceedance), whatever the law of the values.

    Examples
    --------
    >>> quantile_ranks(10_000, 0.01)
    (121, 81)
    >>> quantile_ranks(100, 0.01)
    (4, 0)
    """
    outside = (1.0 - check_share(confidence, "confidence")) / 2.0
    check_share(exceedance, "exceedance")
    # P(N < k) must stay within `outside`: the largest such k. The normal limit gives where to look.
    spread = (n * exceedance * (1.0 - exceedance)) ** 0.5
    reach = int(12.0 * spread) + 40
    first = max(0, int(n * exceedance) - reach)
    last = min(n, int(n * exceedance) + reach)
    counts = np.arange(first, last + 1)
    below = bdtr(counts, n, exceedance)  # P(N <= count)
    above = bdtrc(counts, n, exceedance)  # P(N > count)
    # the k-th largest >= quantile unless N < k; the k-th largest <= quantile unless N >= k
    high = first + int(np.searchsorted(below, outside, side="right"))
    fits = np.flatnonzero(above <= outside)
    low = first + int(fits[0]) + 1 if fits.size else n + 1
    return low, high


def mean_interval(mean: ArrayLike, error: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Return ``mean -+ z error``, the normal limit.

    Examples
    --------
    >>> mean_interval(10.0, 1.0)
    Interval(low=8.040036015459947, high=11.959963984540053)
    """
    z = _two_sided_z(confidence)
    middle = np.asarray(mean, dtype=np.float64)
    half = z * np.asarray(error, dtype=np.float64)
    # item() for scalars, so that a number prints as one
    low, high = middle - half, middle + half
    return Interval(float(low), float(high)) if low.ndim == 0 else Interval(low, high)


def samples_needed(mean: float, standard_deviation: float, *, relative_error: float) -> int:
    """Return the number of samples after which the standard error is `relative_error` of the mean.

    Notes
    -----
    ``(sd / mean / relative_error)^2``, rounded up.

    Raises
    ------
    DataError
        The mean is 0: no number of samples makes a relative error of it.

    Examples
    --------
    >>> samples_needed(20.0, 4000**0.5, relative_error=0.05)
    4000
    """
    if not (np.isfinite(mean) and mean != 0.0 and relative_error > 0.0):
        problems = Problems()
        problems.add("mean", wanted="a mean other than 0 and a relative error above 0", got=f"{mean}, {relative_error}")
        problems.raise_if_any(DataError)
    needed = (standard_deviation / mean / relative_error) ** 2
    return int(np.ceil(needed * (1.0 - _ROUNDING)))


def random_generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a generator of its own for `purpose`, independent of every other purpose of the same seed.

    Parameters
    ----------
    seed : int
        0 <= seed < 2**64.
    purpose : str
        What the numbers are for; part of the key.

    Raises
    ------
    DataError
        The seed is outside its range.

    Examples
    --------
    >>> random_generator(1, "bootstrap").random() == random_generator(1, "bootstrap").random()
    True
    """
    if not 0 <= seed < 2**64:
        problems = Problems()
        problems.add("seed", wanted="a whole number from 0 to 2**64 - 1", got=str(seed))
        problems.raise_if_any(DataError)
    word = int.from_bytes(hashlib.blake2b(purpose.encode(), digest_size=8).digest(), "little")
    return np.random.Generator(np.random.Philox(key=np.array([seed, word], dtype=np.uint64)))


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[Floats], ArrayLike],
    *,
    replicates: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Return the percentile bootstrap interval of `statistic`.

    Parameters
    ----------
    values : (n, ...) array_like
        Independent along the first dimension. For annual figures these are **years**: events of one year belong
        together, and drawing events instead makes the interval too narrow.
    statistic : callable
        From an array like `values` to a number or an array.
    replicates : int
        Number of draws of n out of n with replacement.
    confidence : float
    seed : int

    Returns
    -------
    Interval of float64 arrays
        Shaped like the statistic.

    Raises
    ------
    DataError
        No values, or fewer than 2 replicates.

    Examples
    --------
    >>> low, high = bootstrap_interval([1.0, 2.0, 3.0, 4.0], lambda years: years.mean(axis=0), seed=1)
    >>> bool(low < 2.5 < high)
    True
    """
    data = np.asarray(values, dtype=np.float64)
    problems = Problems()
    if data.ndim == 0 or data.shape[0] == 0:
        problems.add("values", wanted="one value per year at least", got=f"shape {data.shape}")
    if replicates < 2:
        problems.add("replicates", wanted="2 or more; 1,000 is usual", got=str(replicates))
    problems.raise_if_any(DataError)
    generator = random_generator(seed, "bootstrap")
    n = data.shape[0]
    drawn = np.stack(
        [np.asarray(statistic(data[generator.integers(0, n, n)]), dtype=np.float64) for _ in range(replicates)]
    )
    return percentile_interval(drawn, confidence=confidence)


def percentile_interval(replicates: Floats, *, confidence: float = 0.95) -> Interval:
    """Return the central interval of `replicates` along their first dimension.

    Parameters
    ----------
    replicates : (n, ...) float64
    confidence : float
    """
    outside = (1.0 - check_share(confidence, "confidence")) / 2.0
    low, high = np.quantile(replicates, [outside, 1.0 - outside], axis=0)
    return Interval(low[()], high[()])

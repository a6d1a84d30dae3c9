"""How severities of two perils go together: copulas of (flood, heat), joint return periods and joint draws.

A severity is an annual non-exceedance probability u: its return period is 1 / (1 - u).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, owens_t

from resilience.errors import ConfigurationError, DataError, Problem

Kind = Literal["independent", "gaussian", "gumbel"]
KINDS: Final = ("independent", "gaussian", "gumbel")
GROUP_WORDS: Final = 8
"""Words of 64 samples that are drawn together."""
_LIMITS: Final[dict[str, tuple[str, Callable[[float], bool]]]] = {
    "independent": ("0", lambda value: value == 0.0),
    "gaussian": ("a correlation above -1 and below 1", lambda value: -1.0 < value < 1.0),
    "gumbel": ("a number >= 1", lambda value: 1.0 <= value < math.inf),
}


@dataclass(frozen=True)
class Copula:
    """Dependence of two severities.

    Parameters
    ----------
    kind : {"independent", "gaussian", "gumbel"}
    parameter : float
        Correlation rho of the Gaussian copula in (-1, 1), theta >= 1 of the Gumbel copula, 0 for independence.

    Raises
    ------
    ConfigurationError
        An unknown kind, or a parameter outside its limits.

    Notes
    -----
    Gaussian: C(u, v) = Phi_2(Phi^-1(u), Phi^-1(v); rho), evaluated with Owen's T. Gumbel: C(u, v) =
    exp(-((-ln u)^theta + (-ln v)^theta)^(1 / theta)), the only one of the three whose extremes come together.

    Examples
    --------
    >>> both, either = Copula("gumbel", 2.0).joint_return_periods(100.0, 100.0)
    >>> round(float(both), 2), round(float(either), 2)
    (169.86, 70.86)
    """

    kind: Kind
    parameter: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(Problem("copula", " or ".join(KINDS), repr(self.kind)))
        wanted, fits = _LIMITS[self.kind]
        if not fits(self.parameter):
            raise ConfigurationError(Problem(f"parameter of the {self.kind} copula", wanted, f"{self.parameter:g}"))

    @classmethod
    def from_tau(cls, kind: Kind, tau: float) -> Copula:
        """Return the copula of a kind with Kendall's rank correlation `tau`.

        Raises
        ------
        ConfigurationError
            An unknown kind, or a tau that it cannot have.

        Examples
        --------
        >>> Copula.from_tau("gumbel", 0.5)
        Copula(kind='gumbel', parameter=2.0)
        """
        if not -1.0 < tau < 1.0 or (kind == "gumbel" and tau < 0.0):
            least = "0 or more" if kind == "gumbel" else "above -1"
            raise ConfigurationError(Problem(f"tau of the {kind} copula", f"{least} and below 1", f"{tau:g}"))
        if kind == "gaussian":
            return cls(kind, math.sin(0.5 * math.pi * tau))
        return cls(kind, 1.0 / (1.0 - tau) if kind == "gumbel" else tau)

    @property
    def tau(self) -> float:
        """Kendall's rank correlation."""
        if self.kind == "gaussian":
            return 2.0 / math.pi * math.asin(self.parameter)
        return 1.0 - 1.0 / self.parameter if self.kind == "gumbel" else 0.0

    @property
    def upper_tail(self) -> float:
        """Upper tail dependence: the limit of P(V > u | U > u) as u goes to 1."""
        return 2.0 - 2.0 ** (1.0 / self.parameter) if self.kind == "gumbel" else 0.0

    def cdf(self, u: ArrayLike, v: ArrayLike) -> NDArray[np.float64]:
        """Return C(u, v) = P(U <= u, V <= v).

        Parameters
        ----------
        u, v : float64 arrays that broadcast, in [0, 1]

        Raises
        ------
        DataError
            A value outside [0, 1], or NaN.
        """
        first, second = np.broadcast_arrays(_checked(u, "u"), _checked(v, "v"))
        if self.kind == "independent":
            return np.asarray(first * second)
        inside = (first > 0.0) & (first < 1.0) & (second > 0.0) & (second < 1.0)
        a, b = first[inside], second[inside]
        # On the border every copula is the same.
        values = np.where((first == 0.0) | (second == 0.0), 0.0, np.minimum(first, second))
        values[inside] = (_gumbel if self.kind == "gumbel" else _gaussian)(a, b, self.parameter)
        return values

    def joint_return_periods(
        self, first: ArrayLike, second: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the return periods of both and of either being exceeded in a year.

        Parameters
        ----------
        first, second : float64 arrays that broadcast, year
            Return periods of the two severities, above 1.

        Returns
        -------
        both, either : float64 arrays, year
            1 / (1 - u - v + C) and 1 / (1 - C); infinite where it cannot happen.

        Raises
        ------
        DataError
            A return period that is not a finite number above 1.
        """
        periods = [np.asarray(value, dtype=np.float64) for value in (first, second)]
        for name, period in zip(("first", "second"), periods, strict=True):
            wrong = ~(np.isfinite(period) & (period > 1.0))
            if wrong.any():
                shown = tuple(f"{value:g}" for value in period[wrong][:3])
                raise DataError(
                    Problem(f"{name} return period", "finite years > 1", "others", int(wrong.sum()), period.size, shown)
                )
        p, q = (1.0 / period for period in periods)
        below = self.cdf(1.0 - p, 1.0 - q)
        if self.kind == "independent":
            both = p * q
        elif self.kind == "gaussian":
            # Symmetric in both tails: taken at the other end, where nothing cancels.
            both = self.cdf(p, q)
        else:
            both = p + q - (1.0 - below)
        with np.errstate(divide="ignore"):
            return np.asarray(1.0 / np.maximum(both, 0.0)), np.asarray(1.0 / (1.0 - below))

    def second(self, u: ArrayLike, w: ArrayLike) -> NDArray[np.float64]:
        """Return v with P(V <= v | U = u) = w: from two independent uniform numbers the second margin of a pair.

        The first margin is u itself, so another copula leaves it as it is.

        Parameters
        ----------
        u, w : (n,) float64, above 0 and below 1

        Raises
        ------
        DataError
            A value that is not, or arrays of different lengths.
        """
        first, rest = (_checked(values, name) for values, name in ((u, "u"), (w, "w")))
        if first.shape != rest.shape or first.ndim != 1:
            raise DataError(Problem("u and w", "two rows of one length", f"shapes {first.shape} and {rest.shape}"))
        for values, name in ((first, "u"), (rest, "w")):
            if ((values == 0.0) | (values == 1.0)).any():
                raise DataError(Problem(name, "numbers above 0 and below 1", "0 or 1"))
        if self.kind == "independent":
            return rest.copy()
        from resilience.kernels.copulas import invert_gaussian, invert_gumbel

        v = np.empty(first.size)
        invert = invert_gumbel if self.kind == "gumbel" else invert_gaussian
        invert(np.ascontiguousarray(first), np.ascontiguousarray(rest), float(self.parameter), v)
        return v


def draw_severities(copula: Copula, key: np.uint64, *, first_word: int = 0, n_words: int = 8) -> NDArray[np.float64]:
    """Return the severities of two perils, sample by sample.

    Parameters
    ----------
    copula : Copula
    key : uint64
        Of the stream: ``stream_key(seed, SEVERITY, family)`` of ``resilience.draws``.
    first_word, n_words : int
        Which samples, in words of 64; whole groups of 8 words.

    Returns
    -------
    (2, 64 n_words) float64
        Annual non-exceedance probabilities, above 0 and below 1. A sample's pair depends on the key and on the
        sample's number alone.

    Raises
    ------
    ConfigurationError
        Words that are not whole groups.

    Examples
    --------
    >>> from resilience.draws import SEVERITY, stream_key
    >>> flood, heat = draw_severities(Copula("gumbel", 2.0), stream_key(1, SEVERITY, "flood and heat"), n_words=64)
    >>> bool(np.corrcoef(flood, heat)[0, 1] > 0.6)
    True
    """
    if first_word < 0 or first_word % GROUP_WORDS or n_words < 1 or n_words % GROUP_WORDS:
        raise ConfigurationError(
            Problem("words", f"multiples of {GROUP_WORDS}, from 0 on", f"{n_words} from {first_word}")
        )
    from resilience.kernels.fragility import sample_uniforms

    drawn = np.empty((2, 64 * n_words), np.uint32)
    group = np.empty((2, 64 * GROUP_WORDS), np.uint32)
    for word in range(0, n_words, GROUP_WORDS):
        sample_uniforms(key, np.arange(2, dtype=np.uint64), first_word + word, group)
        drawn[:, 64 * word : 64 * (word + GROUP_WORDS)] = group
    u, w = (drawn.astype(np.float64) + 0.5) / 2.0**32
    return np.stack([u, copula.second(u, w)])


def _checked(values: ArrayLike, name: str) -> NDArray[np.float64]:
    numbers = np.asarray(values, dtype=np.float64)
    wrong = ~((numbers >= 0.0) & (numbers <= 1.0))
    if wrong.any():
        shown = tuple(f"{value:g}" for value in numbers[wrong][:3])
        raise DataError(Problem(name, "probabilities in [0, 1]", "others", int(wrong.sum()), numbers.size, shown))
    return numbers


def _gumbel(u: NDArray[np.float64], v: NDArray[np.float64], theta: float) -> NDArray[np.float64]:
    x, y = -np.log(u), -np.log(v)
    most = np.maximum(x, y)
    return np.asarray(np.exp(-most * (1.0 + (np.minimum(x, y) / most) ** theta) ** (1.0 / theta)))


def _gaussian(u: NDArray[np.float64], v: NDArray[np.float64], rho: float) -> NDArray[np.float64]:
    """Owen (1956), doi 10.1214/aoms/1177728074, equation 2.1."""
    h, k = ndtri(u), ndtri(v)
    rest = math.sqrt((1.0 - rho) * (1.0 + rho))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope_h, slope_k = (k / h - rho) / rest, (h / k - rho) / rest
    # In the middle the quotient of two zeros: the limit along h = k.
    same = (h == 0.0) & (k == 0.0)
    slope_h[same] = slope_k[same] = (1.0 - rho) / rest
    apart = (h * k < 0.0) | ((h * k == 0.0) & (h + k < 0.0))
    values = 0.5 * (u + v) - owens_t(h, slope_h) - owens_t(k, slope_k) - np.where(apart, 0.5, 0.0)
    return np.asarray(np.clip(values, np.maximum(u + v - 1.0, 0.0), np.minimum(u, v)))

"""Fragility that goes together: one random number per asset and sample, alike where assets are near one another.

``Z_i = sqrt(g) G + sqrt(1 - g) L_i`` and ``U_i = Phi(Z_i)``, with one G per sample for all assets, L a Gaussian field
with correlation exp(-distance / length). U_i is uniform whatever the correlation, so the probability of each failure
stays what its curve says and an expected sum over assets does not change; what changes is how many fail together.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import fft

from resilience.errors import ConfigurationError, DataError, Problem, Problems
from resilience.grid import Grid
from resilience.kernels.fields import combine_fields, compare_uniforms, mix_normals, sample_plane
from resilience.kernels.normals import sample_normals

MAX_POINTS: Final = 5_000
"""Most points whose correlation is factorised whole: 200 MB, and some seconds once."""
KEPT_BYTES: Final = 2**26
"""Fields that a thread keeps: each part of a sequence asks for that of its own family, for the same samples."""
GROUP_WORDS: Final = 8
SAMPLES: Final = 64 * GROUP_WORDS
_COMMON = np.array([2**64 - 1], np.uint64)
"""Identity of the number that all assets share."""
_MAX_CELLS = 2**22
# An eigenvalue below zero by rounding, against the largest.
_ROUNDING = 1e-10


class CorrelatedDraws(ABC):
    """Correlated uniform numbers of assets, by word groups of 512 samples; from the two functions below.

    A number belongs to the key, the asset and the sample's number: how samples are cut into blocks changes nothing.

    Parameters
    ----------
    point : (n,) int64
        Field point of each asset.
    common_share : float
        g, the share of the variance that all assets have in common.
    """

    def __init__(self, point: NDArray[np.int64], common_share: float) -> None:
        self.point = point
        self.common_share = common_share
        self._kept = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        # What a thread keeps stays with it when the rest goes to another process.
        return {name: value for name, value in vars(self).items() if name != "_kept"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _kept=threading.local())

    @abstractmethod
    def local(self, key: np.uint64, first_word: int) -> NDArray[np.float64]:
        """Return L, (n_point, 512) float64, of one word group."""

    def uniforms(
        self, key: np.uint64, *, first_word: int = 0, chosen: NDArray[np.int32] | None = None
    ) -> NDArray[np.uint32]:
        """Return U in steps of 2**-32, (n, 512) uint32, of one word group.

        Parameters
        ----------
        key : uint64
            Of the stream: ``stream_key(seed, CORRELATION, family)`` of ``resilience.draws``.
        first_word : int
            Number of the group's first word, a multiple of 8.
        chosen : (n,) int32, optional
            Assets whose numbers are wanted; by default all.

        Raises
        ------
        ConfigurationError
            A word that starts no group.
        """
        if first_word < 0 or first_word % GROUP_WORDS:
            raise ConfigurationError(Problem("first_word", f"a multiple of {GROUP_WORDS}", f"{first_word}"))
        common = np.empty((1, SAMPLES))
        sample_normals(key, _COMMON, first_word, common)
        point = self.point if chosen is None else self.point[chosen]
        uniform = np.empty((point.size, SAMPLES), np.uint32)
        combine_fields(common[0], self._field(key, first_word), point, self.common_share, uniform)
        return uniform

    def _field(self, key: np.uint64, first_word: int) -> NDArray[np.float64]:
        """Return L of one word group; a thread keeps its last ones, for what else is asked of the same samples."""
        if not hasattr(self._kept, "fields"):
            self._kept.fields = {}
        kept: dict[tuple[int, int], NDArray[np.float64]] = self._kept.fields
        of = int(key), first_word
        field = kept.pop(of) if of in kept else self.local(key, first_word)
        kept[of] = field
        while len(kept) > 1 and sum(one.nbytes for one in kept.values()) > KEPT_BYTES:
            del kept[next(iter(kept))]
        return field

    def failures(self, key: np.uint64, threshold: NDArray[np.uint32], *, first_word: int = 0) -> NDArray[np.uint64]:
        """Return the failure bits U < threshold, (n, 8) uint64, of one word group.

        Parameters
        ----------
        key, first_word
            As in :meth:`uniforms`.
        threshold : (n,) uint32
            From ``resilience.kernels.fragility.quantise_probability``: 0 never fails, 2**32 - 1 always.

        Raises
        ------
        ConfigurationError
            A word that starts no group; a threshold for other assets.
        """
        if threshold.shape != self.point.shape:
            raise ConfigurationError(
                Problem("threshold", f"one for each of {self.point.size:,} assets", f"shape {threshold.shape}")
            )
        failed = np.empty((self.point.size, GROUP_WORDS), np.uint64)
        compare_uniforms(self.uniforms(key, first_word=first_word), threshold, failed)
        return failed


class PointDraws(CorrelatedDraws):
    """Draws by a factor of the points' correlation; from :func:`correlate_points`.

    Parameters
    ----------
    point, common_share
    identity : (n_point,) uint64
        By which each point's own noise is found.
    factor : (n_point, n_point) float64
        Lower triangular.
    """

    def __init__(
        self,
        point: NDArray[np.int64],
        common_share: float,
        identity: NDArray[np.uint64],
        factor: NDArray[np.float64],
    ) -> None:
        super().__init__(point, common_share)
        self.identity = identity
        self.factor = factor

    def local(self, key: np.uint64, first_word: int) -> NDArray[np.float64]:
        """Return L, (n_point, 512) float64, of one word group."""
        noise = np.empty((self.identity.size, SAMPLES))
        sample_normals(key, self.identity, first_word, noise)
        mixed = np.empty_like(noise)
        mix_normals(self.factor, noise, mixed)
        return mixed


class GridDraws(CorrelatedDraws):
    """Draws by a field on a grid; from :func:`correlate_cells`.

    Parameters
    ----------
    point, common_share
    row, column : (n_point,) int64
        Cell of each point.
    amplitude : (height, width) float64
        Square roots of the eigenvalues of the circulant that the grid is embedded in, over its number of cells.
    """

    def __init__(
        self,
        point: NDArray[np.int64],
        common_share: float,
        row: NDArray[np.int64],
        column: NDArray[np.int64],
        amplitude: NDArray[np.float64],
    ) -> None:
        super().__init__(point, common_share)
        self.row = row
        self.column = column
        self.amplitude = amplitude

    def local(self, key: np.uint64, first_word: int) -> NDArray[np.float64]:
        """Return L, (n_point, 512) float64, of one word group."""
        values = np.empty((self.row.size, SAMPLES))
        shape = self.amplitude.shape
        plane = np.empty((2 * (-(-self.amplitude.size // 2)), 2))
        for pair in range(SAMPLES // 2):
            sample_plane(key, 32 * first_word + pair, plane)
            noise = plane[: self.amplitude.size].view(np.complex128).reshape(shape)
            # The real and the imaginary part are two independent fields.
            field = fft.fft2(self.amplitude * noise)[self.row, self.column]
            values[:, 2 * pair] = field.real
            values[:, 2 * pair + 1] = field.imag
        return values


def correlate_points(
    xy: ArrayLike, identity: NDArray[np.uint64], *, length: float, common_share: float = 0.0
) -> PointDraws:
    """Return draws for assets at their own places, by a Cholesky factor.

    Parameters
    ----------
    xy : (n, 2) float64, m
        Places in a metric CRS.
    identity : (n,) uint64
        From ``resilience.network.compile.identity``. Assets of one identity (a failure group) share their number
        and stand in the middle of their places; so do assets at the very same place, under the smallest identity.
    length : float, m
        Distance over which the local correlation falls to 1 / e.
    common_share : float
        g in [0, 1]: correlation of assets infinitely far apart.

    Raises
    ------
    ConfigurationError
        A length that is not above zero, a share outside [0, 1], or more than :data:`MAX_POINTS` places.
    DataError
        Places that are not finite, or as many identities as places not given.

    Notes
    -----
    Correlation of Z between assets at distance h: g + (1 - g) exp(-h / length). The order of assets changes nothing;
    with another set of places each asset draws anew (on a grid, :func:`correlate_cells`, it does not).

    Examples
    --------
    >>> from resilience.draws import CORRELATION, stream_key
    >>> xy, identity = [(0.0, 0.0), (50.0, 0.0), (90_000.0, 0.0)], np.arange(3, dtype=np.uint64)
    >>> draws = correlate_points(xy, identity, length=5_000.0)
    >>> uniform = draws.uniforms(stream_key(1, CORRELATION, "river"))
    >>> np.corrcoef(uniform).round(1).tolist()[0][:2]
    [1.0, 1.0]
    """
    _check_parameters(length, common_share).raise_if_any(ConfigurationError)
    places = _places(xy)
    if identity.shape != (len(places),):
        raise DataError(Problem("identity", f"one for each of {len(places):,} places", f"shape {identity.shape}"))
    names, of_asset = np.unique(identity, return_inverse=True)
    members = np.bincount(of_asset, minlength=names.size)
    # Whole centimetres: a mean of equal places is the place, in any order of its members.
    centimetres = np.rint(places * 100.0)
    middle = np.stack([np.bincount(of_asset, centimetres[:, k], names.size) / members for k in range(2)], axis=1)
    # `names` ascend: the first of equal places has the smallest identity.
    _, first, of_name = np.unique(middle, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    first = np.sort(first)
    if first.size > MAX_POINTS:
        raise ConfigurationError(
            Problem("correlated places", f"at most {MAX_POINTS:,} (use a grid)", f"{first.size:,}")
        )
    at = middle[first] / 100.0
    apart = np.hypot(at[:, np.newaxis, 0] - at[:, 0], at[:, np.newaxis, 1] - at[:, 1])
    factor = np.linalg.cholesky(np.exp(-apart / length)) if first.size else np.empty((0, 0))
    point = rank[of_name.reshape(-1)][of_asset].astype(np.int64)
    return PointDraws(point, float(common_share), names[first], np.ascontiguousarray(factor))


def correlate_cells(xy: ArrayLike, grid: Grid, *, length: float, common_share: float = 0.0) -> GridDraws:
    """Return draws for assets by the cells of a grid they stand in, by circulant embedding.

    Parameters
    ----------
    xy : (n, 2) float64, m
        Places in the grid's CRS. Assets of one cell share their number.
    grid : Grid
        In a metric CRS. Cells well below `length` are fine enough: a tenth of it is one.
    length, common_share
        As in :func:`correlate_points`.

    Raises
    ------
    ConfigurationError
        A length that is not above zero or too long for the grid, a share outside [0, 1], a geographic CRS, too many
        cells.
    DataError
        Places that are not finite or not on the grid.

    Notes
    -----
    Dietrich and Newsam (1997), doi 10.1137/S1064827592240555. The grid is embedded in a torus, enlarged until all
    eigenvalues of the torus are >= 0, so the correlation between cell centres is exact. A place's numbers depend on the
    grid, the length and the key, not on which other assets there are. Cost per group of 512 samples: 256 FFTs of the
    torus; 2.7 s for one of 400 by 400 cells.

    Examples
    --------
    >>> from affine import Affine
    >>> from pyproj import CRS
    >>> from resilience.draws import CORRELATION, stream_key
    >>> grid = Grid(CRS.from_epsg(5179), Affine(500, 0, 0, 0, -500, 8_000), height=16, width=16)
    >>> draws = correlate_cells([(100.0, 100.0), (600.0, 100.0)], grid, length=2_000.0)
    >>> draws.uniforms(stream_key(1, CORRELATION, "river")).shape
    (2, 512)
    """
    problems = _check_parameters(length, common_share)
    if grid.crs.is_geographic:
        problems.add("grid", wanted="a CRS in metres", got="one in degrees")
    problems.raise_if_any(ConfigurationError)
    places = _places(xy)
    columns, rows = (np.floor(cells).astype(np.int64) for cells in grid.to_cells(places[:, 0], places[:, 1]))
    outside = (columns < 0) | (columns >= grid.width) | (rows < 0) | (rows >= grid.height)
    if outside.any():
        shown = tuple(f"({x:g}, {y:g})" for x, y in places[outside][:3].tolist())
        raise DataError(Problem("xy", "places on the grid", "places outside", int(outside.sum()), len(places), shown))
    cells, point = np.unique(rows * grid.width + columns, return_inverse=True)
    amplitude = _embedded(grid, length)
    return GridDraws(
        point.reshape(-1).astype(np.int64), float(common_share), cells // grid.width, cells % grid.width, amplitude
    )


def _embedded(grid: Grid, length: float) -> NDArray[np.float64]:
    """Return the amplitudes of the smallest torus whose eigenvalues are not negative."""
    steps = abs(grid.transform.e), abs(grid.transform.a)
    sides = 2 * grid.height, 2 * grid.width
    while True:
        shape = tuple(fft.next_fast_len(max(side, 2)) for side in sides)
        if shape[0] * shape[1] > _MAX_CELLS:
            break
        lags = [np.minimum(np.arange(n), n - np.arange(n)) * step for n, step in zip(shape, steps, strict=True)]
        correlation = np.exp(-np.hypot(lags[0][:, np.newaxis], lags[1]) / length)
        eigenvalue = fft.fft2(correlation).real
        if eigenvalue.min() >= -_ROUNDING * eigenvalue.max():
            return np.asarray(np.sqrt(np.maximum(eigenvalue, 0.0) / eigenvalue.size))
        # The side that is shorter, in m, is what the correlation does not fade along.
        shorter = 0 if shape[0] * steps[0] <= shape[1] * steps[1] else 1
        sides = tuple(2 * n if k == shorter else n for k, n in enumerate(shape))
    raise ConfigurationError(
        Problem(
            "correlated grid",
            wanted=f"a torus of at most {_MAX_CELLS:,} cells: larger cells, a shorter length, or points instead",
            got=f"{grid.height:,} x {grid.width:,} cells of {steps[1]:g} m for a length of {length:g} m",
        )
    )


def _check_parameters(length: float, common_share: float) -> Problems:
    problems = Problems()
    if not (np.isfinite(length) and length > 0.0):
        problems.add("length", wanted="metres above zero", got=f"{length:g}")
    if not 0.0 <= common_share <= 1.0:
        problems.add("common_share", wanted="a number in [0, 1]", got=f"{common_share:g}")
    return problems


def _places(xy: ArrayLike) -> NDArray[np.float64]:
    places = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    wrong = ~np.isfinite(places).all(axis=1)
    if wrong.any():
        first = tuple(f"row {row}" for row in np.flatnonzero(wrong)[:3].tolist())
        raise DataError(Problem("xy", "finite metres", "places that are not", int(wrong.sum()), len(places), first))
    return places

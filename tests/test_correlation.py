"""Correlated fragility: pair failures, correlation by distance, what it leaves alone and what it changes."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS
from scipy import fft
from scipy.special import ndtri

from resilience import correlation
from resilience.copulas import Copula
from resilience.correlation import MAX_POINTS, correlate_cells, correlate_points
from resilience.draws import CORRELATION, stream_key
from resilience.errors import ConfigurationError, DataError
from resilience.grid import Grid
from resilience.kernels.fragility import quantise_probability

KEY = stream_key(5, CORRELATION, "river")
LENGTH = 5_000.0
METRIC = CRS.from_epsg(5179)


def identities(n: int) -> np.ndarray:
    return np.random.default_rng(99).integers(1, 2**63, n).astype(np.uint64)


def normals(draws, groups: int) -> np.ndarray:
    """Return Z, (n, 512 groups)."""
    uniform = np.concatenate([draws.uniforms(KEY, first_word=8 * group) for group in range(groups)], axis=1)
    return ndtri((uniform + 0.5) / 2.0**32)


def pairs(rho: float, n: int) -> np.ndarray:
    """Return 2 n places: pairs whose members correlate by rho, and no pair with another."""
    x = np.arange(n) * 1e7
    return np.stack([np.concatenate([x, x - LENGTH * math.log(rho)]), np.zeros(2 * n)], axis=1)


def grid(height: int = 12, width: int = 16, cell: float = 500.0) -> Grid:
    return Grid(METRIC, Affine(cell, 0, 1_000_000.0, 0, -cell, 2_000_000.0), height=height, width=width)


def centres(one: Grid) -> np.ndarray:
    x, y = np.meshgrid(one.x, one.y)
    return np.stack([x.ravel(), y.ravel()], axis=1)


@pytest.mark.parametrize(("p", "rho", "both"), [(0.1, 0.5, 0.032402), (0.5, 0.5, 1 / 3), (0.5, 0.2, 0.282047)])
def test_pair_failures_of_near_assets(p: float, rho: float, both: float) -> None:
    if p == 0.5:
        assert both == pytest.approx(0.25 + math.asin(rho) / (2.0 * math.pi), abs=5e-7)
    n, groups = 150, 3
    draws = correlate_points(pairs(rho, n), identities(2 * n), length=LENGTH)
    uniform = np.concatenate([draws.uniforms(KEY, first_word=8 * group) for group in range(groups)], axis=1)
    fails = uniform < p * 2.0**32
    count = n * 512 * groups
    assert fails.mean() == pytest.approx(p, abs=4.0 * math.sqrt(p * (1 - p) / count))
    assert (fails[:n] & fails[n:]).mean() == pytest.approx(both, abs=4.0 * math.sqrt(both * (1 - both) / count))
    apart = (fails[: n - 1] & fails[1:n]).mean()
    assert apart == pytest.approx(p * p, abs=8.0 * p / math.sqrt(count))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_pair_failures_of_what_all_have_in_common(share: float) -> None:
    draws = correlate_points(pairs(1e-9, 1), identities(2), length=LENGTH, common_share=share)
    groups = 40
    fails = np.concatenate([draws.uniforms(KEY, first_word=8 * group) for group in range(groups)], axis=1) < 0.1 * 2**32
    both = 0.1 if share == 1.0 else float(Copula("gaussian", share).cdf(0.1, 0.1))
    assert (fails[0] & fails[1]).mean() == pytest.approx(both, abs=4.0 * math.sqrt(both * (1 - both) / (512 * groups)))


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("way", ["points", "cells"])
def test_correlation_falls_with_distance(share: float, way: str) -> None:
    places = centres(grid())
    if way == "points":
        draws = correlate_points(places, identities(len(places)), length=2_000.0, common_share=share)
    else:
        draws = correlate_cells(places, grid(), length=2_000.0, common_share=share)
    z = normals(draws, 4)
    apart = np.hypot(*(places[:, np.newaxis] - places).transpose(2, 0, 1))
    wanted = share + (1.0 - share) * np.exp(-apart / 2_000.0)
    off = z @ z.T / z.shape[1] - wanted
    # What all have in common moves all pairs together: 2,048 samples of it.
    assert abs(off.mean()) < 4.0 * max(wanted.mean(), 0.1) * math.sqrt(2.0 / 2048)
    assert np.abs(off).max() < 6.0 * math.sqrt(2.0 / 2048)


@pytest.mark.parametrize("length", [200.0, 2_000.0, 10_000.0])
def test_correlation_of_cells_is_exact(length: float) -> None:
    one = grid()
    draws = correlate_cells(centres(one), one, length=length)
    got = fft.fft2(draws.amplitude**2).real[: one.height, : one.width]
    rows, columns = np.mgrid[: one.height, : one.width] * 500.0
    assert got == pytest.approx(np.exp(-np.hypot(rows, columns) / length), abs=1e-8)


def test_numbers_belong_to_asset_and_sample() -> None:
    rng = np.random.default_rng(0)
    places, names = rng.uniform(0.0, 20_000.0, (60, 2)), identities(60)
    draws = correlate_points(places, names, length=LENGTH, common_share=0.2)
    order = rng.permutation(60)
    turned = correlate_points(places[order], names[order], length=LENGTH, common_share=0.2)
    for first_word in (0, 8, 800):
        np.testing.assert_array_equal(
            draws.uniforms(KEY, first_word=first_word)[order], turned.uniforms(KEY, first_word=first_word)
        )
    assert not np.any(draws.uniforms(KEY) == draws.uniforms(KEY, first_word=8))
    assert not np.any(draws.uniforms(KEY) == draws.uniforms(stream_key(6, CORRELATION, "river")))


@pytest.mark.parametrize(("room", "times"), [(0, 6), (2**26, 2)], ids=["the last", "all"])
def test_a_field_is_found_once_while_there_is_room_for_it(
    monkeypatch: pytest.MonkeyPatch, room: int, times: int
) -> None:
    monkeypatch.setattr(correlation, "KEPT_BYTES", room)
    draws = correlate_points(np.array([(0.0, 0.0), (9.0, 0.0)]), identities(2), length=LENGTH)
    found = []
    local = draws.local
    monkeypatch.setattr(draws, "local", lambda key, word: found.append(key) or local(key, word))
    keys = [stream_key(5, CORRELATION, family) for family in ("river", "rain")] * 3
    asked = [draws.uniforms(key) for key in keys]
    assert len(found) == times
    for key, uniform in zip(keys, asked, strict=True):
        fresh = correlate_points(np.array([(0.0, 0.0), (9.0, 0.0)]), identities(2), length=LENGTH)
        np.testing.assert_array_equal(uniform, fresh.uniforms(key))


def test_on_a_grid_other_assets_change_nothing() -> None:
    rng = np.random.default_rng(0)
    one = grid()
    places = np.stack([rng.uniform(*one.bounds[::2], 50), rng.uniform(*one.bounds[1::2], 50)], axis=1)
    whole = correlate_cells(places, one, length=LENGTH, common_share=0.2).uniforms(KEY, first_word=16)
    few = correlate_cells(places[[40, 3]], one, length=LENGTH, common_share=0.2).uniforms(KEY, first_word=16)
    np.testing.assert_array_equal(whole[[40, 3]], few)


def test_one_group_and_one_place_share_one_number() -> None:
    places = [(0.0, 0.0), (100.0, 0.0), (50.0, 0.0), (900.0, 0.0), (900.0, 0.0)]
    names = np.array([7, 7, 9, 4, 3], np.uint64)
    draws = correlate_points(places, names, length=LENGTH)
    uniform = draws.uniforms(KEY)
    # The group 7 stands at 50 m, where 9 stands too.
    np.testing.assert_array_equal(uniform[[1, 2]], uniform[[0, 0]])
    np.testing.assert_array_equal(uniform[3], uniform[4])
    assert not np.array_equal(uniform[0], uniform[3])
    assert draws.identity.tolist() == [3, 7]


def test_failures_are_nested_and_certain_ones_certain() -> None:
    draws = correlate_points(np.random.default_rng(0).uniform(0, 1e4, (20, 2)), identities(20), length=LENGTH)
    bits = []
    for probability in (0.0, 0.1, 0.4, 1.0):
        threshold = np.empty(20, np.uint32)
        quantise_probability(np.full(20, probability), threshold)
        bits.append(np.unpackbits(draws.failures(KEY, threshold).view(np.uint8), axis=1, bitorder="little"))
    assert not bits[0].any()
    assert bits[3].all()
    assert not np.any(bits[1] & ~bits[2])
    wanted = draws.uniforms(KEY) < np.round(0.4 * 2.0**32)
    np.testing.assert_array_equal(bits[2], wanted)


@pytest.mark.parametrize("way", ["points", "cells"])
def test_correlation_leaves_expected_damage_fattens_its_tail_and_destroys_redundancy(way: str) -> None:
    one = grid(10, 10, 1_000.0)
    places, p, groups = centres(one), 0.1, 16
    totals, doubled = {}, {}
    for length in (1.0, 8_000.0):
        if way == "points":
            draws = correlate_points(places, identities(100), length=length)
        else:
            draws = correlate_cells(places, one, length=length)
        fails = np.concatenate([draws.uniforms(KEY, first_word=8 * g) for g in range(groups)], axis=1) < p * 2.0**32
        totals[length] = fails.sum(axis=0)
        doubled[length] = float((fails[:-1] & fails[1:]).mean())
    alone, together = totals[1.0], totals[8_000.0]
    for total in totals.values():
        assert total.mean() == pytest.approx(10.0, abs=4.0 * total.std() / math.sqrt(total.size))
    assert alone.std() == pytest.approx(3.0, rel=0.1)
    assert together.std() > 3.0 * alone.std()
    assert np.quantile(together, 0.99) > 2.0 * np.quantile(alone, 0.99)
    assert doubled[1.0] == pytest.approx(p * p, abs=0.001)
    assert doubled[8_000.0] > 5.0 * doubled[1.0]


def test_no_assets_at_all() -> None:
    nothing = np.empty(0, np.uint64)
    for draws in (
        correlate_points(np.empty((0, 2)), nothing, length=1.0),
        correlate_cells(np.empty((0, 2)), grid(), length=100.0),
    ):
        assert draws.uniforms(KEY).shape == (0, 512)
        assert draws.failures(KEY, np.empty(0, np.uint32)).shape == (0, 8)


def test_what_is_refused() -> None:
    places, names = [(1_000_100.0, 1_999_900.0)], identities(1)
    with pytest.raises(ConfigurationError, match=r"(?s)length: 0.*common_share: 1.5"):
        correlate_points(places, names, length=0.0, common_share=1.5)
    degrees = Grid(CRS.from_epsg(4326), Affine(0.01, 0, 126, 0, -0.01, 38), height=3, width=3)
    with pytest.raises(ConfigurationError, match=r"(?s)length: nan.*common_share: -1.*grid: one in degrees"):
        correlate_cells(places, degrees, length=float("nan"), common_share=-1.0)
    with pytest.raises(DataError, match=r"1 of 2 places that are not \(first: row 1\)"):
        correlate_points([(0.0, 0.0), (np.nan, 0.0)], identities(2), length=1.0)
    with pytest.raises(DataError, match="identity: shape"):
        correlate_points(places, identities(2), length=1.0)
    with pytest.raises(DataError, match=r"1 of 1 places outside \(first: \(0, 0\)\)"):
        correlate_cells([(0.0, 0.0)], grid(), length=1.0)
    with pytest.raises(ConfigurationError, match="larger cells, a shorter length, or points"):
        correlate_cells(places, grid(), length=1e7)
    many = np.stack([np.arange(MAX_POINTS + 1.0), np.zeros(MAX_POINTS + 1)], axis=1)
    with pytest.raises(ConfigurationError, match="at most 5,000"):
        correlate_points(many, np.arange(MAX_POINTS + 1, dtype=np.uint64), length=1.0)
    draws = correlate_points(places, names, length=1.0)
    with pytest.raises(ConfigurationError, match="first_word: 3"):
        draws.uniforms(KEY, first_word=3)
    with pytest.raises(ConfigurationError, match="threshold: shape"):
        draws.failures(KEY, np.zeros(2, np.uint32))


def test_numbers_are_the_same_in_another_process() -> None:
    draws = correlate_points(np.random.default_rng(0).uniform(0, 1e4, (20, 2)), identities(20), length=LENGTH)
    key = stream_key(1, CORRELATION, "flood")
    here = draws.uniforms(key)
    there = pickle.loads(pickle.dumps(draws))
    np.testing.assert_array_equal(there.uniforms(key), here)
    np.testing.assert_array_equal(there.uniforms(key), here)

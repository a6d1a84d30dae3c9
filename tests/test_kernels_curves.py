"""The curve kernels against NumPy, SciPy and what a curve must obey."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import lognorm

from resilience.kernels.curves import evaluate_curves, interpolate_curve, lognormal_probability


@st.composite
def curves(draw):
    """One monotone curve: strictly increasing x, never decreasing y in [0, 1]."""
    n = draw(st.integers(2, 12))
    steps = draw(st.lists(st.floats(1e-3, 5.0), min_size=n, max_size=n))
    x = np.cumsum(steps) + draw(st.floats(-10.0, 10.0))
    y = np.sort(draw(st.lists(st.floats(0.0, 1.0), min_size=n, max_size=n)))
    return x, y


@given(curves(), st.lists(st.floats(-30.0, 90.0), min_size=1, max_size=20))
@settings(deadline=None)
def test_interpolation_is_numpys(curve, intensities):
    x, y = curve
    got = [interpolate_curve(value, 0, x.size, x, y) for value in intensities]
    assert got == pytest.approx(np.interp(intensities, x, y), abs=1e-12)


@given(curves(), st.lists(st.floats(-30.0, 90.0), min_size=2, max_size=30))
@settings(deadline=None)
def test_interpolation_never_decreases_and_stays_within_the_curve(curve, intensities):
    x, y = curve
    got = [interpolate_curve(value, 0, x.size, x, y) for value in sorted([*intensities, *x])]
    assert np.all(np.diff(got) >= 0.0)
    assert min(got) >= y[0]
    assert max(got) <= y[-1]


def test_points_are_hit_exactly_outside_is_clamped_and_nan_stays_nan():
    x = np.array([9.0, 0.0, 10.0, 20.0, 30.0])
    y = np.array([9.0, 0.0, 0.1, 0.2, 1.0])
    for value, wanted in [(5, 0.05), (15, 0.15), (25, 0.6), (-5, 0.0), (35, 1.0), (0, 0.0), (10, 0.1), (30, 1.0)]:
        assert interpolate_curve(float(value), 1, 5, x, y) == pytest.approx(wanted, abs=1e-15)
    assert math.isnan(interpolate_curve(math.nan, 1, 5, x, y))


@given(st.floats(1e-3, 50.0), st.floats(0.01, 60.0), st.floats(0.01, 3.0))
@settings(deadline=None)
def test_lognormal_is_scipys(intensity, theta, beta):
    assert lognormal_probability(intensity, theta, beta) == pytest.approx(
        lognorm.cdf(intensity, beta, scale=theta), abs=1e-13, rel=1e-9
    )


def test_lognormal_is_zero_where_there_is_no_intensity():
    assert lognormal_probability(0.0, 1.0, 0.4) == 0.0
    assert lognormal_probability(-2.0, 1.0, 0.4) == 0.0
    assert math.isnan(lognormal_probability(math.nan, 1.0, 0.4))


def test_tables_of_curves_equal_one_curve_at_a_time():
    rng = np.random.default_rng(3)
    sizes = np.array([4, 0, 2, 7])
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    x = np.concatenate([np.sort(rng.random(n)) * 3 for n in sizes])
    y = np.concatenate([np.sort(rng.random(n)) for n in sizes])
    theta = np.array([np.nan, 1.1, np.nan, np.nan])
    beta = np.array([np.nan, 0.4, np.nan, np.nan])
    intensity = rng.normal(1.0, 1.5, (5, 40))
    intensity[1, ::7] = np.nan
    index = rng.integers(-1, 4, 40).astype(np.int32)

    def naive(value, k):
        if k < 0:
            return 0.0
        if k == 1:
            return np.nan if np.isnan(value) else lognorm.cdf(value, 0.4, scale=1.1)
        part = slice(indptr[k], indptr[k + 1])
        return np.interp(value, x[part], y[part])

    wanted = np.array([[naive(value, k) for value, k in zip(row, index, strict=True)] for row in intensity])
    out = np.empty_like(intensity)
    evaluate_curves(intensity, index, indptr, x, y, theta, beta, out)
    np.testing.assert_allclose(out, wanted, atol=1e-13)

    index[index == 1] = -1
    evaluate_curves(intensity, index, indptr, x, y, theta, beta, out)
    np.testing.assert_allclose(out, np.where(index >= 0, wanted, 0.0), atol=1e-13)

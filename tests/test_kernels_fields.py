"""Normal numbers, copula inversions and field mixing against SciPy, against dense algebra and against one another."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from resilience.kernels.compiler import INTERPRETED
from resilience.kernels.copulas import invert_gaussian, invert_gumbel
from resilience.kernels.fields import combine_fields, compare_limits, compare_uniforms, mix_normals, sample_plane
from resilience.kernels.fragility import CERTAIN, sample_failures, sample_uniforms
from resilience.kernels.normals import middle_of, normal_probability, normal_quantile, sample_normals

KEY = np.uint64(0x1234_5678_9ABC_DEF0)
IDENTITIES = np.arange(2 if INTERPRETED else 40, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15 >> 8)


def test_quantile_is_the_inverse_of_the_distribution() -> None:
    p = np.concatenate([np.logspace(-300, -1, 300), np.linspace(0.01, 0.99, 197), 1.0 - np.logspace(-15, -1, 100)])
    z = np.array([normal_quantile(value) for value in p])
    np.testing.assert_allclose(z, ndtri(p), rtol=2e-15, atol=1e-16)
    np.testing.assert_allclose([normal_probability(value) for value in z], ndtr(z), rtol=1e-13)


def test_ends_of_the_32_bit_scale_are_finite() -> None:
    assert middle_of(np.uint32(0)) == 2.0**-33
    assert middle_of(np.uint32(2**32 - 1)) == 1.0 - 2.0**-33


def test_normal_numbers_are_the_quantiles_of_the_uniform_ones() -> None:
    uniform, normal = np.empty((IDENTITIES.size, 512), np.uint32), np.empty((IDENTITIES.size, 512))
    sample_uniforms(KEY, IDENTITIES, 16, uniform)
    sample_normals(KEY, IDENTITIES, 16, normal)
    np.testing.assert_allclose(normal, ndtri((uniform + 0.5) / 2.0**32), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("n", [1, 3, 4, 11])
def test_mixing_is_a_product(n: int) -> None:
    rng = np.random.default_rng(n)
    factor, noise = rng.standard_normal((n, n)), rng.standard_normal((n, 512))
    mixed = np.full((n, 512), np.nan)
    mix_normals(factor, noise, mixed)
    np.testing.assert_allclose(mixed, np.tril(factor) @ noise, rtol=1e-12, atol=1e-12)


def test_noise_of_a_grid_is_normal_and_each_number_new() -> None:
    planes = [np.empty((20 if INTERPRETED else 2000, 2)) for _ in range(2)]
    for pair, plane in enumerate(planes):
        sample_plane(KEY, pair, plane)
    drawn = np.concatenate([plane.ravel() for plane in planes])
    assert np.unique(drawn).size == drawn.size
    assert abs(drawn.mean()) < 4.0 / np.sqrt(drawn.size)
    assert abs(drawn.var() - 1.0) < 4.0 * np.sqrt(2.0 / drawn.size)
    shorter = np.empty((10, 2))
    sample_plane(KEY, 1, shorter)
    np.testing.assert_array_equal(shorter, planes[1][:10])


def test_comparing_numbers_gives_the_bits_that_planes_give() -> None:
    rng = np.random.default_rng(0)
    threshold = rng.integers(0, 2**32, IDENTITIES.size).astype(np.uint32)
    threshold[:2] = 0, CERTAIN
    uniform, failed, wanted = (
        np.empty((IDENTITIES.size, 512), np.uint32),
        np.empty((IDENTITIES.size, 8), np.uint64),
        np.empty((IDENTITIES.size, 8), np.uint64),
    )
    sample_uniforms(KEY, IDENTITIES, 8, uniform)
    uniform[1, 0] = CERTAIN
    compare_uniforms(uniform, threshold, failed)
    sample_failures(KEY, IDENTITIES, threshold, 8, wanted)
    np.testing.assert_array_equal(failed, wanted)


def test_limits_of_every_sample_are_compared_one_by_one(unpack) -> None:
    rng = np.random.default_rng(0)
    uniform, limit = rng.integers(0, 2**32, (2, 5, 512), dtype=np.uint64).astype(np.uint32)
    limit[0], limit[1] = 0, CERTAIN
    limit[2] = uniform[2]
    uniform[:, 0], limit[3, 1] = CERTAIN, CERTAIN
    failed = np.empty((5, 8), np.uint64)
    compare_limits(uniform, limit, failed)
    wanted = (uniform < limit) | (limit == CERTAIN)
    np.testing.assert_array_equal(unpack(failed), wanted)
    assert (wanted[0].any(), wanted[1].all(), wanted[2].any()) == (False, True, False)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_combined_fields_are_uniform_numbers(share: float) -> None:
    rng = np.random.default_rng(0)
    common, local = rng.standard_normal(512), rng.standard_normal((2, 512))
    common[:2], local[:, :2] = (40.0, -40.0), (40.0, -40.0)
    uniform = np.empty((3, 512), np.uint32)
    combine_fields(common, local, np.array([1, 0, 1]), share, uniform)
    z = np.sqrt(share) * common + np.sqrt(1.0 - share) * local[[1, 0, 1]]
    np.testing.assert_allclose(uniform / 2.0**32, ndtr(z), atol=3e-10)
    assert uniform[0, :2].tolist() == [2**32 - 1, 0]


@pytest.mark.parametrize("theta", [1.0, 1.2, 2.0, 8.0, 60.0])
def test_gumbel_inverts_its_conditional_distribution(theta: float) -> None:
    rng = np.random.default_rng(0)
    u, w = rng.uniform(1e-9, 1.0 - 1e-9, (2, 100))
    u[:4], w[:4] = [1e-9, 1.0 - 1e-9, 1e-9, 1.0 - 1e-9], [1e-9, 1.0 - 1e-9, 1.0 - 1e-9, 1e-9]
    v = np.empty(100)
    invert_gumbel(u, w, theta, v)
    assert np.all((v > 0.0) & (v < 1.0))
    x, y = -np.log(u), -np.log(v)
    s = np.maximum(x, y) * (1.0 + (np.minimum(x, y) / np.maximum(x, y)) ** theta) ** (1.0 / theta)
    # dC/du = C s**(1 - theta) x**(theta - 1) / u
    got = np.exp(-s + x) * (x / s) ** (theta - 1.0)
    np.testing.assert_allclose(got[4:], w[4:], rtol=1e-8, atol=1e-10)
    if theta == 1.0:
        np.testing.assert_allclose(v, w, rtol=1e-12)
    more = np.empty(100)
    invert_gumbel(u, np.minimum(w * 1.01, 1.0 - 1e-12), theta, more)
    assert np.all(more >= v)


@pytest.mark.parametrize("rho", [-0.9, 0.0, 0.6])
def test_gaussian_inverts_its_conditional_distribution(rho: float) -> None:
    u, w = np.random.default_rng(0).uniform(0.0, 1.0, (2, 100))
    v = np.empty(100)
    invert_gaussian(u, w, rho, v)
    np.testing.assert_allclose(ndtr((ndtri(v) - rho * ndtri(u)) / np.sqrt(1.0 - rho**2)), w, rtol=1e-10)

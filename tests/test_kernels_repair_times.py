"""Repair times and jobs: against SciPy's quantiles, and against the U that the sampler defines."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtri

from resilience.draws import BUFFER, FRAGILITY, REPAIR, stream_key
from resilience.kernels.fragility import quantise_probability, sample_failures, sample_uniforms
from resilience.kernels.repair_jobs import count_jobs, list_jobs, note_repairs
from resilience.kernels.repair_laws import EXPONENTIAL, FIXED, LOGNORMAL, LONGEST_HOURS, NORMAL, UNIFORM
from resilience.kernels.repair_times import draw_repair_times, evaluate_repair_quantiles, normal_quantile
from tests.bits import lanes

LAWS = {
    "fixed": (FIXED, 7.5, 0.0, stats.uniform(7.5, 0.0)),
    "uniform": (UNIFORM, 30.0, 210.0, stats.uniform(30.0, 180.0)),
    "exponential": (EXPONENTIAL, 12.0, 0.0, stats.expon(scale=12.0)),
    "lognormal": (LOGNORMAL, 72.0, 0.7, stats.lognorm(0.7, scale=72.0)),
    "normal": (NORMAL, 3.0, 1.5, stats.truncnorm(-2.0, np.inf, 3.0, 1.5)),
    "normal, much cut": (NORMAL, 40.0, 40.0, stats.truncnorm(-1.0, np.inf, 40.0, 40.0)),
    "normal, never cut": (NORMAL, 90.0, 1.0, stats.norm(90.0, 1.0)),
}
P = np.concatenate([[0.5 / 2**32, 1e-9, 1e-6], np.linspace(0.001, 0.999, 99), [1 - 1e-6, 1 - 0.5 / 2**32]])


def quantiles(kind, first, second, p):
    hours = np.empty(p.size)
    evaluate_repair_quantiles(kind, first, second, p, hours)
    return hours


def draw(kind, first, second, uniform):
    duration = np.empty(uniform.size, np.int64)
    table = np.array([kind], np.int32), np.array([first]), np.array([second])
    draw_repair_times(np.zeros(uniform.size, np.int32), *table, uniform, duration)
    return duration


def test_normal_quantile_is_that_of_scipy():
    p = np.concatenate([P, [0.075, 0.925, 1e-300, 1e-16, np.exp(-25.0), 0.5]])
    np.testing.assert_allclose([normal_quantile(x) for x in p], ndtri(p), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", LAWS)
def test_quantiles_are_those_of_scipy(name):
    kind, first, second, law = LAWS[name]
    wanted = np.full(P.size, 7.5) if kind == FIXED else law.ppf(P)
    np.testing.assert_allclose(quantiles(kind, first, second, P), wanted, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", LAWS)
@given(low=st.integers(0, 2**32 - 1), step=st.sampled_from([1, 2, 1000, 2**20, 2**31]))
def test_a_larger_u_never_gives_a_shorter_time(name, low, step):
    kind, first, second, _ = LAWS[name]
    pair = np.array([low, min(low + step, 2**32 - 1)], np.uint32)
    duration = draw(kind, first, second, pair)
    assert 0 <= duration[0] <= duration[1] <= LONGEST_HOURS * 3600


def test_times_are_whole_seconds_of_the_quantile_at_the_middle_of_u():
    uniform = np.array([0, 2**31, 2**32 - 1], np.uint32)
    hours = quantiles(LOGNORMAL, 72.0, 0.7, (uniform + 0.5) / 2**32)
    assert draw(LOGNORMAL, 72.0, 0.7, uniform).tolist() == np.rint(hours * 3600).tolist()
    assert draw(LOGNORMAL, 1e7, 3.0, uniform)[2] == LONGEST_HOURS * 3600


@pytest.mark.parametrize("name", [name for name in LAWS if name != "fixed"])
def test_drawn_times_follow_the_law(name):
    kind, first, second, law = LAWS[name]
    uniform = np.empty((8, 512), np.uint32)
    sample_uniforms(stream_key(3, REPAIR, "river"), np.arange(8, dtype=np.uint64), 0, uniform)
    hours = draw(kind, first, second, uniform.reshape(-1)) / 3600
    assert stats.kstest(hours, law.cdf).pvalue > 0.001


@pytest.mark.parametrize("first_word", [0, 8, 2**32 - 8])
def test_jobs_are_the_damaged_assets_with_the_u_of_the_sampler(first_word):
    key, n = stream_key(5, REPAIR, "river"), 6
    identity = np.random.default_rng(1).integers(0, 2**64, n, dtype=np.uint64)
    damaged = np.empty((3, n, 8), np.uint64)
    for state, p in enumerate(([0, 1, 0.5, 0.3, 0.01, 0.9], [0, 0.5, 0.4, 0.3, 0, 0.1], [0, 0.1, 0, 0.3, 0, 0.02])):
        threshold = np.empty(n, np.uint32)
        quantise_probability(np.array(p, dtype=np.float64), threshold)
        sample_failures(stream_key(5, FRAGILITY, "river"), identity, threshold, first_word, damaged[state])
    indptr = np.empty(513, np.int64)
    count_jobs(damaged[0], indptr)
    n_job = indptr[-1]
    asset, state, uniform = np.empty(n_job, np.int32), np.empty(n_job, np.int32), np.empty(n_job, np.uint32)
    list_jobs(key, identity, first_word, damaged, indptr, asset, state, uniform)
    table = np.empty((n, 512), np.uint32)
    sample_uniforms(key, identity, first_word, table)
    bits = lanes(damaged)
    wanted = [
        (i, int(bits[:, i, s].sum()), int(table[i, s]))
        for s, i in itertools.product(range(512), range(n))
        if bits[0, i, s]
    ]
    assert list(zip(asset.tolist(), state.tolist(), uniform.tolist(), strict=True)) == wanted
    assert np.diff(indptr).tolist() == bits[0].sum(axis=0).tolist()


def test_repair_has_a_stream_of_its_own():
    keys = {int(stream_key(1, purpose, "river")) for purpose in (FRAGILITY, BUFFER, REPAIR)}
    assert len(keys) == 3


def test_minutes_of_repairs_round_up_and_keep_what_has_no_job():
    indptr = np.zeros(513, np.int64)
    indptr[1:4], indptr[4:] = [2, 2, 4], 5
    asset, order = np.array([0, 1, 0, 1, 1], np.int32), np.array([2, 0])
    end = np.array([61, 120, 0, 2**63 - 1, 60 * 2**31], np.int64)
    minute = np.full((3, 512), 7, np.int32)
    note_repairs(indptr, asset, end, order, np.array([0, 0, 1], np.int32), minute)
    never = 2**31 - 1
    np.testing.assert_array_equal(minute[:, :5], [[2, 7, never, never, 7], [7, 7, 7, 7, 7], [2, 7, 1, 7, 7]])
    assert (minute[:, 4:] == 7).all()

"""Copulas of two severities: published and closed-form numbers, laws of every copula, draws against their law."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, multivariate_normal

from resilience.copulas import Copula, draw_severities
from resilience.draws import SEVERITY, stream_key
from resilience.errors import ConfigurationError, DataError

KEY = stream_key(7, SEVERITY, "flood and heat")
ALL = [
    Copula("independent"),
    Copula("gaussian", -0.6),
    Copula("gaussian", 0.3),
    Copula("gaussian", 0.95),
    Copula("gumbel", 1.0),
    Copula("gumbel", 2.0),
    Copula("gumbel", 9.0),
]
NAMES = [f"{one.kind} {one.parameter:g}" for one in ALL]


@pytest.mark.parametrize(
    ("copula", "both", "either"),
    [
        (Copula("independent"), 10_000.0, 50.25),
        (Copula("gumbel", 2.0), 169.86, 70.86),
        (Copula("gaussian", 0.3), 1797.5, 51.43),
        (Copula("gumbel", 1.0), 10_000.0, 50.25),
    ],
)
def test_joint_return_periods_of_two_100_year_severities(copula: Copula, both: float, either: float) -> None:
    got = copula.joint_return_periods(100.0, 100.0)
    assert float(got[0]) == pytest.approx(both, abs=0.005 if both < 1000 else 0.05)
    assert float(got[1]) == pytest.approx(either, abs=0.005)


def test_joint_return_periods_are_those_of_the_distribution() -> None:
    copula = Copula("gumbel", 1.7)
    first, second = np.array([2.0, 20.0]), np.array([50.0, 5.0])
    u, v = 1.0 - 1.0 / first, 1.0 - 1.0 / second
    both, either = copula.joint_return_periods(first, second)
    assert both == pytest.approx(1.0 / (1.0 - u - v + copula.cdf(u, v)))
    assert either == pytest.approx(1.0 / (1.0 - copula.cdf(u, v)))


@pytest.mark.parametrize(("theta", "tail"), [(1.5, 0.4126), (2.0, 0.5858), (3.0, 0.7401), (1.0, 0.0)])
def test_upper_tail_of_gumbel(theta: float, tail: float) -> None:
    copula = Copula("gumbel", theta)
    assert copula.upper_tail == pytest.approx(tail, abs=5e-5)
    both, _ = copula.joint_return_periods(1e5, 1e5)
    assert 1e5 / float(both) == pytest.approx(tail, abs=1e-4)


def test_gaussian_has_no_upper_tail() -> None:
    copula = Copula("gaussian", 0.7)
    share = [t / float(copula.joint_return_periods(t, t)[0]) for t in (1e2, 1e4, 1e8)]
    assert share[0] > share[1] > share[2] > 0.0
    assert copula.upper_tail == 0.0


@pytest.mark.parametrize(("p", "rho", "both"), [(0.1, 0.0, 0.010000), (0.1, 0.5, 0.032402)])
def test_pair_failures(p: float, rho: float, both: float) -> None:
    assert float(Copula("gaussian", rho).cdf(p, p)) == pytest.approx(both, abs=5e-7)


@pytest.mark.parametrize("rho", [-0.99, -0.3, 0.0, 0.2, 0.5, 0.999])
def test_gaussian_in_the_middle(rho: float) -> None:
    wanted = 0.25 + math.asin(rho) / (2.0 * math.pi)
    assert float(Copula("gaussian", rho).cdf(0.5, 0.5)) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("rho", [-0.95, -0.4, 0.2, 0.97])
def test_gaussian_is_that_of_scipy(rho: float) -> None:
    z = np.random.default_rng(1).normal(size=(40, 2))
    z[:3] = [[0.0, 1.0], [0.0, -1.0], [-0.5, 0.0]]
    law = multivariate_normal([0.0, 0.0], [[1.0, rho], [rho, 1.0]])
    u = 0.5 * (1.0 + np.vectorize(math.erf)(z / math.sqrt(2.0)))
    assert Copula("gaussian", rho).cdf(u[:, 0], u[:, 1]) == pytest.approx([law.cdf(row) for row in z], abs=1e-12)


@pytest.mark.parametrize("copula", ALL, ids=NAMES)
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_laws_of_every_copula(copula: Copula, u: float, v: float, more: float) -> None:
    value = float(copula.cdf(u, v))
    assert max(u + v - 1.0, 0.0) - 1e-12 <= value <= min(u, v) + 1e-12
    assert value == pytest.approx(float(copula.cdf(v, u)), abs=1e-12)
    assert [float(copula.cdf(u, w)) for w in (0.0, 1.0)] == [0.0, u]
    assert float(copula.cdf(u, max(v, more))) >= value - 1e-12


@pytest.mark.parametrize("kind", ["gaussian", "gumbel"])
@pytest.mark.parametrize("tau", [0.0, 0.2, 0.4, 0.5])
def test_tau_there_and_back(kind, tau: float) -> None:
    assert Copula.from_tau(kind, tau).tau == pytest.approx(tau, abs=1e-15)
    assert Copula.from_tau("independent", 0.0).tau == 0.0
    if tau == 0.5:
        assert Copula.from_tau("gumbel", tau).parameter == 2.0


@pytest.mark.parametrize("copula", ALL, ids=NAMES)
def test_draws_follow_the_copula(copula: Copula) -> None:
    flood, heat = draw_severities(copula, KEY, n_words=256)
    n = flood.size
    assert n == 16_384
    for margin in (flood, heat):
        assert np.sort(margin) == pytest.approx((np.arange(n) + 0.5) / n, abs=2.0 / math.sqrt(n))
        assert np.all((margin > 0.0) & (margin < 1.0))
    for a, b in ((0.5, 0.5), (0.1, 0.1), (0.9, 0.9), (0.2, 0.7), (0.99, 0.95)):
        wanted = float(copula.cdf(a, b))
        within = 4.0 * math.sqrt(wanted * (1.0 - wanted) / n) + 1e-4
        assert np.mean((flood <= a) & (heat <= b)) == pytest.approx(wanted, abs=within)
    assert kendalltau(flood, heat).statistic == pytest.approx(copula.tau, abs=4.0 * 2.0 / 3.0 / math.sqrt(n))


def test_draws_do_not_depend_on_blocks_and_floods_not_on_the_copula() -> None:
    copula = Copula("gumbel", 3.0)
    whole = draw_severities(copula, KEY, n_words=32)
    parts = [draw_severities(copula, KEY, first_word=first, n_words=n) for first, n in ((0, 8), (8, 16), (24, 8))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    np.testing.assert_array_equal(draw_severities(Copula("independent"), KEY, n_words=32)[0], whole[0])
    assert not np.any(draw_severities(copula, stream_key(8, SEVERITY, "flood and heat"), n_words=8) == whole[:, :512])


def test_what_is_refused() -> None:
    for kind, parameter, said in (
        ("clayton", 1.0, "copula: 'clayton'"),
        ("gaussian", 1.0, "above -1 and below 1"),
        ("gumbel", 0.9, "a number >= 1"),
        ("gumbel", float("nan"), "a number >= 1"),
        ("independent", 0.5, "parameter of the independent copula"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            Copula(kind, parameter)
    for kind, tau in (("gumbel", -0.1), ("gaussian", 1.0), ("independent", 0.2)):
        with pytest.raises(ConfigurationError):
            Copula.from_tau(kind, tau)
    copula = Copula("gumbel", 2.0)
    with pytest.raises(DataError, match=r"u: 2 of 3 others \(first: 1.5, nan\)"):
        copula.cdf([0.5, 1.5, float("nan")], 0.5)
    with pytest.raises(DataError, match="second return period: 1 of 1 others"):
        copula.joint_return_periods(100.0, 1.0)
    with pytest.raises(DataError, match="two rows of one length"):
        copula.second([0.5, 0.6], [0.5])
    with pytest.raises(DataError, match="w: 0 or 1"):
        copula.second([0.5], [1.0])
    for first, n in ((4, 8), (0, 0), (-8, 8), (0, 12)):
        with pytest.raises(ConfigurationError, match="multiples of 8"):
            draw_severities(copula, KEY, first_word=first, n_words=n)

"""Measures of recovery: exact integrals on any grid, meaning of the times, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilience.errors import DataError
from resilience.repair import (
    customer_indices,
    customer_indices_over_time,
    energy_not_served,
    fit_recovery,
    integrate_course,
    person_hours_lost,
    rapidity,
    recovery_time,
    resilience_index,
    resilience_loss,
    robustness,
)

TIME = [0.0, 1.0, 4.0, 10.0]
QUALITY = [0.8, 0.2, 0.5, 1.0]


def test_measures_of_one_course():
    assert resilience_loss(TIME, QUALITY, horizon=24.0) == pytest.approx(0.2 + 2.4 + 3.0)
    assert resilience_index(TIME, QUALITY, horizon=24.0) == pytest.approx(1.0 - 5.6 / 24.0)
    assert robustness(QUALITY) == 0.2
    assert [float(recovery_time(TIME, QUALITY, level=level)) for level in (0.1, 0.5, 0.9, 1.0)] == [0, 4, 10, 10]
    assert rapidity(TIME, QUALITY) == pytest.approx(0.8 / 9.0)
    assert rapidity(TIME, QUALITY, level=0.5) == pytest.approx(0.3 / 3.0)


def test_no_loss_and_no_recovery():
    assert resilience_loss(TIME, np.ones(4)) == 0.0
    assert recovery_time(TIME, np.ones(4)) == 0.0
    assert np.isnan(rapidity(TIME, np.ones(4)))
    assert recovery_time(TIME, [1.0, 0.2, 0.5, 0.5]) == np.inf
    assert rapidity(TIME, [1.0, 0.2, 0.5, 0.5]) == 0.0


def test_a_recovery_that_is_lost_again_does_not_count():
    assert recovery_time([0, 1, 2, 3, 4], [0.0, 1.0, 0.5, 1.0, 1.0]) == 3.0


def test_times_are_counted_from_the_first():
    assert recovery_time([5.0, 8.0], [0.0, 1.0]) == 3.0
    assert resilience_index([5.0, 8.0], [0.0, 1.0], horizon=11.0) == 0.5
    assert rapidity([5.0, 8.0], [0.0, 1.0]) == pytest.approx(1.0 / 3.0)


def test_leading_dimensions_are_kept_and_zones_averaged_by_weight():
    quality = np.stack([[QUALITY, np.ones(4)], [np.ones(4), np.ones(4)]])  # (sample, zone, time)
    assert resilience_loss(TIME, quality).shape == (2, 2)
    loss = resilience_loss(TIME, quality, weights=[30, 10])
    assert loss == pytest.approx([0.75 * 5.6, 0.0])
    assert robustness(quality, weights=[30, 10]) == pytest.approx([0.4, 1.0])
    assert recovery_time(TIME, quality, level=0.6, weights=[30, 10]).tolist() == [4.0, 0.0]
    assert rapidity(TIME, quality, weights=[30, 10])[0] == pytest.approx(0.6 / 9.0)
    assert person_hours_lost(TIME, quality, [30, 10]) == pytest.approx([30 * 5.6, 0.0])


def test_a_gap_of_the_intact_city_is_not_lost():
    assert resilience_loss([0.0, 2.0], [0.3, 0.7], intact=0.6, horizon=9.0) == pytest.approx(0.6)
    assert person_hours_lost([0.0], [[0.5], [0.5]], [10, 10], horizon=2.0, intact=[[0.5], [1.0]]) == pytest.approx(10.0)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 10)), min_size=1, max_size=8),
    st.lists(st.integers(1, 160), max_size=8),
)
def test_the_integral_does_not_depend_on_the_grid(steps, more):
    """Whole hours and tenths of quality: splitting steps changes nothing but roundings."""
    edges = np.cumsum([0, *(length for length, _ in steps)]).astype(float)
    values = np.array([share / 10 for _, share in steps])
    end = edges[-1]
    finer = np.unique([*edges[:-1], *(time for time in more if time < end)])
    on_it = values[np.searchsorted(edges, finer, side="right") - 1]
    wanted = sum(length * (10 - share) for length, share in steps) / 10
    assert resilience_loss(edges[:-1], values, horizon=end) == pytest.approx(wanted, abs=1e-9)
    assert resilience_loss(finer, on_it, horizon=end) == pytest.approx(wanted, abs=1e-9)
    for level in (0.3, 0.9):
        assert recovery_time(finer, on_it, level=level) == recovery_time(edges[:-1], values, level=level)


def test_points_may_be_joined_by_lines():
    assert integrate_course([0.0, 10.0], [0.6, 0.0], horizon=30.0, between="linear") == 3.0
    assert integrate_course([0.0, 10.0], [0.6, 0.2], horizon=30.0, between="linear") == pytest.approx(8.0)


def test_persons_and_hours_scale():
    quality = np.random.default_rng(1).random((3, 4))
    once = person_hours_lost(TIME, quality, [1, 2, 3], horizon=20.0)
    assert person_hours_lost(TIME, quality, [10, 20, 30], horizon=20.0) == pytest.approx(10 * once)
    assert person_hours_lost(2 * np.array(TIME), quality, [1, 2, 3], horizon=40.0) == pytest.approx(2 * once)


def test_indices_over_time_are_those_of_the_list():
    listed = customer_indices([200, 50], [1.5, 4.0], total=1000)
    quality = [[0, 0, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]]
    over_time = customer_indices_over_time([0.0, 1.0, 1.5, 4.0], quality, [200, 50, 750], horizon=24.0)
    assert over_time == pytest.approx(listed)


def test_each_fall_is_an_interruption():
    saifi, saidi, caidi = customer_indices_over_time([0, 1, 2, 3, 4], [[0.5, 0.25, 1.0, 0.0, 1.0]], [10], horizon=9)
    assert (saifi, saidi) == (1.75, 2.25)
    assert caidi == pytest.approx(2.25 / 1.75)
    assert np.isnan(customer_indices([], [], total=10).caidi)


def test_energy_not_served():
    assert energy_not_served([0.0, 2.0, 5.0], [[10.0, 4.0, 0.0], [0.0, 0.0, 1.0]], horizon=6.0).tolist() == [32.0, 1.0]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: resilience_loss([0, 0], [1, 1]), "strictly increasing"),
        (lambda: resilience_loss([0, np.nan], [1, 1]), "finite"),
        (lambda: resilience_loss([0, 1], [1, 1, 1]), "2 values along the last dimension"),
        (lambda: resilience_loss([0, 1], [1, 1.2]), "1 of 2 others (first: 1.2)"),
        (lambda: resilience_loss([0, 1], [1, np.nan]), "shares in [0, 1]"),
        (lambda: resilience_loss([0, 2], [1, 1], horizon=1.0), "at least the last time 2"),
        (lambda: integrate_course([0, 1], [1, np.nan]), "1 of 2 NaN"),
        (lambda: robustness(np.ones((2, 3)), weights=[1, 2, 3]), "2 finite numbers"),
        (lambda: robustness(np.ones((2, 3)), weights=[0, 0]), "not all 0"),
        (lambda: person_hours_lost([0, 1], np.ones((2, 2)), [1, -1]), "persons"),
        (lambda: customer_indices([-1], [1], total=0), "total"),
        (lambda: fit_recovery([0, 1, 2, 3], [0, 0.5, 0.4, 1]), "never decrease"),
        (lambda: fit_recovery([0, 1, 2], [0, 0.5, 1]), "at least 3 points"),
        (lambda: fit_recovery([0, 1, 2], [0, 0.5]), "shapes"),
    ],
)
def test_what_is_refused(call, told):
    with pytest.raises(DataError, match=re.escape(told)):
        call()


def test_a_known_law_is_found_again():
    from resilience.repair_times import RepairTime

    hours = np.array([5.0, 20, 40, 60, 100, 200])
    for truth in (
        RepairTime("a", 1, "lognormal", {"median": 48, "beta": 0.9}),
        RepairTime("a", 1, "exponential", {"mean": 30}),
    ):
        fit = fit_recovery(hours, truth.cdf(hours), distribution=truth.distribution)
        assert fit.repair_time.parameters == pytest.approx(truth.parameters, rel=1e-5)
        assert fit.squared_error < 1e-12

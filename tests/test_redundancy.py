"""Availability of redundant units against closed forms worked out by hand, enumeration and laws."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from resilience import redundancy
from resilience.errors import ConfigurationError, DataError

A = 0.98  # availability of one unit in all values worked out by hand


def test_values_worked_out_by_hand():
    assert redundancy.k_of_n(A, units=5, required=4) == pytest.approx(0.9961576, abs=5e-8)
    assert redundancy.with_spares(A, needed=4) == pytest.approx(0.9961576, abs=5e-8)
    assert redundancy.duplicated(A) == pytest.approx(0.9996, abs=1e-12)
    assert redundancy.duplicated_with_spares(A, needed=4) == pytest.approx(0.9999852, abs=5e-8)
    assert redundancy.active_standby(A, switch=0.9) == pytest.approx(0.99764, abs=1e-12)
    assert redundancy.active_active(A) == pytest.approx(0.9996, abs=1e-12)
    assert redundancy.common_cause_failure(0.01, beta=0.1) == pytest.approx(0.001081, abs=1e-12)
    assert redundancy.common_cause_failure(0.01, beta=0.0) == pytest.approx(0.0001, abs=1e-12)


@given(st.floats(0.0, 1.0), st.integers(0, 6), st.data())
def test_k_of_n_equals_the_sum_over_all_states(a, units, data):
    required = data.draw(st.integers(0, units))
    states = product([True, False], repeat=units)
    wanted = sum(prod(a if up else 1 - a for up in state) for state in states if sum(state) >= required)
    assert redundancy.k_of_n(a, units=units, required=required) == pytest.approx(wanted, abs=1e-12)


def test_a_standby_that_cannot_be_switched_to_is_no_standby():
    assert redundancy.active_standby(A, switch=0.0) == A
    assert redundancy.active_standby(A, switch=1.0) == pytest.approx(redundancy.active_active(A))
    assert redundancy.active_standby(A, switch=1.0, standby=0.0) == A


@given(st.floats(0.6, 1.0), st.floats(0.0, 1.0))
def test_a_common_cause_harms_what_is_redundant_and_spares_what_is_in_series(a, beta):
    assert redundancy.active_active(a, beta=beta) <= redundancy.duplicated(a) + 1e-12
    assert redundancy.active_active(a, beta=1.0) == pytest.approx(a, abs=1e-12)
    assert redundancy.duplicated(a, beta=1.0) == pytest.approx(a, abs=1e-12)
    assert redundancy.duplicated(a, beta=beta) == pytest.approx(redundancy.active_active(a, beta=beta), abs=1e-12)
    assert redundancy.active_active(a, sites=3, required=3, beta=beta) >= a**3 - 1e-12


def test_arrays_and_labels_pass():
    a = np.array([0.9, 0.99])
    np.testing.assert_allclose(redundancy.duplicated(a), 1 - (1 - a) ** 2)
    labelled = xr.DataArray(a, dims="site", coords={"site": ["x", "y"]}, attrs={"units": "1"})
    got = redundancy.k_of_n(labelled, units=3, required=2)
    assert got.dims == ("site",)
    assert list(got["site"].values) == ["x", "y"]
    np.testing.assert_array_equal(got, redundancy.k_of_n(a, units=3, required=2))
    assert labelled.attrs == {"units": "1"}


def test_what_is_no_probability_is_told():
    with pytest.raises(
        DataError, match=r"unit: 2 of 3 values outside \(first: 1.1, nan\); wanted: a probability, 0 to 1"
    ):
        redundancy.k_of_n(np.array([0.5, 1.1, np.nan]), units=2, required=1)
    with pytest.raises(DataError, match="switch: outside"):
        redundancy.active_standby(A, switch=-0.1)
    with pytest.raises(ConfigurationError, match="required: 3; wanted: at most the 2 units there are"):
        redundancy.k_of_n(A, units=2, required=3)
    with pytest.raises(ConfigurationError, match=r"units: 2.5(.|\n)*required: -1"):
        redundancy.k_of_n(A, units=2.5, required=-1)
    with pytest.raises(ConfigurationError, match="spares"):
        redundancy.with_spares(A, needed=4, spares=-1)
    with pytest.raises(ConfigurationError, match="units"):
        redundancy.duplicated(A, paths=0)

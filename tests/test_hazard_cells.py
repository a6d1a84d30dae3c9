"""The cleaning kernel against plain loops."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from resilience.kernels.clean_cells import clean_cells

CELLS = st.lists(
    st.one_of(st.sampled_from([-9999.0, 0.0, 30.0, -0.0, float("nan"), float("inf")]), st.floats(-50, 400, width=32)),
    max_size=70,
)


def clean_one_by_one(nodata, scale, shift, low, high, values):
    cleaned, n_bad = [], 0
    for value in values:
        if value == np.float32(nodata):
            cleaned.append(np.float32(np.nan))
            continue
        intensity = np.float32(float(value) * scale + shift)
        n_bad += bool(intensity < np.float32(low) or intensity > np.float32(high))
        cleaned.append(intensity)
    return np.array(cleaned, dtype=np.float32), n_bad


@settings(max_examples=150, deadline=None)
@given(
    CELLS,
    st.sampled_from([-9999.0, float("nan"), 0.0]),
    st.sampled_from([(1.0, 0.0), (0.01, 0.0), (1.0, -273.15), (5 / 9, -160 / 9)]),
)
def test_cells_are_cleaned_like_one_by_one(cells, nodata, conversion):
    values = np.array(cells, dtype=np.float32)
    expected, expected_bad = clean_one_by_one(nodata, *conversion, 0.0, 30.0, values)
    n_bad = clean_cells(nodata, *conversion, 0.0, 30.0, values)
    np.testing.assert_array_equal(values, expected)
    assert n_bad == expected_bad


def test_kelvin_makes_no_rounding_beyond_float32():
    values = np.array([273.15, 300.0], dtype=np.float32)
    clean_cells(np.nan, 1.0, -273.15, -40.0, 80.0, values)
    np.testing.assert_array_equal(values, (np.array([273.15, 300.0], np.float32).astype(float) - 273.15).astype("f4"))

"""Standard errors: against NumPy, and nothing where all samples are equal, in every table of a run."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from resilience.pipeline import assess
from resilience.risk.standard_errors import ratio_residual, sample_error, sample_spread


@given(arrays(np.float64, (3, 7), elements=st.floats(-1e6, 1e6)))
def test_the_error_of_a_mean_is_that_of_numpy(values: np.ndarray) -> None:
    error = sample_error(values)
    equal = (values == values[:, :1]).all(axis=1)
    assert (error[equal] == 0).all()
    wanted = values.std(axis=1, ddof=1) / np.sqrt(7)
    np.testing.assert_array_equal(error[~equal], wanted[~equal])
    np.testing.assert_array_equal(sample_spread(values)[~equal], values.std(axis=1, ddof=1)[~equal])


def test_one_sample_has_no_error() -> None:
    assert np.isnan(sample_error([[3.0], [4.0]])).all()
    assert np.isnan(sample_error([3.0]))


def test_a_ratio_that_all_samples_have_leaves_nothing() -> None:
    base = np.random.default_rng(1).uniform(1, 1e6, (2, 512))
    ratio = np.array([1 / 3, np.nan])
    left = ratio_residual(base * ratio[0], ratio, base)
    assert not left[0].any()
    np.testing.assert_array_equal(left[1], base[1] * ratio[0])


def test_samples_that_are_all_equal_have_no_error_in_any_table(site, tmp_path) -> None:
    """Two pumps, for certain out for 20 minutes and more; people and rates that are no whole numbers of binary."""
    scenario = site.scenario(
        [{"id": f"p{i}", "sector": "power", "replacement_cost": 0.1} for i in range(2)],
        [{"family": "river", "values": [[1.0, 0.0], [1.0, 1.0]], "return_periods": [3, 7], "duration_hours": 4.1}],
        zones=[{"id": "z0", "persons": 1000.1}, {"id": "z1", "persons": 33.3}],
        needs=[("z0", "power", ["p0"], 1), ("z1", "power", ["p1"], 1)],
        supply=[{"asset": f"p{i}", "sector": "power", "is_source": True, "capacity": 0.7, "demand": 0.1}
                for i in range(2)],
        levels={"power": "share"}, time={"hours": [0, 0.7, 1, 24], "restart_hours": 0.35},
        importance={"top": 0, "assets": ["p0"]}, risk={"catalogue_years": 0},
    )  # fmt: skip
    result = assess(scenario, out=tmp_path / "run")
    found = 0
    for path in sorted((tmp_path / "run").glob("*.csv")):
        table = pd.read_csv(path)
        errors = [name for name in table if "standard_error" in name]
        for name in errors:
            told = table[name].dropna()
            assert (told == 0).all(), f"{path.name} {name}: {told[told != 0].tolist()}"
            found += len(told)
    assert found > 20
    names = [str(name) for name in result.dataset.data_vars if "standard_error" in str(name)]
    assert len(names) > 5
    for name in names:
        values = result.dataset[name].values
        assert not np.nan_to_num(values).any(), name


def test_the_table_of_indices_says_its_units(site, tmp_path) -> None:
    scenario = site.scenario(
        [{"id": "p"}], [{"values": [[0.5]], "return_periods": [10], "duration_hours": 2}],
        needs=[("zone", "power", ["p"], 1)], time={"hours": [0, 2, 8]},
    )  # fmt: skip
    assess(scenario, out=tmp_path / "run")
    assert pd.read_csv(tmp_path / "run" / "indices.csv")["unit"].tolist() == ["h/year, 1/year, h"]
    assert pd.read_csv(tmp_path / "run" / "zones.csv")["intact_power"].tolist() == [1.0]
    with pytest.raises(KeyError):
        pd.read_csv(tmp_path / "run" / "indices.csv")["units"]
